// Entries of the store as objects of the kind that was asked for. Most kinds are stored as they are; those shown in several
// versions or groups are converted, once per entry.
import type { Kind } from '../../api/kinds/kind.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import type { Entry } from '../storage/store.ts'
import type { Obj } from './call.ts'

/** An object with its bytes, made when first asked for and shared. */
export interface Shown {
  readonly object: Obj
  readonly json: Uint8Array
}

const convertedByEntry = new WeakMap<Entry, Map<Kind, Shown>>()

export function shown(kind: Kind, entry: Entry): Shown {
  if (!kind.storedAs) return entry
  const conversions = convertedByEntry.get(entry) ?? new Map<Kind, Shown>()
  convertedByEntry.set(entry, conversions)
  let result = conversions.get(kind)
  if (!result) {
    const object = kind.storedAs.fromStored(entry.object)
    result = { object, json: Buffer.from(JSON.stringify(object)) }
    conversions.set(kind, result)
  }
  return result
}

/** What is handed to the store for an object of this kind. */
export const toStored = (kind: Kind, obj: KubeObject): KubeObject => (kind.storedAs ? kind.storedAs.toStored(obj) : obj)
