// Resource quantities as numbers for arithmetic: cpu in thousandths of a core, everything else in its own unit (bytes, pieces).
import type { DeepReadonly } from '../api/meta/object.ts'
import { toMilli, toWhole } from '../api/meta/quantity.ts'
import type { Container, Pod } from '../api/types/core.v1.ts'

/** By resource name. */
export type Amounts = ReadonlyMap<string, number>

export const CPU = 'cpu'
export const MEMORY = 'memory'
export const PODS = 'pods'

// k8s: what a container that requests nothing is taken to need when nodes are compared
const ASSUMED_MILLI_CPU = 100
const ASSUMED_MEMORY_BYTES = 200 * 1024 * 1024

type Quantities = Readonly<Record<string, string>>

export function amountsOf(quantities: Quantities): Map<string, number> {
  return new Map(
    Object.entries(quantities).map(([resource, quantity]) => [
      resource,
      resource === CPU ? toMilli(quantity) : toWhole(quantity),
    ]),
  )
}

/** What the pod asks of its node. k8s: the larger of what its containers need together and what starting them needs at once. */
export function podAmounts(pod: DeepReadonly<Pod>): Amounts {
  return podTotal(pod, (container) => currentRequests(pod, container))
}

/** cpu and memory as used for comparing nodes: containers that ask for nothing count as small ones. */
export function scoringAmounts(pod: DeepReadonly<Pod>): Amounts {
  return podTotal(pod, (container) => {
    const requests = currentRequests(pod, container)
    return new Map([
      [CPU, requests.get(CPU) ?? ASSUMED_MILLI_CPU],
      [MEMORY, requests.get(MEMORY) ?? ASSUMED_MEMORY_BYTES],
    ])
  })
}

type AnyContainer = DeepReadonly<Container>

function podTotal(pod: DeepReadonly<Pod>, requestsOf: (container: AnyContainer) => Amounts): Amounts {
  const { spec } = pod
  const total = new Map<string, number>()
  for (const container of spec.containers) add(total, requestsOf(container))
  const sidecars = new Map<string, number>()
  const starting = new Map<string, number>()
  for (const container of spec.initContainers ?? []) {
    const requests = requestsOf(container)
    if (container.restartPolicy === 'Always') {
      add(sidecars, requests)
      raise(starting, sidecars)
    } else {
      const atOnce = new Map(sidecars)
      add(atOnce, requests)
      raise(starting, atOnce)
    }
  }
  add(total, sidecars)
  raise(total, starting)
  // k8s: requests of the pod as a whole stand in place of its containers' sum
  for (const [resource, amount] of amountsOf(spec.resources?.requests ?? {})) total.set(resource, amount)
  add(total, amountsOf(spec.overhead ?? {}))
  return total
}

/** While a container is being resized its node has to keep room for the larger of wanted and actual. */
function currentRequests(pod: DeepReadonly<Pod>, container: AnyContainer): Amounts {
  const wanted = amountsOf(container.resources?.requests ?? {})
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])]
  const status = statuses.find((s) => s.name === container.name)
  if (!status?.allocatedResources && !status?.resources?.requests) return wanted
  const actual = amountsOf(status.allocatedResources ?? {})
  raise(actual, amountsOf(status.resources?.requests ?? {}))
  const refused = pod.status?.conditions?.some((c) => c.type === 'PodResizePending' && c.reason === 'Infeasible')
  if (!refused) raise(actual, wanted)
  return actual
}

function add(total: Map<string, number>, more: Amounts): void {
  for (const [resource, amount] of more) total.set(resource, (total.get(resource) ?? 0) + amount)
}

function raise(total: Map<string, number>, atLeast: Amounts): void {
  for (const [resource, amount] of atLeast) total.set(resource, Math.max(total.get(resource) ?? 0, amount))
}
