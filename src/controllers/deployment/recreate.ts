// Recreate: every old pod is gone, its container ended, before the first new one starts. Pure.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { controllerOf } from '../../api/meta/owners.ts'
import { isTerminal } from '../../api/meta/pods.ts'
import { type AnyReplicaSet, activeSets, type Scale, totalActual } from './counts.ts'

/** The old sets to empty. */
export function planEmptying(oldSets: readonly AnyReplicaSet[]): Scale[] {
  return activeSets(oldSets).map((set) => ({ set, replicas: 0 }))
}

/** Whether any pod of an older revision may still be running, those that are being deleted included. */
export function oldPodsRunning(
  newSet: AnyReplicaSet | undefined,
  oldSets: readonly AnyReplicaSet[],
  pods: readonly DeepReadonly<Pod>[],
): boolean {
  if (totalActual(oldSets) > 0) return true
  return pods.some((pod) => controllerOf(pod)?.uid !== newSet?.metadata.uid && !isTerminal(pod))
}
