// The cluster's settings: flags over SKIFF_* variables over a config file over what the cluster was last started with over defaults.
// One table says all of them.
import { existsSync, readFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { homedir, hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { loadYaml } from '../base/yaml.ts'
import { overlaps } from './cidr.ts'

/** Something the user can mend: the message says what is wrong and what to do, and no stack is printed. */
export class CliError extends Error {
  readonly exitCode: number
  constructor(message: string, exitCode = 1) {
    super(message)
    this.name = 'CliError'
    this.exitCode = exitCode
  }
}

export interface Config {
  /** Absolute. */
  dataDir: string
  /** Distinguishes clusters on one machine: containers' labels, networks, rules, the kubeconfig's context. */
  name: string
  nodeName: string
  apiPort: number
  agentPort: number
  /** `unix:///var/run/docker.sock` */
  dockerHost: string
  podCIDR: string
  serviceCIDR: string
  clusterDomain: string
  /** Address that the node and the API server tell others; empty: that of the default route. */
  nodeIP: string
  /** Files and lists by which the API server is configured, as kube-apiserver's flags of these names; empty: none. Files are absolute. */
  tokenAuthFile: string
  authenticationConfig: string
  authenticationTokenWebhookConfigFile: string
  /** `v1` or `v1beta1`: of the TokenReviews that the webhook is sent. */
  authenticationTokenWebhookVersion: string
  /** By comma; empty: the defaults. */
  serviceAccountIssuer: string
  apiAudiences: string
  authorizationConfig: string
  admissionControlConfigFile: string
  enableAdmissionPlugins: string
  disableAdmissionPlugins: string
  auditPolicyFile: string
  auditLogPath: string
  /** Megabytes; number; days: when the audit log is put aside, and how long what was is kept. 0: no bound. */
  auditLogMaxSize: string
  auditLogMaxBackup: string
  auditLogMaxAge: string
  encryptionProviderConfig: string
}

interface Setting {
  key: keyof Config
  flag: string
  help: string
  value: () => string
  check: (value: string) => string | undefined
}

const port = (value: string) =>
  /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65535 ? undefined : 'must be a port, 1 to 65535'
const label = (value: string) =>
  /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/.test(value)
    ? undefined
    : "must be lower-case letters, digits, '-' and '.', at most 63 characters"
const shortLabel = (value: string) =>
  /^[a-z]([-a-z0-9]{0,18}[a-z0-9])?$/.test(value)
    ? undefined
    : "must be 1 to 20 lower-case letters, digits and '-', beginning with a letter"
const cidr = (minBits: number, maxBits: number) => (value: string) => {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(value)
  if (!match || match.slice(1, 5).some((part) => Number(part) > 255))
    return 'must be an IPv4 range such as 10.244.0.0/16'
  const bits = Number(match[5])
  return bits >= minBits && bits <= maxBits ? undefined : `must have a prefix of /${minBits} to /${maxBits}`
}
const ipOrEmpty = (value: string) => (value === '' || isIPv4(value) ? undefined : 'must be an IPv4 address')
const unixSocket = (value: string) =>
  /^unix:\/\/\/./.test(value)
    ? undefined
    : 'must be unix:///path/of/docker.sock: the agent uses the Engine of its own host'
const nonEmpty = (value: string) => (value === '' ? 'must not be empty' : undefined)

const file = (key: keyof Config, flag: string, help: string): Setting => ({
  key,
  flag,
  help,
  value: () => '',
  check: () => undefined,
})
const pluginList = (value: string) =>
  /^([A-Za-z]+(,[A-Za-z]+)*)?$/.test(value) ? undefined : 'must be names of admission plug-ins, separated by commas'
const list = (key: keyof Config, flag: string, help: string): Setting => ({
  ...file(key, flag, help),
  check: pluginList,
})
/** k8s: what looks like a URL must be one; other names are fine. */
const issuers = (value: string) =>
  value.split(',').every((one) => !one.includes(':') || URL.canParse(one))
    ? undefined
    : 'must be names or URLs, separated by commas'
const number = (key: keyof Config, flag: string, help: string, value: string): Setting => ({
  key,
  flag,
  help,
  value: () => value,
  check: (text) => (/^\d{1,6}$/.test(text) ? undefined : 'must be a number'),
})
const FILES: ReadonlySet<string> = new Set([
  'tokenAuthFile',
  'authenticationConfig',
  'authenticationTokenWebhookConfigFile',
  'authorizationConfig',
  'admissionControlConfigFile',
  'auditPolicyFile',
  'auditLogPath',
  'encryptionProviderConfig',
])

export function defaultDataDir(): string {
  return process.getuid?.() === 0
    ? '/var/lib/skiff'
    : join(process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local/share'), 'skiff')
}

const settings: readonly Setting[] = [
  {
    key: 'dataDir',
    flag: 'data-dir',
    help: 'where the cluster keeps its state',
    value: defaultDataDir,
    check: nonEmpty,
  },
  {
    key: 'name',
    flag: 'name',
    help: "the cluster's name, to tell clusters on one machine apart",
    value: () => 'skiff',
    check: shortLabel,
  },
  {
    key: 'nodeName',
    flag: 'node-name',
    help: "this node's name",
    value: () =>
      hostname()
        .toLowerCase()
        .replace(/[^a-z0-9.-]/g, '-')
        .replace(/^[-.]+|[-.]+$/g, '') || 'node',
    check: label,
  },
  { key: 'apiPort', flag: 'api-port', help: "the API server's port", value: () => '6443', check: port },
  { key: 'agentPort', flag: 'agent-port', help: "the node agent's port", value: () => '10250', check: port },
  {
    key: 'dockerHost',
    flag: 'docker-host',
    help: 'the Docker Engine, unix:///path',
    value: () => process.env['DOCKER_HOST'] || 'unix:///var/run/docker.sock',
    check: unixSocket,
  },
  { key: 'podCIDR', flag: 'pod-cidr', help: 'addresses of pods', value: () => '10.244.0.0/16', check: cidr(8, 24) },
  {
    key: 'serviceCIDR',
    flag: 'service-cidr',
    help: 'addresses of Services',
    value: () => '10.96.0.0/16',
    check: cidr(8, 24),
  },
  {
    key: 'clusterDomain',
    flag: 'cluster-domain',
    help: 'the DNS domain of Services',
    value: () => 'cluster.local',
    check: label,
  },
  {
    key: 'nodeIP',
    flag: 'node-ip',
    help: "this node's address (default: that of the default route)",
    value: () => '',
    check: ipOrEmpty,
  },
  file('tokenAuthFile', 'token-auth-file', 'static tokens: a CSV file of token,user,uid,"groups"'),
  file('authenticationConfig', 'authentication-config', 'an AuthenticationConfiguration: OIDC issuers, anonymous'),
  file(
    'authenticationTokenWebhookConfigFile',
    'authentication-token-webhook-config-file',
    'a kubeconfig of a service that says whose a token is',
  ),
  {
    ...file('authenticationTokenWebhookVersion', 'authentication-token-webhook-version', 'v1 or v1beta1'),
    value: () => 'v1beta1',
    check: (text) => (text === 'v1' || text === 'v1beta1' ? undefined : 'must be v1 or v1beta1'),
  },
  {
    ...file('serviceAccountIssuer', 'service-account-issuer', "who service accounts' tokens are from, by comma"),
    check: issuers,
  },
  file('apiAudiences', 'api-audiences', 'audiences of tokens for the API, by comma (the issuers)'),
  file('authorizationConfig', 'authorization-config', 'an AuthorizationConfiguration: webhooks'),
  file('admissionControlConfigFile', 'admission-control-config-file', 'an AdmissionConfiguration'),
  list(
    'enableAdmissionPlugins',
    'enable-admission-plugins',
    'admission plug-ins to add to those that are on, by comma',
  ),
  list('disableAdmissionPlugins', 'disable-admission-plugins', 'admission plug-ins to leave out, by comma'),
  file('auditPolicyFile', 'audit-policy-file', 'an audit Policy: what the audit log tells'),
  file('auditLogPath', 'audit-log-path', 'where the audit log is written (logs/audit.log); - is the standard output'),
  number('auditLogMaxSize', 'audit-log-maxsize', 'megabytes after which the audit log is put aside', '100'),
  number('auditLogMaxBackup', 'audit-log-maxbackup', 'how many audit logs put aside are kept; 0: all', '10'),
  number('auditLogMaxAge', 'audit-log-maxage', 'days for which they are kept; 0: for ever', '0'),
  file('encryptionProviderConfig', 'encryption-provider-config', 'an EncryptionConfiguration'),
]

const switches = ['demo', 'purge', 'json'] as const
/** Flags without a value. Each command says which it takes. */
export type Switch = (typeof switches)[number]

export const USAGE_OF_FLAGS = `Flags (also SKIFF_DATA_DIR and so on, or keys of a YAML file named by --config or SKIFF_CONFIG):
${settings.map((s) => `  --${s.flag.padEnd(30)} ${s.help}${s.value() ? ` (${s.value()})` : ''}`).join('\n')}
  --${'config'.padEnd(30)} a YAML file with the above, e.g. "apiPort: 7443"
`

export interface Flags {
  values: Map<string, string>
  switches: Set<Switch>
  /** What a command that takes one is applied to. */
  subject?: string
}

/** @param allowed the switches that the command takes. @param subjects what it may be applied to. @throws CliError naming the flag. */
export function parseFlags(
  args: readonly string[],
  allowed: readonly Switch[] = [],
  subjects: readonly string[] = [],
): Flags {
  const flags: Flags = { values: new Map(), switches: new Set() }
  const known = new Set([...settings.map((s) => s.flag), 'config'])
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (!flags.subject && subjects.includes(arg)) {
      flags.subject = arg
      continue
    }
    const match = /^--([a-z-]+)(?:=(.*))?$/s.exec(arg)
    if (!match) throw new CliError(`unexpected argument ${JSON.stringify(arg)}; see skiff help`, 2)
    const [, flag, inline] = match
    if ((switches as readonly string[]).includes(flag!)) {
      if (!allowed.includes(flag as Switch)) throw new CliError(`this command takes no --${flag}; see skiff help`, 2)
      if (inline !== undefined) throw new CliError(`--${flag} takes no value`, 2)
      flags.switches.add(flag as Switch)
    } else if (known.has(flag!)) {
      const value = inline ?? args[++i]
      if (value === undefined) throw new CliError(`--${flag} needs a value`, 2)
      flags.values.set(flag!, value)
    } else throw new CliError(`unknown flag --${flag}; see skiff help`, 2)
  }
  if (subjects.length > 0 && !flags.subject)
    throw new CliError(`this command needs its subject: ${subjects.join(' or ')}`, 2)
  return flags
}

/** What the cluster in a data directory was last started with. */
export interface SavedSettings {
  file: string
  values: Readonly<Record<string, unknown>>
}

/**
 * @param saved gives the settings saved in a data directory, once that is known; undefined when there are none.
 * @throws CliError naming the flag, variable or file key that is wrong.
 */
export function resolveConfig(
  flags: Flags,
  env: NodeJS.ProcessEnv = process.env,
  saved: (dataDir: string) => SavedSettings | undefined = () => undefined,
): Config {
  const path = flags.values.get('config') ?? env['SKIFF_CONFIG']
  const file = path ? readConfigFile(path) : {}
  const config: Record<string, string | number> = {}
  let last: SavedSettings | undefined
  for (const { key, flag, value, check } of settings) {
    const variable = `SKIFF_${flag.toUpperCase().replaceAll('-', '_')}`
    const candidates: [origin: string, value: unknown][] = [
      [`--${flag}`, flags.values.get(flag)],
      [variable, env[variable]],
      [`${path}: ${key}`, file[key]],
      [`${last?.file}: ${key}`, last?.values[key]],
      [`the default of --${flag}`, value()],
    ]
    const [origin, chosen] = candidates.find(([, candidate]) => candidate !== undefined && candidate !== null)!
    const text = String(chosen)
    const wrong = check(text)
    if (wrong) throw new CliError(`${origin}: ${JSON.stringify(text)} ${wrong}`, 2)
    if (key === 'dataDir') {
      // The first of the settings: where the data is decides what else was saved.
      config[key] = resolve(text)
      last = saved(config[key])
    } else if (FILES.has(key)) config[key] = text === '' || text === '-' ? text : resolve(text)
    else config[key] = key === 'apiPort' || key === 'agentPort' ? Number(text) : text
  }
  const resolved = config as unknown as Config
  if (resolved.apiPort === resolved.agentPort)
    throw new CliError(`--api-port and --agent-port are both ${resolved.apiPort}: they must differ`, 2)
  if (overlaps(resolved.podCIDR, resolved.serviceCIDR))
    throw new CliError(
      `--pod-cidr ${resolved.podCIDR} and --service-cidr ${resolved.serviceCIDR} overlap: they must be apart`,
      2,
    )
  return resolved
}

function readConfigFile(path: string): Record<string, unknown> {
  if (!existsSync(path)) throw new CliError(`config file ${path} does not exist`, 2)
  const { parse } = loadYaml()
  let content: unknown
  try {
    content = parse(readFileSync(path, 'utf8'), { maxAliasCount: 0, logLevel: 'error' })
  } catch (err) {
    throw new CliError(`config file ${path}: ${(err as Error).message}`, 2)
  }
  if (content === null) return {}
  if (typeof content !== 'object' || Array.isArray(content))
    throw new CliError(`config file ${path}: must be a mapping of settings`, 2)
  const known = new Set<string>(settings.map((s) => s.key))
  const unknown = Object.keys(content).find((key) => !known.has(key))
  if (unknown)
    throw new CliError(
      `config file ${path}: unknown setting ${JSON.stringify(unknown)}; known are ${[...known].join(', ')}`,
      2,
    )
  return content as Record<string, unknown>
}

/** The settings as flags, for the processes that `up` starts. */
export function toFlags(config: Config): string[] {
  return settings.flatMap(({ key, flag }) => [`--${flag}=${config[key]}`])
}

/** The docker socket's path. */
export const socketPath = (config: Config) => config.dockerHost.slice('unix://'.length)
