// The APIServices of the group-versions that this server serves itself: those of built-in kinds, made at start, and those of custom
// resources, which come and go. Pure. k8s: priorities of the standard groups; custom groups have the lowest.
import type { APIService } from '../../api/kinds/api-service.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { formatTime } from '../../api/meta/time.ts'

export interface GroupVersion {
  readonly group: string
  readonly version: string
}

/** How the server knows its own: `onstart` for built-in ones, `true` for those that follow custom resources. */
export const AUTOMANAGED = 'kube-aggregator.kubernetes.io/automanaged'

const PRIORITIES: Readonly<Record<string, number>> = {
  '': 18_000,
  apps: 17_800,
  'events.k8s.io': 17_750,
  'authentication.k8s.io': 17_700,
  'authorization.k8s.io': 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  'certificates.k8s.io': 17_300,
  'networking.k8s.io': 17_200,
  policy: 17_100,
  'rbac.authorization.k8s.io': 17_000,
  'storage.k8s.io': 16_800,
  'apiextensions.k8s.io': 16_700,
  'admissionregistration.k8s.io': 16_700,
  'scheduling.k8s.io': 16_600,
  'coordination.k8s.io': 16_500,
  'node.k8s.io': 16_300,
  'discovery.k8s.io': 16_200,
  'flowcontrol.apiserver.k8s.io': 16_100,
  'internal.apiserver.k8s.io': 16_000,
  'resource.k8s.io': 15_900,
}
const CUSTOM_PRIORITY = 1000
const CUSTOM_VERSION_PRIORITY = 100
/** The aggregator's own group has no APIService. */
const OWN_GROUP = 'apiregistration.k8s.io'

export const serviceName = ({ group, version }: GroupVersion) => `${version}.${group}`

/** Where a group stands in discovery when nobody says otherwise. */
export const groupPriority = (group: string): number =>
  group === OWN_GROUP ? 20_000 : (PRIORITIES[group] ?? CUSTOM_PRIORITY)

export const isBuiltinGroup = (group: string): boolean => Object.hasOwn(PRIORITIES, group)

/** Newer versions before older ones: the last of the preferred-first list has 15, the one before it 30. */
function versionPriority(group: string, versions: readonly string[], version: string): number {
  if (!isBuiltinGroup(group)) return CUSTOM_VERSION_PRIORITY
  if (group === '') return 1
  return 15 * (versions.length - versions.indexOf(version))
}

export interface WantedService {
  readonly name: string
  readonly label: 'onstart' | 'true'
  readonly spec: APIService['spec']
}

/** @param groups in discovery's form: preferred versions first */
export function wantedServices(
  groups: readonly { readonly group: string; readonly versions: readonly { readonly version: string }[] }[],
): WantedService[] {
  return groups
    .filter(({ group }) => group !== OWN_GROUP)
    .flatMap(({ group, versions }) => {
      const names = versions.map(({ version }) => version)
      return names.map((version) => ({
        name: serviceName({ group, version }),
        label: isBuiltinGroup(group) ? ('onstart' as const) : ('true' as const),
        spec: {
          ...(group ? { group } : {}),
          version,
          groupPriorityMinimum: groupPriority(group),
          versionPriority: versionPriority(group, names, version),
        },
      }))
    })
}

export interface ServicePlan {
  readonly make: readonly WantedService[]
  /** Names of those whose group-version is gone. */
  readonly remove: readonly string[]
}

/** An APIService that somebody else made under the same name is left alone. */
export function planServices(
  wanted: readonly WantedService[],
  found: readonly DeepReadonly<APIService>[],
): ServicePlan {
  const names = new Set(wanted.map(({ name }) => name))
  const there = new Set(found.map(({ metadata }) => metadata.name))
  const own = found.filter(({ metadata }) => metadata.labels?.[AUTOMANAGED] !== undefined)
  return {
    make: wanted.filter(({ name }) => !there.has(name)),
    remove: own.map(({ metadata }) => metadata.name).filter((name) => !names.has(name)),
  }
}

export function localService({ name, label, spec }: WantedService, uid: string, nowMs: number): APIService {
  const time = formatTime(nowMs)
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name, uid, creationTimestamp: time, labels: { [AUTOMANAGED]: label } },
    spec,
    status: {
      conditions: [
        {
          type: 'Available',
          status: 'True',
          lastTransitionTime: time,
          reason: 'Local',
          message: 'Local APIServices are always available',
        },
      ],
    },
  } as unknown as APIService
}
