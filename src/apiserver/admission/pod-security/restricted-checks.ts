// The checks of the restricted level, beyond baseline: pods say that they want no more than they need.
import { unconfined } from './baseline-checks.ts'
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
  unlessWindows,
  type Violation,
} from './check.ts'

function privilegeEscalation(spec: PodSpec): Violation | undefined {
  const bad = containersWith(spec, (context) => context.allowPrivilegeEscalation !== false)
  if (bad.length === 0) return undefined
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${named(bad)} must set securityContext.allowPrivilegeEscalation=false`,
  }
}

function capabilities(spec: PodSpec): Violation | undefined {
  const keeping = containersWith(spec, (context) => !context.capabilities?.drop?.includes('ALL'))
  const beyond = ({ securityContext }: AnyContainer) =>
    (securityContext?.capabilities?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE')
  const adding = containersOf(spec).filter((container) => beyond(container).length > 0)
  const details = [
    ...(keeping.length > 0 ? [`${named(keeping)} must set securityContext.capabilities.drop=["ALL"]`] : []),
    ...(adding.length > 0
      ? [
          `${named(adding)} must not include ${quoted(sortedSet(adding.flatMap(beyond)))} in securityContext.capabilities.add`,
        ]
      : []),
  ]
  return details.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: details.join('; ') }
}

const ALLOWED_VOLUMES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
] as const

const KNOWN_VOLUMES: ReadonlySet<string> = new Set([
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'gitRepo',
  'nfs',
  'iscsi',
  'glusterfs',
  'rbd',
  'flexVolume',
  'cinder',
  'cephfs',
  'flocker',
  'fc',
  'azureFile',
  'vsphereVolume',
  'quobyte',
  'azureDisk',
  'photonPersistentDisk',
  'portworxVolume',
  'scaleIO',
  'storageos',
])

function volumes(spec: PodSpec): Violation | undefined {
  const bad = (spec.volumes ?? []).filter((volume) => !ALLOWED_VOLUMES.some((type) => volume[type]))
  if (bad.length === 0) return undefined
  const types = sortedSet(bad.map((volume) => Object.keys(volume).find((key) => KNOWN_VOLUMES.has(key)) ?? 'unknown'))
  const uses = plural(bad.length, 'uses', 'use')
  return {
    reason: 'restricted volume types',
    detail: `${plural(bad.length, 'volume')} ${quoted(bad.map(({ name }) => name))} ${uses} ${plural(types.length, 'restricted volume type')} ${quoted(types)}`,
  }
}

function runAsNonRoot(spec: PodSpec): Violation | undefined {
  const reason = 'runAsNonRoot != true'
  const whole = spec.securityContext?.runAsNonRoot
  const refusing = containersWith(spec, (context) => context.runAsNonRoot === false)
  const who = setters(whole === false, refusing)
  if (who) return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` }
  const silent = whole ? [] : containersWith(spec, (context) => context.runAsNonRoot === undefined)
  if (silent.length === 0) return undefined
  return { reason, detail: `pod or ${named(silent)} must set securityContext.runAsNonRoot=true` }
}

function runAsUser(spec: PodSpec): Violation | undefined {
  const bad = containersWith(spec, (context) => context.runAsUser === 0)
  const who = setters(spec.securityContext?.runAsUser === 0, bad)
  return who ? { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` } : undefined
}

function seccomp(spec: PodSpec): Violation | undefined {
  const bad = unconfined(spec)
  if (bad || spec.securityContext?.seccompProfile) return bad
  const silent = containersWith(spec, (context) => context.seccompProfile === undefined)
  if (silent.length === 0) return undefined
  return {
    reason: 'seccompProfile',
    detail: `pod or ${named(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  }
}

const check = (id: string, overrides: string | undefined, ...versions: Check['versions']): Check => ({
  id,
  level: 'restricted',
  ...(overrides ? { overrides } : {}),
  versions,
})

/** In the order in which violations are told, after those of baseline. */
export const RESTRICTED: readonly Check[] = [
  check('allowPrivilegeEscalation', undefined, [8, privilegeEscalation], [25, unlessWindows(privilegeEscalation)]),
  check('capabilities_restricted', 'capabilities_baseline', [22, capabilities], [25, unlessWindows(capabilities)]),
  check('restrictedVolumes', 'hostPathVolumes', [0, volumes]),
  check('runAsNonRoot', undefined, [0, runAsNonRoot], [35, unlessOwnUsers(runAsNonRoot)]),
  check('runAsUser', undefined, [23, runAsUser], [35, unlessOwnUsers(runAsUser)]),
  check('seccompProfile_restricted', 'seccompProfile_baseline', [19, seccomp], [25, unlessWindows(seccomp)]),
]
