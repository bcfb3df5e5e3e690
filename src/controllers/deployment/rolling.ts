// Rolling update: the new ReplicaSet grows as far as the surge allows, the old ones shrink as far as availability allows, pods that
// never became healthy first. One step per sync; pure.
import {
  type AnyDeployment,
  type AnyReplicaSet,
  activeSets,
  byAge,
  desiredReplicas,
  maxSurge,
  minAvailable,
  newSetSize,
  type Scale,
  sizeOf,
  totalAvailable,
  totalSize,
} from './counts.ts'

/** The sizes to set now; empty when the rollout has nothing to do but wait. */
export function planRolling(
  deployment: AnyDeployment,
  newSet: AnyReplicaSet,
  oldSets: readonly AnyReplicaSet[],
): Scale[] {
  const all = [...oldSets, newSet]
  const size = growNew(deployment, newSet, all)
  if (size !== sizeOf(newSet)) return [{ set: newSet, replicas: size }]
  return shrinkOld(deployment, newSet, activeSets(oldSets), all)
}

function growNew(deployment: AnyDeployment, newSet: AnyReplicaSet, all: readonly AnyReplicaSet[]): number {
  const desired = desiredReplicas(deployment)
  return sizeOf(newSet) >= desired ? desired : newSetSize(deployment, sizeOf(newSet), all)
}

function shrinkOld(
  deployment: AnyDeployment,
  newSet: AnyReplicaSet,
  oldSets: readonly AnyReplicaSet[],
  all: readonly AnyReplicaSet[],
): Scale[] {
  if (oldSets.length === 0) return []
  // Pods of the new set that are not available yet count as if they were not there.
  const newUnavailable = sizeOf(newSet) - (newSet.status?.availableReplicas ?? 0)
  const mayGo = totalSize(all) - minAvailable(deployment) - newUnavailable
  if (mayGo <= 0) return []

  const sizes = new Map(oldSets.map((set) => [set, sizeOf(set)]))
  const sorted = [...oldSets].sort(byAge)
  let unhealthyLeft = mayGo
  for (const set of sorted) {
    const unhealthy = sizeOf(set) - (set.status?.availableReplicas ?? 0)
    const gone = Math.max(0, Math.min(unhealthyLeft, unhealthy))
    sizes.set(set, sizeOf(set) - gone)
    unhealthyLeft -= gone
  }
  let availableLeft = totalAvailable(all) - minAvailable(deployment)
  for (const set of sorted) {
    const gone = Math.max(0, Math.min(availableLeft, sizes.get(set)!))
    sizes.set(set, sizes.get(set)! - gone)
    availableLeft -= gone
  }
  return [...sizes].filter(([set, size]) => size !== sizeOf(set)).map(([set, replicas]) => ({ set, replicas }))
}

/**
 * After the Deployment was scaled: in the middle of a rollout every ReplicaSet takes its share of the difference, in proportion to its
 * size, so that the risk stays spread; otherwise the one that is active takes it all.
 */
export function planProportional(
  deployment: AnyDeployment,
  newSet: AnyReplicaSet | undefined,
  oldSets: readonly AnyReplicaSet[],
): Scale[] {
  const desired = desiredReplicas(deployment)
  const sole = activeOrLatest(newSet, oldSets)
  if (sole) return sizeOf(sole) === desired ? [] : [{ set: sole, replicas: desired }]
  if (newSet && isSaturated(deployment, newSet)) return activeSets(oldSets).map((set) => ({ set, replicas: 0 }))
  if ((deployment.spec.strategy?.type ?? 'RollingUpdate') !== 'RollingUpdate') return []

  const active = activeSets(newSet ? [newSet, ...oldSets] : oldSets)
  const allowed = desired > 0 ? desired + maxSurge(deployment) : 0
  const toAdd = allowed - totalSize(active)
  // Growing favours the newer of two of the same size, shrinking the older.
  active.sort((a, b) => sizeOf(b) - sizeOf(a) || (toAdd > 0 ? byAge(b, a) : byAge(a, b)))
  let added = 0
  const scales = active.map((set) => {
    const share = toAdd === 0 ? 0 : proportion(deployment, set, toAdd, added)
    added += share
    return { set, replicas: sizeOf(set) + share }
  })
  const first = scales[0]
  if (first && toAdd !== 0) first.replicas = Math.max(0, first.replicas + toAdd - added)
  return scales
}

/** The only set with pods, or the newest when none has; undefined when several have. */
function activeOrLatest(
  newSet: AnyReplicaSet | undefined,
  oldSets: readonly AnyReplicaSet[],
): AnyReplicaSet | undefined {
  const active = activeSets(newSet ? [newSet, ...oldSets] : oldSets)
  if (active.length > 1) return undefined
  return active[0] ?? newSet ?? [...oldSets].sort(byAge).at(-1)
}

export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas'
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas'

/** The new set is as large as desired, was asked to be, and all of it is available. */
function isSaturated(deployment: AnyDeployment, newSet: AnyReplicaSet): boolean {
  const desired = desiredReplicas(deployment)
  return (
    sizeOf(newSet) === desired &&
    annotatedCount(newSet, DESIRED_REPLICAS) === desired &&
    newSet.status?.availableReplicas === desired
  )
}

function proportion(deployment: AnyDeployment, set: AnyReplicaSet, toAdd: number, added: number): number {
  if (sizeOf(set) === 0 || toAdd === added) return 0
  const share = fraction(deployment, set)
  return toAdd > 0 ? Math.min(share, toAdd - added) : Math.max(share, toAdd - added)
}

function fraction(deployment: AnyDeployment, set: AnyReplicaSet): number {
  const desired = desiredReplicas(deployment)
  if (desired === 0) return -sizeOf(set)
  const before = annotatedCount(set, MAX_REPLICAS) || deployment.status?.replicas || 0
  if (before === 0) return 0
  return Math.round((sizeOf(set) * (desired + maxSurge(deployment))) / before) - sizeOf(set)
}

export function annotatedCount(set: AnyReplicaSet, annotation: string): number | undefined {
  const text = set.metadata.annotations?.[annotation]
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined
}

/** Whether the Deployment's size changed since its sets were last sized: then they are scaled before anything else happens. */
export function isScalingEvent(deployment: AnyDeployment, sets: readonly AnyReplicaSet[]): boolean {
  return activeSets(sets).some((set) => {
    const desired = annotatedCount(set, DESIRED_REPLICAS)
    return desired !== undefined && desired !== desiredReplicas(deployment)
  })
}
