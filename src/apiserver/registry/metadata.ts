// The metadata that the server owns: what a new object gets, what an update may not touch, when the generation rises. Mutates only
// the object it is given.
import type { Kind } from '../../api/kinds/kind.ts'
import { semanticEqual } from '../../api/meta/equality.ts'
import { type FieldError, invalid } from '../../api/meta/errors.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { formatTime } from '../../api/meta/time.ts'
import type { Obj } from './call.ts'

export function initialMetadata(kind: Kind, obj: KubeObject, uid: string, nowMs: number): void {
  const { metadata } = obj
  metadata.uid = uid
  metadata.creationTimestamp = formatTime(nowMs)
  for (const field of NOT_GIVEN) if (metadata[field] !== undefined) delete metadata[field]
  if (kind.hasGeneration) metadata.generation = 1
  else if (metadata.generation !== undefined) delete metadata.generation
}

/** k8s: what a new object doesn't have, whatever the client says. */
const NOT_GIVEN = [
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
  'managedFields',
  'resourceVersion',
] as const satisfies (keyof KubeObject['metadata'])[]

const OWNED = [
  'name',
  'generateName',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
] as const

/** k8s: what nobody may change, not even by naming it. Leaving it out changes nothing. */
export function changedIdentity({ metadata }: Obj, old: Obj): FieldError[] {
  const errors: FieldError[] = []
  const fixed = (field: 'uid' | 'deletionTimestamp' | 'deletionGracePeriodSeconds') => {
    const given = metadata[field]
    if (given !== undefined && given !== '' && given !== old.metadata[field]) {
      errors.push(invalid(`metadata.${field}`, given, 'field is immutable'))
    }
  }
  fixed('uid')
  if (!old.metadata.deletionTimestamp) fixed('deletionTimestamp')
  fixed('deletionGracePeriodSeconds')
  return errors
}

/** Puts back what only the server sets. Names are checked against the URL before; uid and resourceVersion as preconditions. */
export function keepOwnMetadata(obj: KubeObject, old: Obj): void {
  const meta = obj.metadata as unknown as Record<string, unknown>
  for (const field of OWNED) {
    const value = old.metadata[field]
    if (value === undefined) delete meta[field]
    else meta[field] = value
  }
  delete meta['selfLink']
  meta['resourceVersion'] = old.metadata.resourceVersion
}

const NOT_DESIRED = new Set(['metadata', 'status', 'apiVersion', 'kind'])

/** k8s: everything but metadata and status is what the user wants; a change of it is a new generation. */
export function desiredStateChanged(kind: Kind, obj: Obj, old: Obj): boolean {
  // k8s: without an endpoint of its own, the status of a custom resource is a field like any other.
  const statusCounts = kind.custom !== undefined && !kind.subresources.includes('status')
  const [next, before] = [obj, old] as unknown as [Record<string, unknown>, Record<string, unknown>]
  for (const key of new Set([...Object.keys(next), ...Object.keys(before)])) {
    if (NOT_DESIRED.has(key) && !(statusCounts && key === 'status')) continue
    if (!semanticEqual(next[key], before[key])) return true
  }
  return false
}

/** Nothing that anybody set is different: such a write is not written. */
export function isUnchanged(obj: Obj, old: Obj): boolean {
  const bare = (o: Obj) => ({ ...o, metadata: { ...o.metadata, managedFields: timeless(o), resourceVersion: '' } })
  return semanticEqual(bare(obj), bare(old))
}

const timeless = (obj: Obj) => obj.metadata.managedFields?.map(({ time: _, ...entry }) => entry)
