// The status of a ReplicaSet or ReplicationController, from its pods. Pure.

import type { Pod } from '../../api/kinds/pod.ts'
import type { ReplicaSet } from '../../api/kinds/replica-set.ts'
import { withCondition, withoutCondition } from '../../api/meta/conditions.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { isPodAvailable, isPodReady } from '../../api/meta/pods.ts'
import type { ReplicaSetCondition, ReplicaSetStatus } from '../../api/types/apps.v1.ts'

/** What a sync could not do: the status says so until a later one can. */
export interface Failure {
  reason: 'FailedCreate' | 'FailedDelete'
  message: string
}

export function replicasStatus(
  set: DeepReadonly<ReplicaSet>,
  active: readonly DeepReadonly<Pod>[],
  terminating: readonly DeepReadonly<Pod>[],
  failure: Failure | undefined,
  nowMs: number,
): ReplicaSetStatus {
  const templateLabels = Object.entries(set.spec.template?.metadata?.labels ?? {})
  const minReadySeconds = set.spec.minReadySeconds ?? 0
  let [labelled, ready, available] = [0, 0, 0]
  for (const pod of active) {
    if (templateLabels.every(([key, value]) => pod.metadata.labels?.[key] === value)) labelled++
    if (!isPodReady(pod)) continue
    ready++
    if (isPodAvailable(pod, minReadySeconds, nowMs)) available++
  }
  const conditions = conditionsWith(set.status?.conditions, failure, nowMs)
  return {
    replicas: active.length,
    ...(labelled > 0 ? { fullyLabeledReplicas: labelled } : {}),
    ...(ready > 0 ? { readyReplicas: ready } : {}),
    ...(available > 0 ? { availableReplicas: available } : {}),
    terminatingReplicas: terminating.length,
    observedGeneration: set.metadata.generation ?? 0,
    ...(conditions.length > 0 ? { conditions } : {}),
  }
}

function conditionsWith(
  known: readonly DeepReadonly<ReplicaSetCondition>[] | undefined,
  failure: Failure | undefined,
  nowMs: number,
): ReplicaSetCondition[] {
  if (!failure) return withoutCondition(known, 'ReplicaFailure')
  // k8s: the first failure stays until it is mended.
  if (known?.some((c) => c.type === 'ReplicaFailure')) return [...known]
  return withCondition<ReplicaSetCondition>(known, { type: 'ReplicaFailure', status: 'True', ...failure }, nowMs)
}

/** When the next ready pod turns available by having been ready for `minReadySeconds`; undefined when none will. */
export function nextAvailableInMs(
  active: readonly DeepReadonly<Pod>[],
  minReadySeconds: number,
  nowMs: number,
): number | undefined {
  if (minReadySeconds === 0) return undefined
  let soonestMs: number | undefined
  for (const pod of active) {
    if (!isPodReady(pod) || isPodAvailable(pod, minReadySeconds, nowMs)) continue
    const since = pod.status?.conditions?.find((c) => c.type === 'Ready')?.lastTransitionTime
    const inMs = since ? Date.parse(since) + minReadySeconds * 1000 - nowMs : minReadySeconds * 1000
    soonestMs = Math.min(soonestMs ?? inMs, inMs)
  }
  return soonestMs
}
