// The downward API: a pod's own fields and a container's resources as text, for env variables and volumes. Pure.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { parseQuantity } from '../../api/meta/quantity.ts'
import type * as v1 from '../../api/types/core.v1.ts'
import { podContainers } from './containers.ts'
import { configError } from './start-failure.ts'

export interface FieldContext {
  pod: DeepReadonly<Pod>
  podIPs: readonly string[]
  hostIPs: readonly string[]
  nodeName: string
  /** What a container without limit may use. */
  allocatable: Readonly<Record<string, string>>
}

/** Values as `key="value"` lines in key order, quoted as in the standard. */
export const formatMap = (map: Readonly<Record<string, string>> | undefined) =>
  Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n')

/** @throws StartFailure for a path that the downward API does not have. */
export function fieldValue(path: string, context: FieldContext): string {
  const { pod } = context
  const subscript = /^(metadata\.(?:labels|annotations))\['(.*)'\]$/.exec(path)
  if (subscript) {
    const map = subscript[1] === 'metadata.labels' ? pod.metadata.labels : pod.metadata.annotations
    return map?.[subscript[2] ?? ''] ?? ''
  }
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name ?? ''
    case 'metadata.namespace':
      return pod.metadata.namespace ?? ''
    case 'metadata.uid':
      return pod.metadata.uid
    case 'metadata.labels':
      return formatMap(pod.metadata.labels)
    case 'metadata.annotations':
      return formatMap(pod.metadata.annotations)
    case 'spec.nodeName':
      return context.nodeName
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? ''
    case 'status.hostIP':
      return context.hostIPs[0] ?? ''
    case 'status.hostIPs':
      return context.hostIPs.join(',')
    case 'status.podIP':
      return context.podIPs[0] ?? ''
    case 'status.podIPs':
      return context.podIPs.join(',')
    default:
      throw configError(`fieldPath "${path}" is not supported`)
  }
}

/** Fields that are known only when the sandbox runs. */
export const needsPodIP = (path: string | undefined) => path === 'status.podIP' || path === 'status.podIPs'

/** @throws StartFailure for an unknown container or resource. */
export function resourceValue(
  selector: DeepReadonly<v1.ResourceFieldSelector>,
  defaultContainer: string,
  context: FieldContext,
): string {
  const name = selector.containerName || defaultContainer
  const container = podContainers(context.pod).find((c) => c.spec.name === name)?.spec
  if (!container) throw configError(`container ${name} not found`)
  const match = /^(limits|requests)\.(.+)$/.exec(selector.resource)
  const [, side, resource = ''] = match ?? []
  if (!side) throw configError(`unsupported container resource : ${selector.resource}`)
  const { limits, requests } = container.resources ?? {}
  const own = side === 'limits' ? limits?.[resource] : requests?.[resource]
  // k8s: no limit means everything that the node has for pods; no request means none.
  const value = own ?? (side === 'limits' ? context.allocatable[resource] : undefined) ?? '0'
  const divisor = parseQuantity(selector.divisor || '1').nano || 1_000_000_000n
  return String((parseQuantity(value).nano + divisor - 1n) / divisor)
}
