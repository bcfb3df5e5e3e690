// The decision: which node a pod goes to, or why to none, as a pure function of pod and snapshot. The scheduler acts on it; the same
// function answers "why is it pending?" and "what if this node goes?". It binds nothing and changes nothing.
import type { DeepReadonly } from '../api/meta/object.ts'
import type { Pod } from '../api/types/core.v1.ts'
import { isRejection, type Plugin, type Prepared, type Rejection } from './framework.ts'
import type { NodeInfo } from './node-info.ts'
import { type PodInfo, podInfo } from './pod-info.ts'
import { defaultProfile, type Profile } from './profile.ts'
import type { Snapshot } from './snapshot.ts'

export interface Placed {
  readonly node: string
  /** How many nodes would have done, of those that were looked at. */
  readonly feasible: number
}

export interface Unplaced {
  readonly node: undefined
  readonly allNodes: number
  /** Why none of the nodes was worth looking at. */
  readonly podReasons?: readonly string[]
  /** How many nodes each sentence holds for. */
  readonly reasons: ReadonlyMap<string, number>
  readonly rejectionsByNode: ReadonlyMap<string, Rejection>
  readonly rejectedBy: readonly Plugin[]
}

export type Decision = Placed | Unplaced

export interface DecisionOptions {
  profile?: Profile
  /** Which of `count` equally good nodes is taken; the first one unless given. */
  pick?: (count: number) => number
  /** Where in the list of nodes to begin, so that large clusters are filled evenly. */
  startAt?: number
}

// k8s: large clusters are not searched through: from this many nodes on only a share of them, which shrinks with their number
const ALWAYS_ENOUGH_NODES = 100

export function feasibleNodesToFind(nodeCount: number): number {
  if (nodeCount <= ALWAYS_ENOUGH_NODES) return nodeCount
  const percent = Math.max(50 - Math.floor(nodeCount / 125), 5)
  return Math.max(Math.floor((nodeCount * percent) / 100), ALWAYS_ENOUGH_NODES)
}

export function schedule(snapshot: Snapshot, pod: DeepReadonly<Pod>, options: DecisionOptions = {}): Decision {
  const { nodes } = snapshot
  const info = podInfo(pod)
  const judge = makeJudge(snapshot, info, options.profile ?? defaultProfile)
  if (judge.rejected) {
    const { plugin, rejection } = judge.rejected
    const rejectionsByNode = new Map(nodes.map((node) => [node.name, { ...rejection, resolvable: false }]))
    return { ...unplaced(nodes.length, rejectionsByNode, [plugin]), podReasons: rejection.reasons }
  }

  const nominated = pod.status?.nominatedNodeName && snapshot.node(pod.status.nominatedNodeName)
  if (nominated && !judge.verdict(nominated)) return { node: nominated.name, feasible: 1 }

  const enough = feasibleNodesToFind(nodes.length)
  const startAt = options.startAt ?? 0
  const feasible: NodeInfo[] = []
  const rejectionsByNode = new Map<string, Rejection>()
  const rejectedBy = new Set<Plugin>()
  for (let i = 0; i < nodes.length && feasible.length < enough; i++) {
    const node = nodes[(startAt + i) % nodes.length]!
    const verdict = judge.verdict(node)
    if (!verdict) {
      feasible.push(node)
      continue
    }
    rejectionsByNode.set(node.name, verdict.rejection)
    rejectedBy.add(verdict.plugin)
  }
  if (feasible.length === 0) return unplaced(nodes.length, rejectionsByNode, [...rejectedBy])
  const best = feasible.length === 1 ? feasible : bestOf(feasible, judge.scores(feasible))
  return { node: best[options.pick?.(best.length) ?? 0]!.name, feasible: feasible.length }
}

function bestOf(nodes: readonly NodeInfo[], scores: readonly number[]): NodeInfo[] {
  const highest = Math.max(...scores)
  return nodes.filter((_, i) => scores[i] === highest)
}

function unplaced(allNodes: number, rejectionsByNode: Map<string, Rejection>, rejectedBy: Plugin[]): Unplaced {
  return { node: undefined, allNodes, reasons: countReasons(rejectionsByNode.values()), rejectionsByNode, rejectedBy }
}

export interface Verdict {
  plugin: Plugin
  rejection: Rejection
}

export interface Judge {
  /** No node will do. `verdict` isn't to be asked then. */
  readonly rejected: Verdict | undefined
  /** Undefined when the node can take the pod, now and once the pods nominated to it have come. */
  verdict(node: NodeInfo): Verdict | undefined
  /** Sums of the weighted scores. */
  scores(nodes: readonly NodeInfo[]): number[]
}

/** The profile's plug-ins made ready for one pod in one snapshot. */
export function makeJudge(snapshot: Snapshot, pod: PodInfo, profile: Profile): Judge {
  const ready: { plugin: Plugin; weight: number; prepared: Prepared }[] = []
  let rejected: Verdict | undefined
  for (const { plugin, weight } of profile) {
    const prepared = plugin.prepare(pod, snapshot)
    if (isRejection(prepared)) {
      rejected = { plugin, rejection: prepared }
      break
    }
    if (prepared) ready.push({ plugin, weight, prepared })
  }
  const own = (node: NodeInfo): Verdict | undefined => {
    for (const { plugin, prepared } of ready) {
      const rejection = prepared.filter?.(node)
      if (rejection) return { plugin, rejection }
    }
    return undefined
  }
  return {
    rejected,
    verdict(node) {
      const coming = snapshot.nominatedTo(node.name, pod)
      if (coming.length > 0) {
        const crowded = node.with({ added: coming })
        const judge = makeJudge(withoutNominations(snapshot.withNode(crowded)), pod, profile)
        const verdict = judge.rejected ?? judge.verdict(crowded)
        if (verdict) return verdict
      }
      return own(node)
    },
    scores(nodes) {
      const sums = nodes.map(() => 0)
      for (const { weight, prepared } of ready) {
        if (weight === 0 || !prepared.score) continue
        prepared.score(nodes).forEach((score, i) => {
          sums[i]! += weight * score
        })
      }
      return sums
    },
  }
}

function withoutNominations(snapshot: Snapshot): Snapshot {
  return {
    lookups: snapshot.lookups,
    nodes: snapshot.nodes,
    node: (name) => snapshot.node(name),
    nominatedTo: () => [],
    withNode: (node) => withoutNominations(snapshot.withNode(node)),
  }
}

export function countReasons(rejections: Iterable<Rejection>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { reasons } of rejections) {
    for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  return counts
}

/** k8s: `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.`, sorted as text. */
export function nodesSentence(allNodes: number, reasons: ReadonlyMap<string, number>): string {
  const parts = [...reasons].map(([reason, count]) => `${count} ${reason}`).sort()
  return `0/${allNodes} nodes are available:${parts.length > 0 ? ` ${parts.join(', ')}.` : ''}`
}

/** The message of the FailedScheduling event and of the PodScheduled condition. */
export function explain(decision: Unplaced, preemption = ''): string {
  if (decision.allNodes === 0) return 'no nodes available to schedule pods'
  const why = decision.podReasons
    ? `0/${decision.allNodes} nodes are available: ${decision.podReasons.join(', ')}.`
    : nodesSentence(decision.allNodes, decision.reasons)
  return preemption ? `${why} ${preemption}` : why
}
