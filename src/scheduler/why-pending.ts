// "Why is it pending?" and "what if?", answered from a snapshot without touching anything: the scheduler's own decision, in its words.
import type { DeepReadonly } from '../api/meta/object.ts'
import type { Pod } from '../api/types/core.v1.ts'
import { podInfo } from './pod-info.ts'
import { planPreemption } from './preemption.ts'
import { defaultProfile } from './profile.ts'
import { isGated } from './queue.ts'
import { explain, schedule } from './schedule.ts'
import type { Snapshot } from './snapshot.ts'

export type Outlook =
  | { readonly node: string; readonly message: string; readonly victims: readonly string[] }
  | { readonly node: undefined; readonly message: string }

/** Where the pod would go now, perhaps in the place of others (`namespace/name`), or why it can't go anywhere. */
export function outlook(snapshot: Snapshot, pod: DeepReadonly<Pod>): Outlook {
  // k8s: the message of the PodScheduled condition of gated pods
  if (isGated(pod)) return { node: undefined, message: 'Scheduling is blocked due to non-empty scheduling gates' }
  const decision = schedule(snapshot, pod)
  if (decision.node !== undefined) return { node: decision.node, message: '', victims: [] }
  if (decision.allNodes === 0) return { node: undefined, message: explain(decision) }
  const plan = planPreemption(snapshot, podInfo(pod), decision, defaultProfile)
  if (plan.node === undefined) return { node: undefined, message: explain(decision, plan.message) }
  const victims = plan.victims.map(({ pod: { metadata } }) => `${metadata.namespace}/${metadata.name}`)
  return { node: plan.node, message: explain(decision), victims }
}
