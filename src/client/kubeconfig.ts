// Reads and writes kubeconfig files: which server, whom to trust, who we are. Certificates, keys and tokens stand in the file or in
// files it names (relative to it). Credential plug-ins (exec, auth providers) and basic authentication are not supported and say so.
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { loadYaml } from '../base/yaml.ts'
import type { HttpsOptions } from './https-transport.ts'

export interface Kubeconfig {
  apiVersion?: string
  kind?: string
  'current-context'?: string
  clusters?: { name: string; cluster: ClusterEntry }[]
  users?: { name: string; user: UserEntry }[]
  contexts?: { name: string; context: ContextEntry }[]
  preferences?: object
}
export interface ClusterEntry {
  server: string
  'certificate-authority'?: string
  /** Base64, like all `-data`. */
  'certificate-authority-data'?: string
  'insecure-skip-tls-verify'?: boolean
  'tls-server-name'?: string
}
export interface UserEntry {
  'client-certificate'?: string
  'client-certificate-data'?: string
  'client-key'?: string
  'client-key-data'?: string
  token?: string
  tokenFile?: string
  [other: string]: unknown
}
export interface ContextEntry {
  cluster: string
  user: string
  namespace?: string
}

/** The kubeconfig is unreadable or does not say what is needed; the message says what and where. */
export class KubeconfigError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'KubeconfigError'
  }
}

/** @throws KubeconfigError */
export function parseKubeconfig(text: string): Kubeconfig {
  let config: unknown
  try {
    config = loadYaml().parse(text)
  } catch (err) {
    throw new KubeconfigError(`the kubeconfig is not YAML: ${(err as Error).message.split('\n')[0]}`, { cause: err })
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new KubeconfigError('the kubeconfig is not a mapping')
  }
  const { kind } = config as Kubeconfig
  if (kind !== undefined && kind !== 'Config') throw new KubeconfigError(`a kubeconfig has kind Config, not ${kind}`)
  for (const list of ['clusters', 'users', 'contexts'] as const) {
    const entries = (config as Kubeconfig)[list]
    if (entries !== undefined && entries !== null && !Array.isArray(entries)) {
      throw new KubeconfigError(`${list} of the kubeconfig is not a list`)
    }
  }
  return config as Kubeconfig
}

export function formatKubeconfig(config: Kubeconfig): string {
  return loadYaml().stringify({ apiVersion: 'v1', kind: 'Config', ...config }, { lineWidth: 0 })
}

/** A kubeconfig of one cluster, one user and one context, all inline. PEM in, base64 out. */
export function buildKubeconfig(access: {
  server: string
  ca: string
  cluster: string
  user: string
  credentials: { cert: string; key: string } | { token: string }
  namespace?: string
}): Kubeconfig {
  const { server, ca, cluster, user, credentials, namespace } = access
  const context = `${user}@${cluster}`
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: cluster, cluster: { server, 'certificate-authority-data': toBase64(ca) } }],
    users: [
      {
        name: user,
        user:
          'token' in credentials
            ? { token: credentials.token }
            : { 'client-certificate-data': toBase64(credentials.cert), 'client-key-data': toBase64(credentials.key) },
      },
    ],
    contexts: [{ name: context, context: { cluster, user, ...(namespace ? { namespace } : {}) } }],
    'current-context': context,
  }
}

/** How to reach the server of a context of the file (the current one unless named). @throws KubeconfigError */
export async function loadKubeconfig(
  path: string,
  contextName?: string,
): Promise<{ options: HttpsOptions; namespace: string }> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (err) {
    throw new KubeconfigError(`cannot read the kubeconfig ${path}: ${(err as Error).message}`, { cause: err })
  }
  return await resolveKubeconfig(parseKubeconfig(text), dirname(path), contextName)
}

/** @param baseDir where relative file names of the kubeconfig begin. @throws KubeconfigError */
export async function resolveKubeconfig(
  config: Kubeconfig,
  baseDir: string,
  contextName = config['current-context'] ?? '',
): Promise<{ options: HttpsOptions; namespace: string }> {
  const context = named(config.contexts, 'context', contextName).context
  const cluster = named(config.clusters, 'cluster', context?.cluster ?? '').cluster
  const user = context.user ? named(config.users, 'user', context.user).user : {}
  if (!cluster?.server) throw new KubeconfigError(`cluster ${JSON.stringify(context.cluster)} has no server`)
  const unsupported = ['exec', 'auth-provider', 'username', 'password'].find((field) => user?.[field])
  if (unsupported) {
    throw new KubeconfigError(`user ${JSON.stringify(context.user)} authenticates by ${unsupported}: not supported`)
  }
  const pem = async (data: string | undefined, file: string | undefined) => {
    if (data) return Buffer.from(data, 'base64').toString()
    if (!file) return undefined
    try {
      return await readFile(resolve(baseDir, file), 'utf8')
    } catch (err) {
      throw new KubeconfigError(`the kubeconfig names ${file}: ${(err as Error).message}`, { cause: err })
    }
  }
  const identity = async () => {
    const cert = await pem(user['client-certificate-data'], user['client-certificate'])
    const key = await pem(user['client-key-data'], user['client-key'])
    return cert && key ? { cert, key } : undefined
  }
  const hasIdentity = (await identity()) !== undefined
  const ca = await pem(cluster['certificate-authority-data'], cluster['certificate-authority'])
  return {
    namespace: context.namespace ?? 'default',
    options: {
      server: cluster.server,
      ...(ca ? { ca } : {}),
      ...(cluster['tls-server-name'] ? { serverName: cluster['tls-server-name'] } : {}),
      ...(cluster['insecure-skip-tls-verify'] ? { insecureSkipTlsVerify: true } : {}),
      ...(hasIdentity ? { clientCertificate: async () => (await identity())! } : {}),
      ...(user.token ? { token: user.token } : {}),
      ...(user.tokenFile && !user.token ? { tokenFile: resolve(baseDir, user.tokenFile) } : {}),
    },
  }
}

function named<E extends { name: string }>(entries: E[] | undefined | null, what: string, name: string): E {
  const found = entries?.find((entry) => entry?.name === name)
  if (!found) throw new KubeconfigError(name ? `no ${what} ${JSON.stringify(name)}` : `no current ${what}`)
  return found
}

const toBase64 = (pem: string) => Buffer.from(pem).toString('base64')
