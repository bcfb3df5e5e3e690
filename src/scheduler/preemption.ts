// After every node was rejected: on which node would the pod fit if pods of lower priority went, and which of them have to go? As few
// and as unimportant ones as possible, disruption budgets kept where that can be. Pure; the scheduler evicts and nominates.

import { matches } from '../api/meta/label-selector.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import type { PodDisruptionBudget } from '../api/types/policy.v1.ts'
import { type Rejection, unresolvable } from './framework.ts'
import type { NodeInfo } from './node-info.ts'
import { compiled, type PodInfo } from './pod-info.ts'
import type { Profile } from './profile.ts'
import { countReasons, makeJudge, nodesSentence, type Unplaced } from './schedule.ts'
import type { Snapshot } from './snapshot.ts'

export interface Preemption {
  readonly node: string
  /** Most important first. */
  readonly victims: readonly PodInfo[]
}

export type PreemptionPlan = Preemption | { readonly node: undefined; readonly message: string }

interface Candidate extends Preemption {
  violations: number
}

// k8s: minCandidateNodesPercentage and minCandidateNodesAbsolute
const candidatesToFind = (nodeCount: number) => Math.max(Math.floor(nodeCount / 10), 100)

const NOT_HELPFUL = unresolvable('Preemption is not helpful for scheduling')
const NO_VICTIMS = unresolvable('No preemption victims found for incoming pod')

export function planPreemption(snapshot: Snapshot, pod: PodInfo, decision: Unplaced, profile: Profile): PreemptionPlan {
  const ineligible = whyIneligible(snapshot, pod, decision)
  if (ineligible) return { node: undefined, message: `preemption: ${ineligible}` }

  const candidates: Candidate[] = []
  const rejections = new Map<string, Rejection>()
  for (const node of snapshot.nodes) {
    if (candidates.length >= candidatesToFind(snapshot.nodes.length)) break
    if (!decision.rejectionsByNode.get(node.name)?.resolvable) {
      rejections.set(node.name, NOT_HELPFUL)
      continue
    }
    const outcome = victimsOn(snapshot, node, pod, profile)
    if ('victims' in outcome) candidates.push(outcome)
    else rejections.set(node.name, outcome)
  }
  const best = pickCandidate(candidates)
  if (best) return { node: best.node, victims: best.victims }
  return {
    node: undefined,
    message: `preemption: ${nodesSentence(snapshot.nodes.length, countReasons(rejections.values()))}`,
  }
}

function whyIneligible(snapshot: Snapshot, pod: PodInfo, decision: Unplaced): string | undefined {
  if (pod.pod.spec.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.'
  const nominated = pod.pod.status?.nominatedNodeName
  if (!nominated || decision.rejectionsByNode.get(nominated)?.resolvable === false) return undefined
  const onTheWay = [...(snapshot.node(nominated)?.pods.values() ?? [])].some(
    (other) => other.priority < pod.priority && isBeingPreempted(other),
  )
  return onTheWay ? 'not eligible due to a terminating pod on the nominated node.' : undefined
}

const isBeingPreempted = ({ pod }: PodInfo) =>
  pod.metadata.deletionTimestamp !== undefined &&
  (pod.status?.conditions ?? []).some(
    (c) => c.type === 'DisruptionTarget' && c.status === 'True' && c.reason === 'PreemptionByScheduler',
  )

/** The fewest pods of lower priority without which the node takes the pod, or why even all of them wouldn't do. */
function victimsOn(base: Snapshot, node: NodeInfo, pod: PodInfo, profile: Profile): Candidate | Rejection {
  const lower = [...node.pods.values()].filter((other) => other.priority < pod.priority)
  if (lower.length === 0) return NO_VICTIMS
  const gone = new Set(lower.map((other) => other.uid))
  const rejection = () => {
    const emptier = node.with({ gone })
    const judge = makeJudge(base.withNode(emptier), pod, profile)
    return (judge.rejected ?? judge.verdict(emptier))?.rejection
  }
  const hopeless = rejection()
  if (hopeless) return hopeless

  const { violating, others } = splitByBudgets(lower.sort(byImportance), base.lookups.budgets)
  const stays = (victim: PodInfo) => {
    gone.delete(victim.uid)
    if (!rejection()) return true
    gone.add(victim.uid)
    return false
  }
  // those that a budget protects get the first chance to stay
  const lostViolating = violating.filter((victim) => !stays(victim))
  const lostOthers = others.filter((victim) => !stays(victim))
  return {
    node: node.name,
    victims: [...lostViolating, ...lostOthers].sort(byImportance),
    violations: lostViolating.length,
  }
}

const startMs = ({ pod }: PodInfo) => Date.parse(pod.status?.startTime ?? pod.metadata.creationTimestamp) || 0
/** k8s: higher priority first, then who has run longer. */
const byImportance = (a: PodInfo, b: PodInfo) => b.priority - a.priority || startMs(a) - startMs(b)

function splitByBudgets(
  pods: readonly PodInfo[],
  budgetsOf: (namespace: string) => readonly DeepReadonly<PodDisruptionBudget>[],
) {
  const allowed = new Map<string, number>()
  const violating: PodInfo[] = []
  const others: PodInfo[] = []
  for (const pod of pods) {
    let violates = false
    for (const budget of budgetsOf(pod.namespace)) {
      const selector = compiled(budget.spec?.selector)
      // k8s: a budget without selector protects nothing here
      if (selector.requirements.length === 0 || !matches(selector, pod.labels)) continue
      if (budget.status?.disruptedPods?.[pod.pod.metadata.name]) continue // its disruption is counted already
      const left = (allowed.get(budget.metadata.uid) ?? budget.status?.disruptionsAllowed ?? 0) - 1
      allowed.set(budget.metadata.uid, left)
      if (left < 0) violates = true
    }
    ;(violates ? violating : others).push(pod)
  }
  return { violating, others }
}

/** k8s: fewest budget violations, least important top victim, smallest sum of priorities, fewest victims, latest start. */
function pickCandidate(candidates: readonly Candidate[]): Candidate | undefined {
  const PRIORITY_OFFSET = 2 ** 31
  const top = ({ victims }: Candidate) => victims[0]?.priority ?? Number.NEGATIVE_INFINITY
  const rank = (candidate: Candidate): number[] => [
    candidate.violations,
    top(candidate),
    candidate.victims.reduce((sum, victim) => sum + victim.priority + PRIORITY_OFFSET, 0),
    candidate.victims.length,
    -Math.min(...candidate.victims.filter((v) => v.priority === top(candidate)).map(startMs)),
  ]
  let best: { candidate: Candidate; rank: number[] } | undefined
  for (const candidate of candidates) {
    const ranked = rank(candidate)
    const i = best ? ranked.findIndex((value, at) => value !== best!.rank[at]) : 0
    if (!best || (i >= 0 && ranked[i]! < best.rank[i]!)) best = { candidate, rank: ranked }
  }
  return best?.candidate
}
