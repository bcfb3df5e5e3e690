// Spreads pods over the domains of a topology (zones, nodes): DoNotSchedule constraints filter, ScheduleAnyway ones score. A pod that
// says nothing is spread softly with its siblings, those that its Services and its controller select.
import { type Labels, matches, type Selector } from '../../api/meta/label-selector.ts'
import { matchesRequiredNodes } from '../../api/meta/node-selector.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { TopologySpreadConstraint } from '../../api/types/core.v1.ts'
import { MAX_SCORE, type Plugin, type Rejection, unresolvable, unschedulable } from '../framework.ts'
import type { NodeInfo } from '../node-info.ts'
import { compiled, type PodInfo, podInfo, withLabelKeys } from '../pod-info.ts'
import type { Snapshot } from '../snapshot.ts'
import { untoleratedTaint } from '../taints.ts'

const HOSTNAME = 'kubernetes.io/hostname'
// k8s: the constraints of a pod that has none
const DEFAULTS = [
  { maxSkew: 3, topologyKey: HOSTNAME },
  { maxSkew: 5, topologyKey: 'topology.kubernetes.io/zone' },
] as const

const MISMATCH = "node(s) didn't match pod topology spread constraints"

interface Constraint {
  maxSkew: number
  topologyKey: string
  selects: (labels: Labels) => boolean
  minDomains: number
  /** Whether the node's pods count and the node's domain is one. */
  includes: (node: NodeInfo) => boolean
}

export const podTopologySpread: Plugin = {
  name: 'PodTopologySpread',
  prepare(pod, snapshot) {
    const own = pod.pod.spec.topologySpreadConstraints ?? []
    const constraintsFor = (what: TopologySpreadConstraint['whenUnsatisfiable']) =>
      own.filter((c) => c.whenUnsatisfiable === what).map((c) => ownConstraint(c, pod))
    const hard = constraintsFor('DoNotSchedule')
    const soft = own.length > 0 ? constraintsFor('ScheduleAnyway') : defaultConstraints(pod, snapshot)
    if (hard.length + soft.length === 0) return undefined
    return {
      ...(hard.length > 0 && { filter: hardFilter(hard, pod, snapshot) }),
      ...(soft.length > 0 && { score: softScore(soft, pod, snapshot, own.length > 0) }),
    }
  },
  mayHelp(event, pod) {
    if (event.resource === 'node') return true
    if (event.resource !== 'assigned-pod') return false
    const other = podInfo(event.object)
    if (other.namespace !== pod.namespace) return false
    const before = event.old && podInfo(event.old).labels
    return (pod.pod.spec.topologySpreadConstraints ?? []).some((constraint) => {
      const { selects } = ownConstraint(constraint, pod)
      return selects(other.labels) || (before !== undefined && selects(before))
    })
  },
}

function ownConstraint(constraint: DeepReadonly<TopologySpreadConstraint>, pod: PodInfo): Constraint {
  const selector = compiled(withLabelKeys(constraint.labelSelector, pod.labels, constraint))
  const byAffinity = constraint.nodeAffinityPolicy !== 'Ignore'
  const byTaints = constraint.nodeTaintsPolicy === 'Honor'
  return {
    maxSkew: constraint.maxSkew,
    topologyKey: constraint.topologyKey,
    selects: (labels) => matches(selector, labels),
    minDomains: constraint.minDomains ?? 1,
    includes: (node) =>
      (!byAffinity || matchesRequiredNodes(pod.pod, node)) &&
      (!byTaints || !untoleratedTaint(node.taints, pod.pod.spec.tolerations)),
  }
}

function defaultConstraints(pod: PodInfo, { lookups }: Snapshot): Constraint[] {
  const selectors: Selector[] = lookups.ownSelectors(pod.pod).map(compiled)
  if (selectors.length === 0) return []
  return DEFAULTS.map(({ maxSkew, topologyKey }) => ({
    maxSkew,
    topologyKey,
    selects: (labels) => selectors.every((selector) => matches(selector, labels)),
    minDomains: 1,
    includes: (node) => matchesRequiredNodes(pod.pod, node),
  }))
}

/** k8s: pods of the same namespace that aren't on their way out. */
function countPods(node: NodeInfo, pod: PodInfo, constraint: Constraint): number {
  let count = 0
  for (const other of node.pods.values()) {
    if (other.namespace !== pod.namespace || other.pod.metadata.deletionTimestamp) continue
    if (constraint.selects(other.labels)) count++
  }
  return count
}

function hardFilter(constraints: readonly Constraint[], pod: PodInfo, { nodes }: Snapshot) {
  const counts = constraints.map(() => new Map<string, number>())
  for (const node of nodes) {
    // k8s: a node counts only when it has all of the keys
    if (constraints.some(({ topologyKey }) => node.labels[topologyKey] === undefined)) continue
    constraints.forEach((constraint, i) => {
      if (!constraint.includes(node)) return
      const domain = node.labels[constraint.topologyKey]!
      counts[i]!.set(domain, (counts[i]!.get(domain) ?? 0) + countPods(node, pod, constraint))
    })
  }
  // k8s: with fewer domains than asked for, the emptiest one counts as empty
  const lowest = constraints.map(({ minDomains }, i) =>
    counts[i]!.size < minDomains ? 0 : Math.min(...counts[i]!.values()),
  )
  return (node: NodeInfo): Rejection | undefined => {
    for (const [i, constraint] of constraints.entries()) {
      const domain = node.labels[constraint.topologyKey]
      if (domain === undefined) return unresolvable(`${MISMATCH} (missing required label)`)
      const self = constraint.selects(pod.labels) ? 1 : 0
      const skew = (counts[i]!.get(domain) ?? 0) + self - (Number.isFinite(lowest[i]) ? lowest[i]! : 0)
      if (skew > constraint.maxSkew) return unschedulable(MISMATCH)
    }
    return undefined
  }
}

function softScore(constraints: readonly Constraint[], pod: PodInfo, { nodes }: Snapshot, needAllKeys: boolean) {
  return (candidates: readonly NodeInfo[]): number[] => {
    const hasAllKeys = (node: NodeInfo) => constraints.every((c) => node.labels[c.topologyKey] !== undefined)
    const counted = (node: NodeInfo) => !needAllKeys || hasAllKeys(node)
    const eligible = candidates.filter(counted)
    const domains = constraints.map(({ topologyKey }) => {
      const values = eligible.flatMap((node) => node.labels[topologyKey] ?? [])
      return new Map(values.map((value) => [value, 0]))
    })
    for (const node of nodes) {
      if (!counted(node)) continue
      constraints.forEach((constraint, i) => {
        if (constraint.topologyKey === HOSTNAME || !constraint.includes(node)) return
        const domain = node.labels[constraint.topologyKey]
        const count = domain === undefined ? undefined : domains[i]!.get(domain)
        if (count !== undefined) domains[i]!.set(domain!, count + countPods(node, pod, constraint))
      })
    }
    // k8s: the more domains there are, the more each pod in one of them weighs
    const weights = constraints.map(({ topologyKey }, i) =>
      Math.log((topologyKey === HOSTNAME ? eligible.length : domains[i]!.size) + 2),
    )
    const raw = candidates.map((node) => {
      if (!counted(node)) return undefined
      let sum = 0
      for (const [i, constraint] of constraints.entries()) {
        const domain = node.labels[constraint.topologyKey]
        if (domain === undefined) continue
        const count =
          constraint.topologyKey === HOSTNAME ? countPods(node, pod, constraint) : (domains[i]!.get(domain) ?? 0)
        sum += count * weights[i]! + (constraint.maxSkew - 1)
      }
      return Math.round(sum)
    })
    const known = raw.filter((score) => score !== undefined)
    const [low, high] = [Math.min(...known), Math.max(...known)]
    return raw.map((score) => {
      if (score === undefined) return 0
      return high === 0 ? MAX_SCORE : Math.floor((MAX_SCORE * (high + low - score)) / high)
    })
  }
}
