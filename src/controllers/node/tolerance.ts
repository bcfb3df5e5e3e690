// How long a pod may stay on a node with NoExecute taints. Pure.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { tolerates } from '../../api/meta/taints.ts'
import type { Taint } from '../../api/types/core.v1.ts'

/**
 * When the pod has to go, in milliseconds since the epoch: now or earlier when a taint is not tolerated at all; undefined: it may stay.
 * The time counts from when the pod met the taint.
 * @param metAtMs when pod and taint were first seen together, for taints that don't say when they were added
 */
export function evictAtMs(
  pod: DeepReadonly<Pod>,
  taints: readonly DeepReadonly<Taint>[],
  metAtMs: number,
): number | undefined {
  const arrivedMs = Date.parse(pod.status?.startTime ?? pod.metadata.creationTimestamp) || 0
  let soonest: number | undefined
  for (const taint of taints) {
    if (taint.effect !== 'NoExecute') continue
    const tolerations = (pod.spec.tolerations ?? []).filter((toleration) => tolerates(toleration, taint))
    if (tolerations.length === 0) return Number.NEGATIVE_INFINITY
    const seconds = Math.min(...tolerations.map((t) => t.tolerationSeconds ?? Number.POSITIVE_INFINITY))
    if (seconds === Number.POSITIVE_INFINITY) continue
    const sinceMs = taint.timeAdded ? Math.max(Date.parse(taint.timeAdded), arrivedMs) : metAtMs
    const dueMs = sinceMs + Math.max(seconds, 0) * 1000
    soonest = Math.min(soonest ?? dueMs, dueMs)
  }
  return soonest
}
