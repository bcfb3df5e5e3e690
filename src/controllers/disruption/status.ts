// The status of a PodDisruptionBudget, from its pods and from how many there should be. Pure.
import type { PodDisruptionBudget } from '../../api/kinds/pod-disruption-budget.ts'
import { withCondition } from '../../api/meta/conditions.ts'
import { resolveIntOrPercent } from '../../api/meta/int-or-percent.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { isPodReady } from '../../api/meta/pods.ts'
import { parseTime } from '../../api/meta/time.ts'
import type { Pod } from '../../api/types/core.v1.ts'

type Budget = DeepReadonly<PodDisruptionBudget>
type Status = NonNullable<PodDisruptionBudget['status']>
type Condition = NonNullable<Status['conditions']>[number]
type AnyPod = DeepReadonly<Pod>

/** k8s: an eviction whose pod is still there after this long has failed. */
const DELETION_LIMIT_MS = 2 * 60_000

/** Is the number of pods what their owners want, rather than what there is? */
export const needsScale = ({ spec }: Budget) =>
  spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string'

export interface Outcome {
  readonly status: Status
  /** Evicted pods that should have gone by now. */
  readonly notDeleted: readonly string[]
  /** When the next eviction is due to be forgotten. */
  readonly againInMs: number | undefined
}

/** @param scale how many pods their owners want; only where `needsScale` */
export function budgetStatus(budget: Budget, pods: readonly AnyPod[], scale: number, nowMs: number): Outcome {
  const { spec, status } = budget
  const disrupted = stillDisrupted(status?.disruptedPods ?? {}, pods, nowMs)
  const healthy = pods.filter(
    (pod) => !pod.metadata.deletionTimestamp && disrupted.pods[pod.metadata.name] === undefined && isPodReady(pod),
  )
  const { expectedPods, desiredHealthy } = expectation(spec, pods.length, scale)
  const currentHealthy = healthy.length
  // k8s: a budget without pods allows nothing, so that the first ones are safe.
  const disruptionsAllowed = expectedPods > 0 ? Math.max(0, currentHealthy - desiredHealthy) : 0
  const next: Status = {
    ...(status as Status | undefined),
    currentHealthy,
    desiredHealthy,
    expectedPods,
    disruptionsAllowed,
    observedGeneration: budget.metadata.generation ?? 0,
  }
  delete next.disruptedPods
  if (Object.keys(disrupted.pods).length > 0) next.disruptedPods = disrupted.pods
  next.conditions = condition(budget, disruptionsAllowed > 0 ? 'SufficientPods' : 'InsufficientPods', '', nowMs)
  return { status: next, notDeleted: disrupted.late, againInMs: disrupted.againInMs }
}

/** k8s: when the pods can't be counted, nothing is allowed. */
export function failedStatus(budget: Budget, message: string, nowMs: number): Status {
  const conditions = condition(budget, 'SyncFailed', message, nowMs)
  const { currentHealthy = 0, desiredHealthy = 0, expectedPods = 0 } = budget.status ?? {}
  const counted = { currentHealthy, desiredHealthy, expectedPods }
  return {
    ...(budget.status as Status | undefined),
    ...counted,
    disruptionsAllowed: 0,
    observedGeneration: budget.metadata.generation ?? 0,
    conditions,
  }
}

function expectation(spec: Budget['spec'], count: number, scale: number) {
  const { minAvailable, maxUnavailable } = spec ?? {}
  if (maxUnavailable !== undefined) {
    const away = resolveIntOrPercent(maxUnavailable, scale, 'up')
    return { expectedPods: scale, desiredHealthy: Math.max(0, scale - away) }
  }
  if (minAvailable === undefined) return { expectedPods: 0, desiredHealthy: 0 }
  if (typeof minAvailable === 'number') return { expectedPods: count, desiredHealthy: minAvailable }
  return { expectedPods: scale, desiredHealthy: resolveIntOrPercent(minAvailable, scale, 'up') }
}

function stillDisrupted(noted: Readonly<Record<string, string>>, pods: readonly AnyPod[], nowMs: number) {
  const kept: Record<string, string> = {}
  const late: string[] = []
  let againInMs: number | undefined
  for (const { metadata } of pods) {
    const since = noted[metadata.name]
    if (since === undefined || metadata.deletionTimestamp) continue
    const leftMs = (parseTime(since) ?? 0) + DELETION_LIMIT_MS - nowMs
    if (leftMs <= 0) {
      late.push(metadata.name)
      continue
    }
    kept[metadata.name] = since
    againInMs = Math.min(againInMs ?? leftMs, leftMs)
  }
  return { pods: kept, late, againInMs }
}

function condition({ metadata, status }: Budget, reason: string, message: string, nowMs: number) {
  const next = {
    type: 'DisruptionAllowed',
    status: reason === 'SufficientPods' ? 'True' : 'False',
    reason,
    message,
    observedGeneration: metadata.generation ?? 0,
  }
  return withCondition<Condition>(status?.conditions as Condition[] | undefined, next as Condition, nowMs)
}
