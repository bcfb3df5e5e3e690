// Who owns the replicas of an object, seen through its scale: the owners of that one field become owners of the scale's, and back. Pure.
// k8s: what is set through the scale stands in an entry of its own, which has no time.
import type { ManagedFieldsEntry } from '../../api/types/meta.v1.ts'
import { difference, type FieldSet, intersects, isEmptySet, setOfFields } from '../patch/field-set.ts'
import { formatManagers, keyOf, type Manager, type Managers, parseManagers } from '../patch/managed-fields.ts'

export const SCALE_VERSION = 'autoscaling/v1'
const IN_SCALE = setOfFields(['spec.replicas'])

export interface ScaledKind {
  readonly apiVersion: string
  /** Where the object keeps its replicas, dotted. */
  readonly path: string
}
type Entries = readonly ManagedFieldsEntry[] | undefined

const fieldOf = ({ path }: ScaledKind): FieldSet =>
  setOfFields([
    path
      .split('.')
      .filter((step) => step !== '')
      .join('.'),
  ])
const inScale = ({ entry }: Manager): Manager['entry'] => ({ ...entry, apiVersion: SCALE_VERSION })

/** The scale's managed fields. */
export function toScaleFields(kind: ScaledKind, entries: Entries): ManagedFieldsEntry[] | undefined {
  const field = fieldOf(kind)
  const managers: Managers = new Map()
  for (const manager of parseManagers(entries)?.values() ?? []) {
    if (!intersects(manager.set, field)) continue
    const entry = inScale(manager)
    managers.set(keyOf(entry), { entry, time: manager.time, set: IN_SCALE, stored: undefined })
  }
  return formatManagers(managers)
}

/** The object's managed fields after a write to its scale left these. */
export function fromScaleFields(kind: ScaledKind, entries: Entries, scaleEntries: Entries): Entries {
  const known = parseManagers(entries)
  if (!known && entries?.length) return entries
  const field = fieldOf(kind)
  const left = new Map(
    [...(parseManagers(scaleEntries) ?? [])].filter(([, manager]) => intersects(manager.set, IN_SCALE)),
  )
  const managers: Managers = new Map()
  for (const [key, manager] of known ?? []) {
    if (!intersects(manager.set, field) || left.delete(keyOf(inScale(manager)))) {
      managers.set(key, manager)
      continue
    }
    const set = difference(manager.set, field)
    if (!isEmptySet(set)) managers.set(key, { ...manager, set, stored: undefined })
  }
  for (const { entry: own } of left.values()) {
    const entry = { ...own, apiVersion: kind.apiVersion }
    managers.set(keyOf(entry), { entry, time: undefined, set: field, stored: undefined })
  }
  return formatManagers(managers)
}
