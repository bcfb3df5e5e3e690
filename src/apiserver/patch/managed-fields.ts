// metadata.managedFields: who last set which field. `trackUpdate` records an ordinary write (create, update, other patches): what it
// changed becomes its manager's and leaves all others. Entries that a write does not touch are kept as the very same values.
// apply.ts records server-side apply on the same state.
//
// Sets of managers at other versions of the kind are compared by field name, without conversion.

import { jsonEqual } from '../../api/meta/equality.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import { decodeObject } from '../../api/schema/decode.ts'
import { fillEmptyStructs } from '../../api/schema/defaults.ts'
import type { StructSchema } from '../../api/schema/schema.ts'
import type { ManagedFieldsEntry } from '../../api/types/meta.v1.ts'
import {
  difference,
  EMPTY,
  type FieldSet,
  intersects,
  isEmptySet,
  isFieldSet,
  setOfFields,
  union,
  withoutSubtrees,
} from './field-set.ts'
import { type Comparison, compare } from './typed-value.ts'

/** An object with metadata, as plain JSON. */
export interface PlainObject {
  metadata?: { managedFields?: readonly ManagedFieldsEntry[]; [field: string]: unknown }
  [field: string]: unknown
}

/** What is being written, and through which door. */
export interface WriteTarget {
  schema: StructSchema
  /** `apps/v1`. */
  apiVersion: string
  /** `status`, `scale` …; empty for the object itself. */
  subresource?: string
  /** Fields that this door does not write (`status` for the object itself, `spec` for its status): never owned through it. */
  resetFields?: readonly string[]
}

/** One manager's entry with its fields taken out of their JSON wrapping. */
export interface Manager {
  readonly entry: Omit<ManagedFieldsEntry, 'fieldsV1' | 'fieldsType' | 'time'>
  readonly time: string | undefined
  readonly set: FieldSet
  /** The entry as it was stored, as long as nothing changed. */
  readonly stored: ManagedFieldsEntry | undefined
}
export type Managers = Map<string, Manager>

/** k8s: entries of ordinary writes on one object; the oldest beyond are merged into one. */
export const MAX_UPDATE_MANAGERS = 10
const ANCIENT_CHANGES = 'ancient-changes'
/** k8s: whoever changed an object before anyone kept track. */
export const BEFORE_FIRST_APPLY = 'before-first-apply'

/**
 * managedFields after an ordinary write: to be put into `after.metadata.managedFields` by the caller (undefined: none).
 * `before` is undefined on create. `after` is the defaulted object as it came from the client: its own managedFields are
 * heeded (clients may edit them). `now` is the time in RFC 3339 seconds.
 */
export function trackUpdate(
  target: WriteTarget,
  before: PlainObject | undefined,
  after: PlainObject,
  manager: string,
  now: string,
): ManagedFieldsEntry[] | undefined {
  const live = before?.metadata?.managedFields
  const given = target.subresource ? live : (after.metadata?.managedFields ?? live)
  if (!before && !target.subresource && isNone(given)) return ofCreator(target, after, manager, now)
  // k8s: an object that nobody keeps track of stays so until its first apply
  if (before && isNone(live) && isNone(given)) return undefined
  if (isReset(given)) return undefined

  const changes = changesOf(target, before, after)
  const nothing = isEmptySet(changes.changed) && isEmptySet(changes.removed)
  if (nothing && (given === live || jsonEqual(given, live))) return live ? [...live] : undefined

  const managers = parseManagers(given) ?? parseManagers(live) ?? new Map<string, Manager>()
  takeFromOthers(managers, changes, undefined)
  if (!isEmptySet(changes.changed)) {
    const entry = entryFor(target, manager, 'Update')
    const key = keyOf(entry)
    const previous = managers.get(key)
    const set = previous ? union(previous.set, changes.changed) : changes.changed
    managers.set(key, { entry, time: now, set, stored: undefined })
  }
  capUpdateManagers(managers)
  return formatManagers(managers)
}

/** Most creates: nobody is there whose fields would have to be taken, and the one entry needs no parsing, sorting or copying. */
function ofCreator(
  target: WriteTarget,
  after: PlainObject,
  manager: string,
  time: string,
): ManagedFieldsEntry[] | undefined {
  const { changed } = changesOf(target, undefined, after)
  if (isEmptySet(changed)) return undefined
  const { apiVersion } = target
  return [{ manager, operation: 'Update', apiVersion, time, fieldsType: 'FieldsV1', fieldsV1: changed }]
}

/** What a write changed, without the fields that nobody owns. */
export function changesOf(target: WriteTarget, before: PlainObject | undefined, after: PlainObject): Comparison {
  const { changed, removed } = compare(target.schema, before ?? emptyObject(target.schema), after)
  return { changed: ownable(target, changed), removed: ownable(target, removed) }
}

/** k8s: identity and bookkeeping belong to the server. */
const SERVER_FIELDS = setOfFields([
  'apiVersion',
  'kind',
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((field) => `metadata.${field}`),
])
const METADATA = setOfFields(['metadata'])

export function ownable(target: WriteTarget, set: FieldSet): FieldSet {
  if (isEmptySet(set)) return set
  let out = withoutSubtrees(set, SERVER_FIELDS)
  if (target.resetFields?.length) out = withoutSubtrees(out, resetSet(target.resetFields))
  return difference(out, METADATA)
}

const resetSets = new WeakMap<readonly string[], FieldSet>()

function resetSet(fields: readonly string[]): FieldSet {
  let set = resetSets.get(fields)
  if (!set) {
    set = setOfFields(fields)
    resetSets.set(fields, set)
  }
  return set
}

const emptyObjects = new WeakMap<StructSchema, object>()

/** What an object is before anyone wrote to it: the structs that are always there are not owned by its creator. */
export function emptyObject(schema: StructSchema): PlainObject {
  let empty = emptyObjects.get(schema)
  if (!empty) {
    empty = fillEmptyStructs(schema, decodeObject(schema, {}).object)
    emptyObjects.set(schema, empty)
  }
  return empty as PlainObject
}

/** What one manager changed or removed is no longer anyone else's. */
export function takeFromOthers(managers: Managers, { changed, removed }: Comparison, except: string | undefined): void {
  for (const [key, manager] of managers) {
    if (key === except) continue
    let set = manager.set
    if (intersects(set, changed)) set = difference(set, changed)
    if (intersects(set, removed)) set = difference(set, removed)
    if (set === manager.set) continue
    if (isEmptySet(set)) managers.delete(key)
    else managers.set(key, { ...manager, set, stored: undefined })
  }
}

export function entryFor(target: WriteTarget, manager: string, operation: 'Apply' | 'Update'): Manager['entry'] {
  return {
    manager,
    operation,
    apiVersion: target.apiVersion,
    ...(target.subresource ? { subresource: target.subresource } : {}),
  }
}

/** k8s: who applies is the same manager at every version; who updates is one per version. */
export function keyOf({ manager, operation, apiVersion, subresource }: Manager['entry']): string {
  return JSON.stringify([operation, manager ?? '', operation === 'Apply' ? '' : apiVersion, subresource ?? ''])
}

const isNone = (entries: readonly ManagedFieldsEntry[] | undefined) => !entries || entries.length === 0

/** k8s: `managedFields: [{}]` wipes them. */
function isReset(entries: readonly ManagedFieldsEntry[] | undefined): boolean {
  return entries?.length === 1 && Object.keys(entries[0]!).length === 0
}

/** Undefined when there are none or one of them cannot be understood. */
export function parseManagers(entries: readonly ManagedFieldsEntry[] | undefined): Managers | undefined {
  if (!entries || entries.length === 0) return undefined
  const managers: Managers = new Map()
  for (const stored of entries) {
    const { fieldsV1, fieldsType, time, ...entry } = stored
    if (fieldsType !== 'FieldsV1' || (entry.operation !== 'Apply' && entry.operation !== 'Update')) return undefined
    const set = fieldsV1 ?? EMPTY
    if (!isFieldSet(set)) return undefined
    const key = keyOf(entry)
    const twin = managers.get(key)
    managers.set(key, { entry, time, set: twin ? union(twin.set, set) : set, stored: twin ? undefined : stored })
  }
  return managers
}

/** Why the entries cannot be understood; undefined when they can. k8s: the words of Go's decoder. */
export function managedFieldsProblem(entries: readonly ManagedFieldsEntry[] = []): string | undefined {
  for (const [i, { fieldsType, fieldsV1, operation, apiVersion, manager = '' }] of entries.entries()) {
    if (operation !== 'Apply' && operation !== 'Update') return 'operation must be `Apply` or `Update`'
    if (!apiVersion) return 'apiVersion must not be empty'
    if (!fieldsType) return `missing fieldsType in managed fields entry ${i}`
    if (fieldsType !== 'FieldsV1') return `invalid fieldsType "${fieldsType}" in managed fields entry ${i}`
    if (!isFieldSet(fieldsV1 ?? EMPTY)) return `error decoding versioned set from ${manager}`
  }
  return undefined
}

/** In the API's order: applied before updated, then by time and name. */
export function formatManagers(managers: Managers): ManagedFieldsEntry[] | undefined {
  if (managers.size === 0) return undefined
  const order = (a: string | undefined, b: string | undefined) =>
    (a ?? '') < (b ?? '') ? -1 : (a ?? '') > (b ?? '') ? 1 : 0
  return [...managers.values()]
    .sort(
      (a, b) =>
        order(a.entry.operation, b.entry.operation) ||
        order(a.time, b.time) ||
        order(a.entry.manager, b.entry.manager) ||
        order(a.entry.apiVersion, b.entry.apiVersion) ||
        order(a.entry.subresource, b.entry.subresource),
    )
    .map(({ entry, time, set, stored }) => {
      if (stored) return stored
      const { manager, operation, apiVersion, subresource } = entry
      return {
        manager,
        operation,
        apiVersion,
        ...(time ? { time } : {}),
        fieldsType: 'FieldsV1',
        fieldsV1: cloneJson(set),
        ...(subresource ? { subresource } : {}),
      } as ManagedFieldsEntry
    })
}

/** The oldest of too many updaters become one per version. */
function capUpdateManagers(managers: Managers): void {
  const updaters = [...managers].filter(([, { entry }]) => entry.operation === 'Update')
  let excess = updaters.length - MAX_UPDATE_MANAGERS
  if (excess <= 0) return
  updaters.sort(([, a], [, b]) => {
    const [left, right] = [`${a.time ?? ''} ${a.entry.manager}`, `${b.time ?? ''} ${b.entry.manager}`]
    return left < right ? -1 : 1
  })
  const buckets = new Map<string, string>()
  for (const [key, manager] of updaters) {
    if (excess <= 0) return
    const apiVersion = manager.entry.apiVersion ?? ''
    const first = buckets.get(apiVersion)
    if (first === undefined) {
      buckets.set(apiVersion, key)
      continue
    }
    const oldest = managers.get(first)!
    const entry = { manager: ANCIENT_CHANGES, operation: 'Update', apiVersion }
    managers.delete(first)
    managers.delete(key)
    const bucket = keyOf(entry)
    managers.set(bucket, { entry, time: manager.time, set: union(oldest.set, manager.set), stored: undefined })
    buckets.set(apiVersion, bucket)
    excess--
  }
}

const PLAIN_NAME = /^[\x20-\x7e]{1,128}$/

/** k8s: without `fieldManager`, the first word of the user agent names the manager. */
export function managerName(fieldManager: string | null | undefined, userAgent: string | undefined): string {
  if (fieldManager) return fieldManager
  const agent = userAgent ?? ''
  const slash = agent.indexOf('/')
  const word = slash < 0 ? agent : agent.slice(0, slash)
  // As nearly all are: nothing to take out of it and nothing to count.
  if (PLAIN_NAME.test(word)) return word
  const name = word.replace(/\P{L}/gu, (c) => (c >= ' ' && c !== '\u007f' ? c : ''))
  return [...name].slice(0, 128).join('') || 'unknown'
}
