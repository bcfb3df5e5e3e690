// Which pods go first when there are too many: those whose loss costs least. k8s: the order of the criteria, and ages compared
// by their logarithm, so that of many pods of about the same age it is not always the newest ones that go.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { isActive, isPodReady, isSidecar } from '../../api/meta/pods.ts'

type AnyPod = DeepReadonly<Pod>

export const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'
const PHASE_RANK: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 }

/**
 * The `count` pods to delete.
 * @param related active pods of the same controller's family: of two pods the one on the node with more of them goes first
 */
export function chooseVictims(
  pods: readonly AnyPod[],
  count: number,
  related: readonly AnyPod[],
  nowMs: number,
): AnyPod[] {
  if (count >= pods.length) return [...pods]
  const perNode = new Map<string, number>()
  for (const pod of related) {
    const node = pod.spec.nodeName
    if (node && isActive(pod)) perNode.set(node, (perNode.get(node) ?? 0) + 1)
  }
  const traits = pods.map((pod) => traitsOf(pod, perNode))
  traits.sort((a, b) => compare(a, b, nowMs))
  return traits.slice(0, count).map((t) => t.pod)
}

interface Traits {
  pod: AnyPod
  assigned: number
  phase: number
  ready: number
  cost: number
  doubled: number
  readySinceMs: number
  restarts: { regular: number; sidecar: number }
  createdMs: number
}

function traitsOf(pod: AnyPod, perNode: ReadonlyMap<string, number>): Traits {
  const ready = pod.status?.conditions?.find((c) => c.type === 'Ready')
  return {
    pod,
    assigned: pod.spec.nodeName ? 1 : 0,
    phase: PHASE_RANK[pod.status?.phase ?? 'Pending'] ?? 0,
    ready: isPodReady(pod) ? 1 : 0,
    cost: deletionCost(pod),
    doubled: perNode.get(pod.spec.nodeName ?? '') ?? 0,
    readySinceMs: timeOf(ready?.status === 'True' ? ready.lastTransitionTime : undefined),
    restarts: maxRestarts(pod),
    createdMs: timeOf(pod.metadata.creationTimestamp),
  }
}

/** Negative: `a` goes first. */
function compare(a: Traits, b: Traits, nowMs: number): number {
  return (
    a.assigned - b.assigned ||
    a.phase - b.phase ||
    a.ready - b.ready ||
    a.cost - b.cost ||
    b.doubled - a.doubled ||
    (a.ready && b.ready ? compareAges(a, b, (t) => t.readySinceMs, nowMs) : 0) ||
    b.restarts.regular - a.restarts.regular ||
    b.restarts.sidecar - a.restarts.sidecar ||
    compareAges(a, b, (t) => t.createdMs, nowMs)
  )
}

/** The younger first; within the same power of two by uid, which is as good as chance. An unknown time counts as youngest. */
function compareAges(a: Traits, b: Traits, timeOfTraits: (t: Traits) => number, nowMs: number): number {
  const [aMs, bMs] = [timeOfTraits(a), timeOfTraits(b)]
  if (aMs === bMs) return 0
  if (Number.isNaN(aMs) || Number.isNaN(bMs)) return Number.isNaN(aMs) ? (Number.isNaN(bMs) ? 0 : -1) : 1
  const rank = (ms: number) => (nowMs > ms ? Math.floor(Math.log2((nowMs - ms) * 1e6)) : -1)
  return rank(aMs) - rank(bMs) || (a.pod.metadata.uid < b.pod.metadata.uid ? -1 : 1)
}

function deletionCost(pod: AnyPod): number {
  const text = pod.metadata.annotations?.[DELETION_COST] ?? ''
  return /^(0|-?[1-9][0-9]*)$/.test(text) ? Number(text) : 0
}

function maxRestarts(pod: AnyPod): { regular: number; sidecar: number } {
  const sidecars = new Set((pod.spec.initContainers ?? []).filter(isSidecar).map((c) => c.name))
  let [regular, sidecar] = [0, 0]
  for (const { restartCount } of pod.status?.containerStatuses ?? []) regular = Math.max(regular, restartCount)
  for (const { name, restartCount } of pod.status?.initContainerStatuses ?? []) {
    if (sidecars.has(name)) sidecar = Math.max(sidecar, restartCount)
  }
  return { regular, sidecar }
}

const timeOf = (time: string | undefined) => (time ? Date.parse(time) : Number.NaN)
