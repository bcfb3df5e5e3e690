// The difference between two pod statuses as a strategic merge patch: only what changed, conditions of others left alone. Pure.
import { semanticEqual } from '../../api/meta/equality.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type * as v1 from '../../api/types/core.v1.ts'

type Status = DeepReadonly<v1.PodStatus>
/** What the node's agent writes; everything else in a status belongs to others. */
const FIELDS = [
  'observedGeneration',
  'phase',
  'message',
  'reason',
  'hostIP',
  'podIP',
  'startTime',
  'initContainerStatuses',
  'containerStatuses',
  'ephemeralContainerStatuses',
  'qosClass',
] as const
/** Lists that the patch merges by their `ip`. */
const ADDRESS_LISTS = ['hostIPs', 'podIPs'] as const

/** undefined when there is nothing to write. */
export function statusPatch(old: Status | undefined, status: Status): Record<string, unknown> | undefined {
  const patch: Record<string, unknown> = {}
  for (const field of FIELDS) {
    if (!semanticEqual(old?.[field], status[field])) patch[field] = status[field] ?? null
  }
  for (const field of ADDRESS_LISTS) {
    const before = old?.[field] ?? []
    const after = status[field] ?? []
    if (semanticEqual(before, after)) continue
    patch[field] = [
      ...after,
      ...before.filter((b) => !after.some((a) => a.ip === b.ip)).map((b) => ({ $patch: 'delete', ip: b.ip })),
    ]
  }
  const conditions = status.conditions ?? []
  const changed = conditions.filter(
    (c) =>
      !semanticEqual(
        c,
        old?.conditions?.find((o) => o.type === c.type),
      ),
  )
  if (changed.length > 0) {
    patch['conditions'] = changed.map((c) => ({
      ...c,
      // What a condition no longer says has to be taken away by name.
      ...(c.reason === undefined ? { reason: null } : {}),
      ...(c.message === undefined ? { message: null } : {}),
    }))
    patch['$setElementOrder/conditions'] = conditions.map((c) => ({ type: c.type }))
  }
  return Object.keys(patch).length === 0 ? undefined : patch
}
