// What a node's conditions and taints must be, given when it was last heard of. Pure.
import type { Node } from '../../api/kinds/node.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { formatTime } from '../../api/meta/time.ts'
import type { NodeCondition, Taint } from '../../api/types/core.v1.ts'

type AnyNode = DeepReadonly<Node>

/** k8s: how long a node may be silent, and how long a new one may take to report for the first time. */
export const GRACE_MS = 50_000
export const STARTUP_GRACE_MS = 60_000

const REPORTED = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure']

export const readiness = ({ status }: AnyNode): string | undefined =>
  status?.conditions?.find((c) => c.type === 'Ready')?.status

/** The conditions of a node that has been silent for too long: nobody knows any more. */
export function silentConditions(node: AnyNode, nowMs: number): NodeCondition[] {
  const now = formatTime(nowMs)
  const conditions = (node.status?.conditions ?? []).map((condition) =>
    !REPORTED.includes(condition.type) || condition.status === 'Unknown'
      ? { ...condition }
      : {
          ...condition,
          status: 'Unknown',
          reason: 'NodeStatusUnknown',
          message: 'Kubelet stopped posting node status.',
          lastTransitionTime: now,
        },
  )
  for (const type of REPORTED) {
    if (conditions.some((condition) => condition.type === type)) continue
    conditions.push({
      type,
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
      lastHeartbeatTime: node.metadata.creationTimestamp,
      lastTransitionTime: now,
    })
  }
  return conditions
}

const NOT_READY = 'node.kubernetes.io/not-ready'
const UNREACHABLE = 'node.kubernetes.io/unreachable'
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable'

/** Which condition in which state keeps new pods away. */
const CONDITION_TAINTS: readonly { type: string; status: string; key: string }[] = [
  { type: 'Ready', status: 'False', key: NOT_READY },
  { type: 'Ready', status: 'Unknown', key: UNREACHABLE },
  { type: 'MemoryPressure', status: 'True', key: 'node.kubernetes.io/memory-pressure' },
  { type: 'DiskPressure', status: 'True', key: 'node.kubernetes.io/disk-pressure' },
  { type: 'NetworkUnavailable', status: 'True', key: 'node.kubernetes.io/network-unavailable' },
  { type: 'PIDPressure', status: 'True', key: 'node.kubernetes.io/pid-pressure' },
]

/**
 * The taints the node shall have: those that follow from its conditions, and all others as they are. Undefined when they are right.
 * @param evict false while no node at all is ready: then it is rather us who cannot see, and no pod is driven away
 */
export function wantedTaints(node: AnyNode, evict: boolean, nowMs: number): Taint[] | undefined {
  const conditions = node.status?.conditions ?? []
  // Until the node reports for the first time, what registered it knows best.
  if (readiness(node) === undefined) return undefined
  const wanted = CONDITION_TAINTS.filter(({ type, status }) =>
    conditions.some((condition) => condition.type === type && condition.status === status),
  ).map(({ key }): Taint => ({ key, effect: 'NoSchedule' }))
  if (node.spec?.unschedulable) wanted.push({ key: UNSCHEDULABLE, effect: 'NoSchedule' })
  const ready = readiness(node)
  if (evict && ready !== 'True') {
    wanted.push({ key: ready === 'False' ? NOT_READY : UNREACHABLE, effect: 'NoExecute' })
  }

  const current = (node.spec?.taints ?? []) as readonly Taint[]
  const isWanted = (taint: Taint) => wanted.some((w) => w.key === taint.key && w.effect === taint.effect)
  const kept = current.filter((taint) => !isManaged(taint) || isWanted(taint))
  const missing = wanted.filter((w) => !current.some((taint) => taint.key === w.key && taint.effect === w.effect))
  if (missing.length === 0 && kept.length === current.length) return undefined
  return [...kept, ...missing.map((taint) => ({ ...taint, timeAdded: formatTime(nowMs) }))]
}

function isManaged({ key, effect }: Taint): boolean {
  if (effect === 'NoExecute') return key === NOT_READY || key === UNREACHABLE
  return effect === 'NoSchedule' && (key === UNSCHEDULABLE || CONDITION_TAINTS.some((t) => t.key === key))
}
