// How objects end: what a delete does at once, what it leaves to finalizers and grace periods, and when an update was the last thing
// an object waited for. Pure decisions over plain data.
import type { Kind } from '../../api/kinds/kind.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { formatTime, parseTime } from '../../api/meta/time.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import type { Obj } from './call.ts'

export interface DeleteOptions {
  readonly gracePeriodSeconds: number | undefined
  readonly propagation: 'Foreground' | 'Background' | 'Orphan' | undefined
  readonly uid: string | undefined
  readonly resourceVersion: string | undefined
  readonly dryRun: boolean
}

export type DeletePlan =
  | { readonly action: 'remove' }
  /** It waits for finalizers or for its grace period. */
  | { readonly action: 'mark'; readonly object: KubeObject }
  /** It is being deleted already, and this changes nothing. */
  | { readonly action: 'none' }

const ORPHAN = 'orphan'
const FOREGROUND = 'foregroundDeletion'

/** k8s: kinds whose dependents stay when the client says nothing. */
const ORPHANS_BY_DEFAULT: ReadonlySet<string> = new Set(['/replicationcontrollers', 'batch/jobs'])
export const orphansByDefault = (kind: Kind) => ORPHANS_BY_DEFAULT.has(`${kind.group}/${kind.plural}`)

export function planDelete(kind: Kind, obj: Obj, options: DeleteOptions, nowMs: number): DeletePlan {
  const next = cloneJson(obj) as KubeObject
  const finalizers = finalizersAfterDelete(kind, obj, options.propagation)
  const finalizersChanged = finalizers.join() !== (obj.metadata.finalizers ?? []).join()
  if (finalizers.length > 0) next.metadata.finalizers = finalizers
  else delete next.metadata.finalizers

  const grace = graceSeconds(kind, obj, options.gracePeriodSeconds)
  const waits = grace > 0 || finalizers.length > 0 || specFinalizers(obj).length > 0
  if (!waits) return { action: 'remove' }

  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = obj.metadata
  if (deletionTimestamp) {
    // k8s: a grace period can only be shortened.
    if (grace >= deletionGracePeriodSeconds) {
      return finalizersChanged ? { action: 'mark', object: next } : { action: 'none' }
    }
    const startedMs = (parseTime(deletionTimestamp) ?? nowMs) - deletionGracePeriodSeconds * 1000
    next.metadata.deletionTimestamp = formatTime(Math.max(startedMs, 0) + grace * 1000)
  } else next.metadata.deletionTimestamp = formatTime(nowMs + grace * 1000)
  // k8s: namespaces have no such field.
  if (!isNamespace(obj)) next.metadata.deletionGracePeriodSeconds = grace
  if (obj.metadata.generation) next.metadata.generation = obj.metadata.generation + 1
  return { action: 'mark', object: next }
}

function graceSeconds(kind: Kind, obj: Obj, asked: number | undefined): number {
  const own = kind.gracePeriodSeconds?.(obj)
  if (own === undefined) return 0
  // k8s: who asks a second time without naming a period doesn't change the one under way.
  const wanted = asked ?? obj.metadata.deletionGracePeriodSeconds ?? own
  // k8s: below zero means one second.
  return own === 0 ? 0 : wanted < 0 ? 1 : wanted
}

function finalizersAfterDelete(kind: Kind, obj: Obj, propagation: DeleteOptions['propagation']): string[] {
  const current = obj.metadata.finalizers ?? []
  const has = (name: string) => current.includes(name)
  const orphan =
    propagation === undefined ? has(ORPHAN) || (!has(FOREGROUND) && orphansByDefault(kind)) : propagation === 'Orphan'
  const foreground = propagation === undefined ? has(FOREGROUND) : propagation === 'Foreground'
  const others = current.filter((name) => name !== ORPHAN && name !== FOREGROUND)
  return [...others, ...(orphan ? [ORPHAN] : []), ...(foreground && !orphan ? [FOREGROUND] : [])]
}

export const isNamespace = (obj: Obj) => obj.kind === 'Namespace' && obj.apiVersion === 'v1'

/** Namespaces have finalizers of their own, in the spec. */
function specFinalizers(obj: Obj): readonly string[] {
  if (!isNamespace(obj)) return []
  return (obj as { spec?: { finalizers?: readonly string[] } }).spec?.finalizers ?? []
}

/** True when an object marked for deletion waits for nothing any more: the update that led there removes it. */
export function completesDeletion(obj: Obj): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = obj.metadata
  if (!deletionTimestamp || finalizers.length > 0 || specFinalizers(obj).length > 0) return false
  return deletionGracePeriodSeconds === 0
}
