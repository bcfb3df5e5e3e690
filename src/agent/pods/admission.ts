// Whether this node takes a pod that was bound to it: it must fit beside those that are here, and the node must be the kind that it
// asks for. A pod that is refused fails. Pure.
import type { Pod } from '../../api/kinds/pod.ts'
import { matchesRequiredNodes } from '../../api/meta/node-selector.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { podRequests } from '../../api/meta/pods.ts'
import { parseQuantity, toMilli, toWhole } from '../../api/meta/quantity.ts'
import type { Verdict } from './plan.ts'

export interface AdmittingNode {
  name: string
  labels: Readonly<Record<string, string>>
  allocatable: Readonly<Record<string, string>>
}

/** @param others the pods that run here and have not ended. */
export function admit(
  pod: DeepReadonly<Pod>,
  others: readonly DeepReadonly<Pod>[],
  node: AdmittingNode,
): Verdict | undefined {
  if (!matchesRequiredNodes(pod, node)) {
    const why = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
    return { reason: 'NodeAffinity', message: `Pod was rejected: ${why}` }
  }
  const room = amountIn('pods', node.allocatable['pods'] ?? '0')
  if (others.length + 1 > room) return outOf('pods', 1, others.length, room)
  const wanted = podRequests({ spec: pod.spec! })
  for (const [resource, quantity] of Object.entries(wanted)) {
    if (parseQuantity(quantity).nano === 0n) continue
    const used = others.reduce((sum, o) => sum + amountIn(resource, podRequests({ spec: o.spec! })[resource] ?? '0'), 0)
    const capacity = amountIn(resource, node.allocatable[resource] ?? '0')
    const requested = amountIn(resource, quantity)
    if (used + requested > capacity) return outOf(resource, requested, used, capacity)
  }
  return undefined
}

/** k8s: cpu is counted in thousandths, everything else in whole units. */
const amountIn = (resource: string, quantity: string) => (resource === 'cpu' ? toMilli(quantity) : toWhole(quantity))

function outOf(resource: string, requested: number, used: number, capacity: number): Verdict {
  return {
    reason: `OutOf${resource}`,
    message: `Pod was rejected: Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
  }
}

/** The order in which pods that are here already are looked at: the older first, so that a restart refuses no other than before. */
export const byAge = (a: DeepReadonly<Pod>, b: DeepReadonly<Pod>) =>
  (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '') ||
  a.metadata.name.localeCompare(b.metadata.name)
