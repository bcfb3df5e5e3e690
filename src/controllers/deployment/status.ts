// A Deployment's status: the counts, and the conditions that tell `kubectl rollout status` how the rollout goes. Pure.
import { getCondition, withoutCondition } from '../../api/meta/conditions.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { formatTime } from '../../api/meta/time.ts'
import type { DeploymentCondition, DeploymentStatus } from '../../api/types/apps.v1.ts'
import {
  type AnyDeployment,
  type AnyReplicaSet,
  desiredReplicas,
  minAvailable,
  progressDeadlineMs,
  totalActual,
  totalAvailable,
  totalReady,
  totalSize,
  totalTerminating,
} from './counts.ts'

type Status = DeepReadonly<DeploymentStatus>
type Conditions = readonly DeepReadonly<DeploymentCondition>[]

export type ProgressReason =
  | 'NewReplicaSetCreated'
  | 'FoundNewReplicaSet'
  | 'ReplicaSetUpdated'
  | 'NewReplicaSetAvailable'
  | 'ProgressDeadlineExceeded'
  | 'ReplicaSetCreateError'
  | 'DeploymentPaused'
  | 'DeploymentResumed'

export function progressing(status: 'True' | 'False' | 'Unknown', reason: ProgressReason, message: string) {
  return { type: 'Progressing', status, reason, message }
}

/** k8s: nothing changes while status and reason stay; the transition time moves with the status only. */
export function withDeploymentCondition(
  conditions: Conditions | undefined,
  condition: { type: string; status: string; reason: string; message: string },
  nowMs: number,
): DeploymentCondition[] {
  const known = getCondition(conditions, condition.type)
  if (known && known.status === condition.status && known.reason === condition.reason) {
    return [...(conditions as DeploymentCondition[])]
  }
  const now = formatTime(nowMs)
  const lastTransitionTime = known?.status === condition.status ? known.lastTransitionTime : now
  return [...withoutCondition(conditions, condition.type), { ...condition, lastUpdateTime: now, lastTransitionTime }]
}

/** The counts and the Available condition; Progressing and ReplicaFailure are left as they are. */
export function countedStatus(
  deployment: AnyDeployment,
  all: readonly AnyReplicaSet[],
  newSet: AnyReplicaSet | undefined,
  nowMs: number,
): DeploymentStatus {
  const { status } = deployment
  const available = totalAvailable(all)
  const enough = available >= minAvailable(deployment)
  const conditions = withDeploymentCondition(
    status?.conditions,
    enough
      ? {
          type: 'Available',
          status: 'True',
          reason: 'MinimumReplicasAvailable',
          message: 'Deployment has minimum availability.',
        }
      : {
          type: 'Available',
          status: 'False',
          reason: 'MinimumReplicasUnavailable',
          message: 'Deployment does not have minimum availability.',
        },
    nowMs,
  )
  const { generation } = deployment.metadata
  return {
    ...(generation ? { observedGeneration: generation } : {}),
    ...present('replicas', totalActual(all)),
    ...present('updatedReplicas', newSet ? totalActual([newSet]) : 0),
    ...present('readyReplicas', totalReady(all)),
    ...present('availableReplicas', available),
    ...present('unavailableReplicas', Math.max(0, totalSize(all) - available)),
    terminatingReplicas: totalTerminating(all),
    ...(status?.collisionCount === undefined ? {} : { collisionCount: status.collisionCount }),
    conditions,
  }
}

/** k8s: zero counts are left out. */
const present = (name: keyof DeploymentStatus, count: number) => (count === 0 ? {} : { [name]: count })

/** The whole status in the course of a rollout. */
export function rolloutStatus(
  deployment: AnyDeployment,
  all: readonly AnyReplicaSet[],
  newSet: AnyReplicaSet | undefined,
  nowMs: number,
): DeploymentStatus {
  const status = countedStatus(deployment, all, newSet, nowMs)
  const conditions = withReplicaFailure(withProgress(deployment, status, newSet, nowMs), all, newSet)
  return { ...status, conditions }
}

function withProgress(
  deployment: AnyDeployment,
  next: DeploymentStatus,
  newSet: AnyReplicaSet | undefined,
  nowMs: number,
): DeploymentCondition[] {
  const conditions = next.conditions ?? []
  if (progressDeadlineMs(deployment) === undefined) return withoutCondition(conditions, 'Progressing')
  const known = getCondition(conditions, 'Progressing')
  // A rollout that is over stays so, whatever happens to single pods later.
  if (known?.reason === 'NewReplicaSetAvailable' && next.replicas === next.updatedReplicas) return conditions
  const subject = newSet
    ? `ReplicaSet ${JSON.stringify(newSet.metadata.name)}`
    : `Deployment ${JSON.stringify(deployment.metadata.name)}`
  if (isComplete(deployment, next)) {
    const done = progressing('True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`)
    return withDeploymentCondition(conditions, done, nowMs)
  }
  if (hasProgressed(deployment.status ?? {}, next)) {
    const now = formatTime(nowMs)
    const lastTransitionTime = known?.status === 'True' ? known.lastTransitionTime : now
    const moving = progressing('True', 'ReplicaSetUpdated', `${subject} is progressing.`)
    return [...withoutCondition(conditions, 'Progressing'), { ...moving, lastUpdateTime: now, lastTransitionTime }]
  }
  if (hasTimedOut(deployment, next, nowMs)) {
    const late = progressing('False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`)
    return withDeploymentCondition(conditions, late, nowMs)
  }
  return conditions
}

/** All pods are of the newest revision, available, and no others are there. */
export function isComplete(deployment: AnyDeployment, status: Status): boolean {
  const desired = desiredReplicas(deployment)
  return (
    (status.updatedReplicas ?? 0) === desired &&
    (status.replicas ?? 0) === desired &&
    (status.availableReplicas ?? 0) === desired &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  )
}

function hasProgressed(old: Status, next: Status): boolean {
  const more = (count: (s: Status) => number) => count(next) > count(old)
  const oldPods = (s: Status) => (s.replicas ?? 0) - (s.updatedReplicas ?? 0)
  return (
    more((s) => s.updatedReplicas ?? 0) ||
    oldPods(next) < oldPods(old) ||
    more((s) => s.readyReplicas ?? 0) ||
    more((s) => s.availableReplicas ?? 0)
  )
}

function hasTimedOut(deployment: AnyDeployment, status: Status, nowMs: number): boolean {
  const known = getCondition(status.conditions, 'Progressing')
  if (!known || known.reason === 'NewReplicaSetAvailable') return false
  if (known.reason === 'ProgressDeadlineExceeded') return true
  return deadlineAtMs(deployment, known) < nowMs
}

function deadlineAtMs(deployment: AnyDeployment, condition: DeepReadonly<DeploymentCondition>): number {
  return Date.parse(condition.lastUpdateTime ?? '') + (progressDeadlineMs(deployment) ?? Number.POSITIVE_INFINITY)
}

/** When to look again whether the rollout is late; undefined when it is over, late already, or has no deadline. */
export function deadlineCheckInMs(deployment: AnyDeployment, status: Status, nowMs: number): number | undefined {
  const known = getCondition(status.conditions, 'Progressing')
  if (!known || progressDeadlineMs(deployment) === undefined || deployment.spec.paused) return undefined
  if (isComplete(deployment, status) || known.reason === 'ProgressDeadlineExceeded') return undefined
  if (known.reason === 'NewReplicaSetAvailable') return undefined
  // One second more: times in conditions are whole seconds.
  return Math.max(0, deadlineAtMs(deployment, known) - nowMs) + 1000
}

/** A set that cannot create or delete its pods makes it known here; the newest set's failure before the others'. */
function withReplicaFailure(
  conditions: DeploymentCondition[],
  all: readonly AnyReplicaSet[],
  newSet: AnyReplicaSet | undefined,
): DeploymentCondition[] {
  const others = withoutCondition(conditions, 'ReplicaFailure')
  for (const set of newSet ? [newSet, ...all] : all) {
    const failure = getCondition(set.status?.conditions, 'ReplicaFailure')
    if (!failure?.reason) continue
    const { lastTransitionTime } = failure
    const known = getCondition(conditions, 'ReplicaFailure')
    if (known?.status === failure.status && known.reason === failure.reason) return conditions
    return [...others, { ...failure, lastUpdateTime: lastTransitionTime }]
  }
  return others
}

/** The condition that a pause or its end makes due; undefined when it stands already. */
export function pauseCondition(deployment: AnyDeployment): ReturnType<typeof progressing> | undefined {
  if (progressDeadlineMs(deployment) === undefined) return undefined
  const known = getCondition(deployment.status?.conditions, 'Progressing')
  if (known?.reason === 'ProgressDeadlineExceeded') return undefined
  const paused = known?.reason === 'DeploymentPaused'
  if (deployment.spec.paused && !paused) return progressing('Unknown', 'DeploymentPaused', 'Deployment is paused')
  if (!deployment.spec.paused && paused) return progressing('Unknown', 'DeploymentResumed', 'Deployment is resumed')
  return undefined
}
