// What becomes of an object, given the live state of its owners: kept, freed from owners that are gone, or deleted. Pure.
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import { FOREGROUND, ORPHAN, type Owner } from './graph.ts'

/** solid: exists. waiting: is being deleted in the foreground and waits for its dependents. absent: gone, or another object by now. */
export type OwnerState = 'solid' | 'waiting' | 'absent'

export type Verdict =
  | { action: 'keep' }
  /** References to be taken off: the object has other owners. */
  | { action: 'unlink'; uids: string[] }
  | { action: 'delete'; propagationPolicy: 'Foreground' | 'Background' | 'Orphan' }

export function decide(
  live: DeepReadonly<KubeObject>,
  owners: readonly { owner: Owner; state: OwnerState }[],
  hasDependents: boolean,
): Verdict {
  if (live.metadata.deletionTimestamp || owners.length === 0) return { action: 'keep' }
  const of = (state: OwnerState) => owners.filter((o) => o.state === state).map((o) => o.owner.uid)
  const gone = [...of('absent'), ...of('waiting')]
  if (of('solid').length > 0) return gone.length > 0 ? { action: 'unlink', uids: gone } : { action: 'keep' }
  // An owner that waits for us shall also wait for those that depend on us.
  if (of('waiting').length > 0 && hasDependents) return { action: 'delete', propagationPolicy: 'Foreground' }
  const { finalizers } = live.metadata
  if (finalizers?.includes(ORPHAN)) return { action: 'delete', propagationPolicy: 'Orphan' }
  if (finalizers?.includes(FOREGROUND)) return { action: 'delete', propagationPolicy: 'Foreground' }
  return { action: 'delete', propagationPolicy: 'Background' }
}
