// Requests against what the node can allocate: filters what doesn't fit, prefers the node that is left with the most (LeastAllocated).
import { type Amounts, amountsOf, CPU, MEMORY, PODS } from '../amounts.ts'
import { MAX_SCORE, type Plugin } from '../framework.ts'
import { podInfo } from '../pod-info.ts'

/** One of these resources is short on the node. */
interface Shortage {
  reason: string
  /** More than the node has even when empty. */
  hopeless: boolean
}

export function shortages(requests: Amounts, allocatable: Amounts, requested: Amounts): Shortage[] {
  const found: Shortage[] = []
  const maxPods = allocatable.get(PODS) ?? 0
  if ((requested.get(PODS) ?? 0) + 1 > maxPods) found.push({ reason: 'Too many pods', hopeless: maxPods < 1 })
  for (const [resource, amount] of requests) {
    if (amount === 0) continue
    const capacity = allocatable.get(resource) ?? 0
    if (amount > capacity - (requested.get(resource) ?? 0)) {
      found.push({ reason: `Insufficient ${resource}`, hopeless: amount > capacity })
    }
  }
  return found
}

/** Percentage of the capacity that would stay free. k8s: integer arithmetic, 0 when over capacity. */
const freeShare = (capacity: number, used: number) =>
  capacity === 0 || used > capacity ? 0 : Math.floor(((capacity - used) * MAX_SCORE) / capacity)

export const nodeResourcesFit: Plugin = {
  name: 'NodeResourcesFit',
  prepare({ requests, scoringRequests }) {
    return {
      filter(node) {
        const short = shortages(requests, node.allocatable, node.requested)
        if (short.length === 0) return undefined
        return { reasons: short.map((s) => s.reason), resolvable: !short.some((s) => s.hopeless) }
      },
      score: (nodes) =>
        nodes.map((node) => {
          const cpu = node.allocatable.get(CPU) ?? 0
          const memory = node.allocatable.get(MEMORY) ?? 0
          const counted = Number(cpu > 0) + Number(memory > 0)
          if (counted === 0) return 0
          const { milliCpu, memoryBytes } = node.scoringRequested
          const free =
            freeShare(cpu, milliCpu + (scoringRequests.get(CPU) ?? 0)) +
            freeShare(memory, memoryBytes + (scoringRequests.get(MEMORY) ?? 0))
          return Math.floor(free / counted)
        }),
    }
  },
  mayHelp(event, pod) {
    if (event.resource === 'node') {
      if (event.type === 'deleted') return false
      const allocatable = amountsOf(event.object.status?.allocatable ?? event.object.status?.capacity ?? {})
      return shortages(pod.requests, allocatable, new Map()).length === 0
    }
    if (event.resource !== 'assigned-pod' || event.type === 'added') return false
    if (event.type === 'deleted' || isOver(event.object.status?.phase)) return true
    const before = event.old && podInfo(event.old).requests
    const after = podInfo(event.object).requests
    return before !== undefined && [...before].some(([resource, amount]) => (after.get(resource) ?? 0) < amount)
  },
}

const isOver = (phase: string | undefined) => phase === 'Succeeded' || phase === 'Failed'
