// Pods near or away from other pods: required terms of this pod, required anti-affinity of pods that are there already, and the
// preferences of both sides. All counting is by topology (label key and value), once per decision.
import { type Plugin, type Rejection, unresolvable, unschedulable } from '../framework.ts'
import type { NodeInfo } from '../node-info.ts'
import { type AffinityTerm, type PodInfo, podInfo } from '../pod-info.ts'
import type { Snapshot } from '../snapshot.ts'

// k8s: hardPodAffinityWeight: what a required affinity of an existing pod is worth as a preference of its own
const HARD_AFFINITY_WEIGHT = 1

/** Numbers by topology key and value. */
class TopologyCounts {
  readonly #counts = new Map<string, Map<string, number>>()

  add(key: string, node: NodeInfo, amount: number): void {
    const value = node.labels[key]
    if (value === undefined) return
    const byValue = this.#counts.get(key) ?? new Map<string, number>()
    this.#counts.set(key, byValue.set(value, (byValue.get(value) ?? 0) + amount))
  }
  at(key: string, node: NodeInfo): number {
    const value = node.labels[key]
    return value === undefined ? 0 : (this.#counts.get(key)?.get(value) ?? 0)
  }
  get isEmpty(): boolean {
    return this.#counts.size === 0
  }
  /** The sum of the counts of every topology that the node is part of. */
  sumAt(node: NodeInfo): number {
    let sum = 0
    for (const key of this.#counts.keys()) sum += this.at(key, node)
    return sum
  }
}

export const interPodAffinity: Plugin = {
  name: 'InterPodAffinity',
  prepare(pod, snapshot) {
    const filter = prepareFilter(pod, snapshot)
    const score = prepareScore(pod, snapshot)
    return filter || score ? { ...(filter && { filter }), ...(score && { score }) } : undefined
  },
  mayHelp(event, pod) {
    if (event.resource === 'node') return event.type !== 'deleted'
    if (event.resource !== 'assigned-pod') return false
    const other = podInfo(event.object)
    // namespace labels aren't at hand here: a term that selects namespaces may always be concerned
    const concerns = (term: AffinityTerm, target: PodInfo) =>
      term.matches(target.namespace, target.labels, {}) || target.namespace !== pod.namespace
    if (event.type === 'deleted') {
      return (
        pod.antiAffinity.some((term) => concerns(term, other)) || other.antiAffinity.some((term) => concerns(term, pod))
      )
    }
    if (event.type === 'updated') {
      const before = event.old && podInfo(event.old).labels
      if (before === other.labels) return false
      return pod.affinity.length + pod.antiAffinity.length > 0
    }
    return pod.affinity.some((term) => concerns(term, other))
  },
}

function prepareFilter(pod: PodInfo, { nodes, lookups }: Snapshot) {
  const ownNamespace = lookups.namespaceLabels(pod.namespace)
  /** Where pods are that want to be without this one. */
  const kept = new TopologyCounts()
  for (const node of nodes) {
    for (const other of node.podsWithAntiAffinity.values()) {
      for (const term of other.antiAffinity) {
        if (term.matches(pod.namespace, pod.labels, ownNamespace)) kept.add(term.topologyKey, node, 1)
      }
    }
  }
  if (kept.isEmpty && pod.affinity.length + pod.antiAffinity.length === 0) return undefined

  /** Where pods are that all affinity terms speak of; and those that any anti-affinity term speaks of. */
  const wanted = new TopologyCounts()
  const unwanted = new TopologyCounts()
  const matches = (term: AffinityTerm, other: PodInfo) =>
    term.matches(other.namespace, other.labels, lookups.namespaceLabels(other.namespace))
  if (pod.affinity.length + pod.antiAffinity.length > 0) {
    for (const node of nodes) {
      for (const other of node.pods.values()) {
        if (pod.affinity.length > 0 && pod.affinity.every((term) => matches(term, other))) {
          for (const term of pod.affinity) wanted.add(term.topologyKey, node, 1)
        }
        for (const term of pod.antiAffinity) if (matches(term, other)) unwanted.add(term.topologyKey, node, 1)
      }
    }
  }
  // k8s: the first of a group that wants to be together may go anywhere
  const isFirst = wanted.isEmpty && pod.affinity.every((term) => term.matches(pod.namespace, pod.labels, ownNamespace))

  return (node: NodeInfo): Rejection | undefined => {
    const together = pod.affinity.every(
      ({ topologyKey }) => node.labels[topologyKey] !== undefined && (isFirst || wanted.at(topologyKey, node) > 0),
    )
    if (!together) return unresolvable("node(s) didn't match pod affinity rules")
    if (pod.antiAffinity.some(({ topologyKey }) => unwanted.at(topologyKey, node) > 0)) {
      return unschedulable("node(s) didn't match pod anti-affinity rules")
    }
    return kept.sumAt(node) > 0 ? unschedulable("node(s) didn't satisfy existing pods anti-affinity rules") : undefined
  }
}

function prepareScore(pod: PodInfo, { nodes, lookups }: Snapshot) {
  const prefers = pod.preferredAffinity.length + pod.preferredAntiAffinity.length > 0
  const ownNamespace = lookups.namespaceLabels(pod.namespace)
  const worth = new TopologyCounts()
  for (const node of nodes) {
    for (const other of (prefers ? node.pods : node.podsWithAffinity).values()) {
      const theirNamespace = lookups.namespaceLabels(other.namespace)
      const ours = (terms: readonly AffinityTerm[], sign: number) => {
        for (const term of terms) {
          if (term.matches(other.namespace, other.labels, theirNamespace)) {
            worth.add(term.topologyKey, node, sign * term.weight)
          }
        }
      }
      const theirs = (terms: readonly AffinityTerm[], sign: number, weight?: number) => {
        for (const term of terms) {
          if (term.matches(pod.namespace, pod.labels, ownNamespace)) {
            worth.add(term.topologyKey, node, sign * (weight ?? term.weight))
          }
        }
      }
      ours(pod.preferredAffinity, 1)
      ours(pod.preferredAntiAffinity, -1)
      theirs(other.affinity, 1, HARD_AFFINITY_WEIGHT)
      theirs(other.preferredAffinity, 1)
      theirs(other.preferredAntiAffinity, -1)
    }
  }
  if (worth.isEmpty) return undefined
  return (candidates: readonly NodeInfo[]): number[] => {
    const sums = candidates.map((node) => worth.sumAt(node))
    const [low, high] = [Math.min(...sums), Math.max(...sums)]
    return sums.map((sum) => (high > low ? Math.floor((100 * (sum - low)) / (high - low)) : 0))
  }
}
