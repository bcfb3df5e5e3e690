// Which taints keep a pod away, and which tolerations let it in.
import type { DeepReadonly } from '../api/meta/object.ts'
import type { Taint, Toleration } from '../api/types/core.v1.ts'

type ReadonlyTaint = DeepReadonly<Taint>
type Tolerations = readonly DeepReadonly<Toleration>[] | undefined

/** k8s: set on cordoned nodes; a pod that tolerates it may go there although the node is unschedulable. */
export const UNSCHEDULABLE_TAINT: ReadonlyTaint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }

export function tolerates(toleration: DeepReadonly<Toleration>, taint: ReadonlyTaint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false
  if (toleration.key && toleration.key !== taint.key) return false
  switch (toleration.operator || 'Equal') {
    case 'Exists':
      return true
    case 'Equal':
      // an empty key with Equal is refused by validation: it never stands for every taint
      return Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? '')
    case 'Lt':
      return integer(taint.value) < integer(toleration.value)
    case 'Gt':
      return integer(taint.value) > integer(toleration.value)
    default:
      return false
  }
}

/** NaN for anything that isn't a plain integer, so that no comparison with it holds. */
const integer = (text: string | undefined) => (text && /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN)

export const isTolerated = (tolerations: Tolerations, taint: ReadonlyTaint) =>
  tolerations?.some((toleration) => tolerates(toleration, taint)) ?? false

/** The first taint that bars the pod. k8s: PreferNoSchedule never bars, it only counts in scoring. */
export const untoleratedTaint = (taints: readonly ReadonlyTaint[], tolerations: Tolerations) =>
  taints.find(
    (taint) => (taint.effect === 'NoSchedule' || taint.effect === 'NoExecute') && !isTolerated(tolerations, taint),
  )
