// Which taints keep a pod away, and which tolerations let it in.
import type { DeepReadonly } from '../api/meta/object.ts'
import { tolerates } from '../api/meta/taints.ts'
import type { Taint, Toleration } from '../api/types/core.v1.ts'

type ReadonlyTaint = DeepReadonly<Taint>
type Tolerations = readonly DeepReadonly<Toleration>[] | undefined

/** k8s: set on cordoned nodes; a pod that tolerates it may go there although the node is unschedulable. */
export const UNSCHEDULABLE_TAINT: ReadonlyTaint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }

export const isTolerated = (tolerations: Tolerations, taint: ReadonlyTaint) =>
  tolerations?.some((toleration) => tolerates(toleration, taint)) ?? false

/** The first taint that bars the pod. k8s: PreferNoSchedule never bars, it only counts in scoring. */
export const untoleratedTaint = (taints: readonly ReadonlyTaint[], tolerations: Tolerations) =>
  taints.find(
    (taint) => (taint.effect === 'NoSchedule' || taint.effect === 'NoExecute') && !isTolerated(tolerations, taint),
  )
