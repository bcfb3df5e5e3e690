// What a scheduling plug-in is. It is pure and synchronous: `prepare` looks at the pod and the snapshot once and answers with closures
// that judge one node at a time. The order of plug-ins and their weights are in profile.ts, the decision that runs them in schedule.ts.
import type { DeepReadonly } from '../api/meta/object.ts'
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../api/types/core.v1.ts'
import type { StorageClass } from '../api/types/storage.v1.ts'
import type { NodeInfo } from './node-info.ts'
import type { PodInfo } from './pod-info.ts'
import type { Snapshot } from './snapshot.ts'

export const MAX_SCORE = 100

/** Why a node (or the whole cluster) can't take the pod. */
export interface Rejection {
  /** Sentences as a user reads them in the event: `Insufficient cpu`. */
  readonly reasons: readonly string[]
  /** False when removing other pods from the node could not change the verdict. */
  readonly resolvable: boolean
}

/** Taking lower-priority pods off the node might help. */
export const unschedulable = (...reasons: string[]): Rejection => ({ reasons, resolvable: true })
/** Nothing that preemption does could help. */
export const unresolvable = (...reasons: string[]): Rejection => ({ reasons, resolvable: false })

/** A plug-in made ready for one pod and one snapshot; not to be kept beyond the decision. */
export interface Prepared {
  filter?(node: NodeInfo): Rejection | undefined
  /** One number from 0 to 100 for each node, which all passed every filter. */
  score?(nodes: readonly NodeInfo[]): readonly number[]
}

export interface Plugin {
  /** k8s: the standard's name, as it stands in metrics and in configuration. */
  readonly name: string
  /** Undefined: the pod does not concern this plug-in. A rejection: no node will do, whichever it is. */
  prepare(pod: PodInfo, snapshot: Snapshot): Prepared | Rejection | undefined
  /** Queueing hint: could this event make the plug-in accept a pod that it rejected before? Absent: any event could. */
  mayHelp?(event: ClusterEvent, pod: PodInfo): boolean
}

export const isRejection = (value: Prepared | Rejection | undefined): value is Rejection =>
  value !== undefined && 'reasons' in value

interface Change<R extends string, T> {
  readonly resource: R
  readonly type: 'added' | 'updated' | 'deleted'
  readonly object: DeepReadonly<T>
  readonly old?: DeepReadonly<T> | undefined
}

/** Something that happened in the cluster and may let a waiting pod run. */
export type ClusterEvent =
  | Change<'node', Node>
  /** A pod that has a node: it came, changed or went. */
  | Change<'assigned-pod', Pod>
  | Change<'claim', PersistentVolumeClaim>
  | Change<'volume', PersistentVolume>
  | Change<'storage-class', StorageClass>

/** Scales raw scores so that the highest becomes 100; `reverse` makes the lowest the best. k8s: integer division. */
export function normalise(scores: readonly number[], reverse = false): number[] {
  const max = Math.max(0, ...scores)
  if (max === 0) return scores.map(() => (reverse ? MAX_SCORE : 0))
  return scores.map((score) => {
    const scaled = Math.floor((MAX_SCORE * score) / max)
    return reverse ? MAX_SCORE - scaled : scaled
  })
}
