// What a change in the store is to a watcher who selects: an object that begins to match is added for it, one that stops matching
// is deleted. Pure.
import type { Obj } from '../registry/call.ts'
import type { Selection } from '../registry/list-options.ts'
import type { Shown, View } from '../registry/stored.ts'
import type { Entry, StoreEvent } from '../storage/store.ts'

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly shown: Shown
}

/** Undefined when the change doesn't concern the watcher. */
export function selected(see: View, selection: Selection, event: StoreEvent): Change | undefined {
  const { entry, prev } = event
  if (event.type === 'delete') {
    const last = see(entry)
    return selection.matches(last.object) ? { type: 'DELETED', shown: last } : undefined
  }
  const now = see(entry)
  const matchesNow = selection.matches(now.object)
  const matchedBefore = prev !== undefined && (selection.everything || selection.matches(see(prev).object))
  if (matchesNow) return { type: matchedBefore ? 'MODIFIED' : 'ADDED', shown: now }
  return matchedBefore ? { type: 'DELETED', shown: lastMatching(see(prev).object, entry) } : undefined
}

/** k8s: the object as it last matched, at the revision of the change that made it stop. */
function lastMatching(before: Obj, entry: Entry): Shown {
  const object: Obj = { ...before, metadata: { ...before.metadata, resourceVersion: String(entry.revision) } }
  return { object, json: Buffer.from(JSON.stringify(object)) }
}
