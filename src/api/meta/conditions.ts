// Status conditions: found by type, and set so that lastTransitionTime moves only when the status does.
import type { DeepReadonly } from './object.ts'
import { formatTime } from './time.ts'

export interface ConditionLike {
  type: string
  status: string
  reason?: string
  message?: string
  lastTransitionTime?: string
}

export function getCondition<T extends { type: string }>(
  conditions: readonly T[] | undefined,
  type: string,
): T | undefined {
  return conditions?.find((c) => c.type === type)
}

export function isConditionTrue(
  conditions: readonly { readonly type: string; readonly status: string }[] | undefined,
  type: string,
): boolean {
  return getCondition(conditions, type)?.status === 'True'
}

/**
 * The list with `condition` in it, in the place of its predecessor. The transition time is kept while the status stays, unless the
 * caller gives one. The input is not changed; the same list comes back when nothing would change.
 */
export function withCondition<T extends ConditionLike>(
  conditions: readonly DeepReadonly<T>[] | undefined,
  condition: T,
  nowMs: number,
): T[] {
  const list = (conditions ?? []) as readonly T[]
  const old = getCondition(list, condition.type)
  const lastTransitionTime =
    condition.lastTransitionTime ??
    (old && old.status === condition.status ? old.lastTransitionTime : formatTime(nowMs))
  const next = { ...condition, lastTransitionTime }
  if (!old) return [...list, next]
  const keys = new Set([...Object.keys(old), ...Object.keys(next)]) as Set<keyof T>
  if ([...keys].every((key) => old[key] === next[key])) return list as T[]
  return list.map((c) => (c === old ? next : c))
}

export function withoutCondition<T extends { type: string }>(conditions: readonly T[] | undefined, type: string): T[] {
  return (conditions ?? []).filter((c) => c.type !== type)
}
