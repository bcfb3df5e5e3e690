// The checks of the baseline level: nothing that reaches through to the node.
import {
  type AnyContainer,
  type Check,
  containersOf,
  containersWith,
  named,
  type PodSpec,
  plural,
  quoted,
  setters,
  sortedSet,
  unlessOwnUsers,
  type Violation,
} from './check.ts'

const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/'
const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod'
const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/'

const ALLOWED_CAPABILITIES: ReadonlySet<string> = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
])

const SYSCTLS_1_0 = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
]
const SYSCTLS_1_27 = [...SYSCTLS_1_0, 'net.ipv4.ip_local_reserved_ports']
const SYSCTLS_1_29 = [
  ...SYSCTLS_1_27,
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
]
const SYSCTLS_1_32 = [...SYSCTLS_1_29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem']

const SELINUX_1_0 = ['', 'container_t', 'container_init_t', 'container_kvm_t']
const SELINUX_1_31 = [...SELINUX_1_0, 'container_engine_t']

const isConfined = (type: string | undefined) => type === 'RuntimeDefault' || type === 'Localhost'

function appArmor(spec: PodSpec, annotations: Readonly<Record<string, string>>): Violation | undefined {
  const podType = spec.securityContext?.appArmorProfile?.type
  const podIsBad = podType !== undefined && !isConfined(podType)
  const bad = containersWith(spec, ({ appArmorProfile }) => !!appArmorProfile && !isConfined(appArmorProfile.type))
  const types = sortedSet([
    ...(podIsBad ? [podType] : []),
    ...bad.map((container) => container.securityContext?.appArmorProfile?.type ?? ''),
  ])
  const noted = Object.entries(annotations)
    .filter(([key, value]) => key.startsWith(APPARMOR) && !/^$|^runtime\/default$|^localhost\//.test(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort()
  const who = [setters(podIsBad, bad), ...(noted.length > 0 ? [plural(noted.length, 'annotation')] : [])].filter(
    Boolean,
  )
  if (who.length === 0) return undefined
  const values = [...types, ...noted]
  return {
    reason: plural(values.length, 'forbidden AppArmor profile'),
    detail: `${who.join(' and ')} must not set AppArmor profile type to ${quoted(values)}`,
  }
}

function capabilities(spec: PodSpec): Violation | undefined {
  const beyond = ({ securityContext }: AnyContainer) =>
    (securityContext?.capabilities?.add ?? []).filter((name) => !ALLOWED_CAPABILITIES.has(name))
  const bad = containersOf(spec).filter((container) => beyond(container).length > 0)
  if (bad.length === 0) return undefined
  return {
    reason: 'non-default capabilities',
    detail: `${named(bad)} must not include ${quoted(sortedSet(bad.flatMap(beyond)))} in securityContext.capabilities.add`,
  }
}

function hostNamespaces(spec: PodSpec): Violation | undefined {
  const shared = (['hostIPC', 'hostNetwork', 'hostPID'] as const).filter((key) => spec[key])
  return shared.length === 0
    ? undefined
    : { reason: 'host namespaces', detail: shared.map((key) => `${key}=true`).join(', ') }
}

function hostPathVolumes(spec: PodSpec): Violation | undefined {
  const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath).map(({ name }) => name)
  if (names.length === 0) return undefined
  return { reason: 'hostPath volumes', detail: `${plural(names.length, 'volume')} ${quoted(names)}` }
}

function hostPorts(spec: PodSpec): Violation | undefined {
  const held = ({ ports }: AnyContainer) =>
    (ports ?? []).flatMap(({ hostPort }) => (hostPort ? [String(hostPort)] : []))
  const bad = containersOf(spec).filter((container) => held(container).length > 0)
  if (bad.length === 0) return undefined
  const ports = sortedSet(bad.flatMap(held))
  const uses = plural(bad.length, 'uses', 'use')
  return { reason: 'hostPort', detail: `${named(bad)} ${uses} ${plural(ports.length, 'hostPort')} ${ports.join(', ')}` }
}

function handlerHosts(container: AnyContainer): string[] {
  const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container
  const handlers = [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop]
  return handlers.flatMap((handler) =>
    [handler?.httpGet?.host, handler?.tcpSocket?.host].filter((host) => !!host),
  ) as string[]
}

function probeHosts(spec: PodSpec): Violation | undefined {
  const bad = containersOf(spec).filter((container) => handlerHosts(container).length > 0)
  if (bad.length === 0) return undefined
  const hosts = sortedSet(bad.flatMap(handlerHosts))
  const names = sortedSet(bad.map(({ name }) => name)).map((name) => ({ name }))
  const uses = plural(names.length, 'uses', 'use')
  return {
    reason: 'probe or lifecycle host',
    detail: `${named(names)} ${uses} ${plural(hosts.length, 'probe or lifecycle host')} ${quoted(hosts)}`,
  }
}

function privileged(spec: PodSpec): Violation | undefined {
  const bad = containersWith(spec, (context) => context.privileged === true)
  if (bad.length === 0) return undefined
  return { reason: 'privileged', detail: `${named(bad)} must not set securityContext.privileged=true` }
}

function procMount(spec: PodSpec): Violation | undefined {
  const bad = containersWith(spec, (context) => context.procMount !== undefined && context.procMount !== 'Default')
  if (bad.length === 0) return undefined
  const types = sortedSet(bad.map(({ securityContext }) => securityContext?.procMount ?? ''))
  return { reason: 'procMount', detail: `${named(bad)} must not set securityContext.procMount to ${quoted(types)}` }
}

const seLinux =
  (allowed: readonly string[]) =>
  (spec: PodSpec): Violation | undefined => {
    type Options = { readonly type?: string; readonly user?: string; readonly role?: string } | undefined
    const isBad = (options: Options) =>
      !!options && (!allowed.includes(options.type ?? '') || !!options.user || !!options.role)
    const own: Options = spec.securityContext?.seLinuxOptions
    const bad = containersWith(spec, ({ seLinuxOptions }) => isBad(seLinuxOptions))
    const who = setters(isBad(own), bad)
    if (!who) return undefined
    const all = [own, ...bad.map(({ securityContext }): Options => securityContext?.seLinuxOptions)]
    const types = sortedSet(all.map((options) => options?.type ?? '').filter((type) => !allowed.includes(type)))
    const what = [
      ...(types.length > 0 ? [`${plural(types.length, 'type')} ${quoted(types)}`] : []),
      ...(all.some((options) => options?.user) ? ['user may not be set'] : []),
      ...(all.some((options) => options?.role) ? ['role may not be set'] : []),
    ]
    return {
      reason: 'seLinuxOptions',
      detail: `${who} set forbidden securityContext.seLinuxOptions: ${what.join('; ')}`,
    }
  }

function seccompAnnotations(spec: PodSpec, annotations: Readonly<Record<string, string>>): Violation | undefined {
  const keys = [SECCOMP_POD, ...containersOf(spec).map(({ name }) => SECCOMP_CONTAINER + name)]
  const bad = sortedSet(
    keys.flatMap((key) => {
      const value = annotations[key]
      const fine = value === undefined || /^(runtime|docker)\/default$|^localhost\//.test(value)
      return fine ? [] : [`${key}=${JSON.stringify(value)}`]
    }),
  )
  if (bad.length === 0) return undefined
  return { reason: 'seccompProfile', detail: `forbidden ${plural(bad.length, 'annotation')} ${bad.join(', ')}` }
}

/** Shared with the restricted level, which also wants one to be set. */
export function unconfined(spec: PodSpec): Violation | undefined {
  const podType = spec.securityContext?.seccompProfile?.type
  const podIsBad = podType !== undefined && !isConfined(podType)
  const bad = containersWith(spec, ({ seccompProfile }) => !!seccompProfile && !isConfined(seccompProfile.type))
  const who = setters(podIsBad, bad)
  if (!who) return undefined
  const types = sortedSet([
    ...(podIsBad ? [podType] : []),
    ...bad.map(({ securityContext }) => securityContext?.seccompProfile?.type ?? ''),
  ])
  return {
    reason: 'seccompProfile',
    detail: `${who} must not set securityContext.seccompProfile.type to ${quoted(types)}`,
  }
}

const sysctls =
  (allowed: readonly string[]) =>
  (spec: PodSpec): Violation | undefined => {
    const bad = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !allowed.includes(name))
    return bad.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: bad.join(', ') }
  }

function windowsHostProcess(spec: PodSpec): Violation | undefined {
  const bad = containersWith(spec, ({ windowsOptions }) => windowsOptions?.hostProcess === true)
  const who = setters(spec.securityContext?.windowsOptions?.hostProcess === true, bad)
  if (!who) return undefined
  return { reason: 'hostProcess', detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` }
}

const check = (id: string, ...versions: Check['versions']): Check => ({ id, level: 'baseline', versions })

/** In the order in which violations are told. */
export const BASELINE: readonly Check[] = [
  check('appArmorProfile', [0, appArmor]),
  check('capabilities_baseline', [0, capabilities]),
  check('hostNamespaces', [0, hostNamespaces]),
  check('hostPathVolumes', [0, hostPathVolumes]),
  check('hostPorts', [0, hostPorts]),
  check('hostProbesAndHostLifecycle', [34, probeHosts]),
  check('privileged', [0, privileged]),
  check('procMount', [0, procMount], [35, unlessOwnUsers(procMount)]),
  check('seLinuxOptions', [0, seLinux(SELINUX_1_0)], [31, seLinux(SELINUX_1_31)]),
  check('seccompProfile_baseline', [0, seccompAnnotations], [19, unconfined]),
  check(
    'sysctls',
    [0, sysctls(SYSCTLS_1_0)],
    [27, sysctls(SYSCTLS_1_27)],
    [29, sysctls(SYSCTLS_1_29)],
    [32, sysctls(SYSCTLS_1_32)],
  ),
  check('windowsHostProcess', [0, windowsHostProcess]),
]
