// Whether a toleration lets a pod stand a taint: what the scheduler and the eviction of pods agree on.
import type { Taint, Toleration } from '../types/core.v1.ts'
import type { DeepReadonly } from './object.ts'

/** k8s: an empty key with Exists tolerates everything, an empty effect every effect. */
export function tolerates(toleration: DeepReadonly<Toleration>, taint: DeepReadonly<Taint>): boolean {
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
