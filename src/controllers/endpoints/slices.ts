// How endpoints are spread over slices: every slice has one set of ports and a bounded number of endpoints; endpoints stay in the slice
// they are in, and of several ways the one that writes the fewest slices is taken. Pure.
import type { EndpointSlice } from '../../api/kinds/endpoint-slice.ts'
import type { Pod } from '../../api/kinds/pod.ts'
import type { Service } from '../../api/kinds/service.ts'
import { semanticEqual } from '../../api/meta/equality.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { Endpoint, EndpointPort } from '../../api/types/discovery.v1.ts'
import { isHeadless, type PortGroup } from './desired.ts'

export const SERVICE_NAME = 'kubernetes.io/service-name'
export const HEADLESS = 'service.kubernetes.io/headless'
export const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time'

type AnySlice = DeepReadonly<EndpointSlice>
interface Content {
  endpoints: Endpoint[]
  ports: EndpointPort[]
}

export interface SlicePlan {
  create: Content[]
  update: ({ slice: AnySlice } & Content)[]
  delete: AnySlice[]
}

/** @param emptyOne whether a slice without endpoints is kept when there are none at all */
export function planSlices(
  desired: readonly PortGroup[],
  existing: readonly AnySlice[],
  labels: Readonly<Record<string, string>>,
  maxEndpoints: number,
  emptyOne = true,
): SlicePlan {
  const plan: SlicePlan = { create: [], update: [], delete: [] }
  const left = new Map<string, AnySlice[]>()
  for (const slice of existing) {
    const key = portsKey(slice.ports)
    left.set(key, [...(left.get(key) ?? []), slice])
  }
  for (const group of desired) {
    const key = portsKey(group.ports)
    planGroup(plan, group, left.get(key) ?? [], labels, maxEndpoints)
    left.delete(key)
  }
  for (const slices of left.values()) plan.delete.push(...slices)
  if (emptyOne) keepOne(plan, existing, labels)
  return plan
}

function planGroup(
  plan: SlicePlan,
  { ports, endpoints }: PortGroup,
  slices: readonly AnySlice[],
  labels: Readonly<Record<string, string>>,
  maxEndpoints: number,
): void {
  const missing = new Map(endpoints.map((endpoint) => [identity(endpoint), endpoint]))
  const unchanged: { slice: AnySlice; size: number }[] = []
  const changed: { slice: AnySlice; kept: Endpoint[] }[] = []
  for (const slice of slices) {
    const kept: Endpoint[] = []
    let same = sameLabels(slice, labels)
    for (const endpoint of slice.endpoints ?? []) {
      const id = identity(endpoint)
      const wanted = missing.get(id)
      if (!wanted || kept.length === maxEndpoints) {
        same = false
        continue
      }
      missing.delete(id)
      kept.push(wanted)
      same &&= semanticEqual(wanted, endpoint)
    }
    if (same && kept.length > 0) unchanged.push({ slice, size: kept.length })
    else if (kept.length > 0) changed.push({ slice, kept })
    else plan.delete.push(slice)
  }

  const rest = [...missing.values()]
  for (const { kept } of changed) kept.push(...rest.splice(0, maxEndpoints - kept.length))
  for (const { slice, kept } of changed) plan.update.push({ slice, endpoints: kept, ports })
  while (rest.length > 0) {
    const host = rest.length < maxEndpoints ? fullestWithRoom(unchanged, rest.length, maxEndpoints) : undefined
    if (host) {
      const content = [...(host.slice.endpoints as Endpoint[]), ...rest.splice(0)]
      plan.update.push({ slice: host.slice, endpoints: content, ports })
    } else {
      plan.create.push({ endpoints: rest.splice(0, maxEndpoints), ports })
    }
  }
}

function fullestWithRoom<S extends { size: number }>(slices: readonly S[], count: number, max: number): S | undefined {
  let best: S | undefined
  for (const slice of slices) {
    if (slice.size + count <= max && (!best || slice.size > best.size)) best = slice
  }
  return best
}

/** k8s: a Service without endpoints has one empty slice, so that its consumers know there are none. */
function keepOne(plan: SlicePlan, existing: readonly AnySlice[], labels: Readonly<Record<string, string>>): void {
  if (plan.create.length > 0 || existing.length > plan.delete.length) return
  const empty = { endpoints: [], ports: [] }
  const host = plan.delete.shift()
  if (!host) plan.create.push(empty)
  else if (host.endpoints?.length || host.ports?.length || !sameLabels(host, labels)) {
    plan.update.push({ slice: host, ...empty })
  }
}

/** The same ports in any order. */
function portsKey(ports: readonly DeepReadonly<EndpointPort>[] | undefined): string {
  const texts = (ports ?? []).map((p) =>
    [p.name ?? '', p.protocol ?? 'TCP', p.port ?? '', p.appProtocol ?? ''].join('/'),
  )
  return texts.sort().join(',')
}

const identity = ({ addresses, targetRef, hostname }: DeepReadonly<Endpoint>) =>
  `${addresses.join(',')}|${targetRef?.uid ?? ''}|${hostname ?? ''}`

const sameLabels = ({ metadata }: AnySlice, labels: Readonly<Record<string, string>>) =>
  semanticEqual(metadata.labels ?? {}, labels)

/** Labels that a Service's endpoints take over from it; those with a meaning of their own are set by the controllers. */
export function sliceLabels(service: DeepReadonly<Service>): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const [key, value] of Object.entries(service.metadata.labels ?? {})) {
    if (key !== SERVICE_NAME && key !== HEADLESS && key !== 'endpointslice.kubernetes.io/managed-by')
      labels[key] = value
  }
  if (isHeadless(service)) labels[HEADLESS] = ''
  return labels
}

/** When what the endpoints show last changed, as far as the pods tell; for measuring how long programming them takes. */
export function triggerTime(service: DeepReadonly<Service>, pods: readonly DeepReadonly<Pod>[]): string {
  let newest = service.metadata.creationTimestamp
  for (const pod of pods) {
    const times = [
      pod.metadata.deletionTimestamp,
      pod.status?.conditions?.find((c) => c.type === 'Ready')?.lastTransitionTime,
    ]
    for (const time of times) if (time && time > newest) newest = time
  }
  return newest
}
