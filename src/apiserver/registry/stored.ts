// Entries of the store as objects of the kind that was asked for. Most kinds are stored as they are; those shown in several
// versions or groups are converted, once per entry, or by a web service, which takes time: hence views, of which most are there at once.
import type { Kind } from '../../api/kinds/kind.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import type { Entry } from '../storage/store.ts'
import type { Obj } from './call.ts'

/** An object with its bytes, made when first asked for and shared. */
export interface Shown {
  readonly object: Obj
  readonly json: Uint8Array
}

/** How the entries of one answer are seen. */
export type View = (entry: Entry) => Shown

/** By kind, so that what was made for a kind goes with it. */
const convertedByKind = new WeakMap<Kind, WeakMap<Entry, Shown>>()

const asStored: View = (entry) => entry

/**
 * How to see these entries. Only where a web service converts is there something to wait for: it is asked once for all entries, and
 * nothing of its answer is kept beyond the view.
 */
export function viewOf(kind: Kind, entries: readonly Entry[]): View | Promise<View> {
  if (!kind.storedAs) return asStored
  if (kind.custom?.convert) {
    const foreign = entries.filter(({ object }) => object.apiVersion !== kind.apiVersion)
    if (foreign.length > 0) return convertedView(kind, foreign)
  }
  return (entry) => shown(kind, entry)
}

async function convertedView(kind: Kind, entries: readonly Entry[]): Promise<View> {
  const { convert, fromConverted } = kind.custom!
  const converted = await convert!(
    entries.map(({ object }) => fromConverted(object)),
    kind.apiVersion,
  )
  const byEntry = new Map<Entry, Shown>()
  entries.forEach((entry, i) => {
    byEntry.set(entry, fresh(fromConverted(converted[i]!)))
  })
  return (entry) => byEntry.get(entry) ?? shown(kind, entry)
}

/** One entry. */
export function view(kind: Kind, entry: Entry): Shown | Promise<Shown> {
  const see = viewOf(kind, [entry])
  return see instanceof Promise ? see.then((ready) => ready(entry)) : see(entry)
}

export const fresh = (object: Obj): Shown => ({ object, json: Buffer.from(JSON.stringify(object)) })

function shown(kind: Kind, entry: Entry): Shown {
  if (!kind.storedAs) return entry
  let conversions = convertedByKind.get(kind)
  if (!conversions) {
    conversions = new WeakMap()
    convertedByKind.set(kind, conversions)
  }
  let result = conversions.get(entry)
  if (!result) {
    const object = kind.storedAs.fromStored(entry.object)
    result = object === entry.object ? entry : fresh(object)
    conversions.set(entry, result)
  }
  return result
}

/** What is handed to the store for an object of this kind. */
export function toStored(kind: Kind, obj: KubeObject): KubeObject | Promise<KubeObject> {
  const { custom, storedAs } = kind
  if (custom?.convert && kind.apiVersion !== custom.storedVersion) {
    return custom.convert([obj], custom.storedVersion).then(([stored]) => stored as KubeObject)
  }
  return storedAs ? storedAs.toStored(obj) : obj
}

/** Stored in a version that is the stored one no more: a write brings it into the new one, even if it changes nothing else. */
export const isStoredOtherwise = ({ custom }: Kind, entry: Entry) =>
  custom !== undefined && entry.object.apiVersion !== custom.storedVersion
