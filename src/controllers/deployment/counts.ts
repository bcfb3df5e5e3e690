// The numbers of a rollout: how many pods may be there at once, how many may be missing, and what follows for a ReplicaSet's size. Pure.
import type { Deployment } from '../../api/kinds/deployment.ts'
import type { ReplicaSet } from '../../api/kinds/replica-set.ts'
import { resolveIntOrPercent } from '../../api/meta/int-or-percent.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'

export type AnyDeployment = DeepReadonly<Deployment>
export type AnyReplicaSet = DeepReadonly<ReplicaSet>

/** A size that a ReplicaSet shall have. */
export interface Scale {
  set: AnyReplicaSet
  replicas: number
}

/** k8s: "no deadline" may also be written as the largest int32. */
const UNLIMITED = 2 ** 31 - 1

export const isRolling = ({ spec }: AnyDeployment) => (spec.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate'
export const desiredReplicas = ({ spec }: AnyDeployment) => spec.replicas ?? 1
export const sizeOf = (set: AnyReplicaSet) => set.spec.replicas ?? 1

export function progressDeadlineMs({ spec }: AnyDeployment): number | undefined {
  const seconds = spec.progressDeadlineSeconds
  return seconds === undefined || seconds === UNLIMITED ? undefined : seconds * 1000
}

/** How many old ReplicaSets are kept; undefined: all. */
export function historyLimit({ spec }: AnyDeployment): number | undefined {
  const limit = spec.revisionHistoryLimit
  return limit === undefined || limit === UNLIMITED ? undefined : limit
}

/** k8s: surge is rounded up, unavailability down; both zero would stand still, so then one may be unavailable. */
function fenceposts(deployment: AnyDeployment): { surge: number; unavailable: number } {
  const { maxSurge = '25%', maxUnavailable = '25%' } = deployment.spec.strategy?.rollingUpdate ?? {}
  const desired = desiredReplicas(deployment)
  const surge = resolveIntOrPercent(maxSurge, desired, 'up')
  const unavailable = resolveIntOrPercent(maxUnavailable, desired, 'down')
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable }
}

export function maxSurge(deployment: AnyDeployment): number {
  return isRolling(deployment) ? fenceposts(deployment).surge : 0
}

export function maxUnavailable(deployment: AnyDeployment): number {
  const desired = desiredReplicas(deployment)
  if (!isRolling(deployment) || desired === 0) return 0
  return Math.min(fenceposts(deployment).unavailable, desired)
}

export const minAvailable = (deployment: AnyDeployment) => desiredReplicas(deployment) - maxUnavailable(deployment)

const total = (sets: readonly AnyReplicaSet[], count: (set: AnyReplicaSet) => number) =>
  sets.reduce((sum, set) => sum + count(set), 0)

/** Pods asked for by these sets. */
export const totalSize = (sets: readonly AnyReplicaSet[]) => total(sets, sizeOf)
/** Pods that exist, as the sets report. */
export const totalActual = (sets: readonly AnyReplicaSet[]) => total(sets, ({ status }) => status?.replicas ?? 0)
export const totalReady = (sets: readonly AnyReplicaSet[]) => total(sets, ({ status }) => status?.readyReplicas ?? 0)
export const totalAvailable = (sets: readonly AnyReplicaSet[]) =>
  total(sets, ({ status }) => status?.availableReplicas ?? 0)
export const totalTerminating = (sets: readonly AnyReplicaSet[]) =>
  total(sets, ({ status }) => status?.terminatingReplicas ?? 0)

/** Sets that ask for pods. */
export const activeSets = (sets: readonly AnyReplicaSet[]) => sets.filter((set) => sizeOf(set) > 0)

/** The size of the newest set, all others being as they are: as many as the surge allows, never more than desired. */
export function newSetSize(deployment: AnyDeployment, newSize: number, all: readonly AnyReplicaSet[]): number {
  const desired = desiredReplicas(deployment)
  if (!isRolling(deployment)) return desired
  const room = desired + maxSurge(deployment) - totalSize(all)
  return room <= 0 ? newSize : newSize + Math.min(room, desired - newSize)
}

const createdMs = (set: AnyReplicaSet) => Date.parse(set.metadata.creationTimestamp) || 0

/** Oldest first; by name where the time is the same. */
export function byAge(a: AnyReplicaSet, b: AnyReplicaSet): number {
  return createdMs(a) - createdMs(b) || (a.metadata.name < b.metadata.name ? -1 : 1)
}
