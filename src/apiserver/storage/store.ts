// What the API server asks of its database. Every engine (leveldb.ts, memory.ts, later etcd) passes store-suite.ts.
//
// One revision counter for everything; a write gets the next revision, and that becomes the object's metadata.resourceVersion.
// Entries are shared by all readers and never changed. Only committed state is ever shown: a write becomes visible, to reads and
// watches alike, when it can no longer be lost (volatile writes: at once).
import type { KubeObject } from '../../api/meta/object.ts'

/** Revisions are integers from 1, safe as JavaScript numbers. */
export type Revision = number

export interface Entry {
  /** `/registry/pods/blue/web-0`-like; chosen by the registry. Sorted by code unit. */
  readonly key: string
  /** With metadata.resourceVersion = String(revision). Shared and immutable by contract. */
  readonly object: KubeObject
  /** The object as JSON, made once per revision and shared by every response and watcher. */
  readonly json: Uint8Array
  readonly revision: Revision
}

export interface Write {
  readonly key: string
  /**
   * The entry's revision that the write was decided on: 0 = the key must not exist. A write decided on anything else than the
   * newest one accepted for the key is refused.
   */
  readonly expect: Revision
  /** The new object (its resourceVersion is set by the store, the rest is kept by reference: do not touch it again); undefined deletes. */
  readonly object: KubeObject | undefined
  /** Only says "I am alive": kept in memory, never written, lost in a crash (the object's last durable state comes back). */
  readonly volatile?: boolean
}

export type WriteResult =
  | { readonly ok: true; readonly entry: Entry } // for a delete: the entry as it was, at the revision of the delete
  | { readonly ok: false; readonly current: Entry | undefined } // after the write that won has committed

export interface StoreEvent {
  readonly type: 'put' | 'delete'
  /** For a delete: the last object, with the delete's revision in entry.revision and in its resourceVersion. */
  readonly entry: Entry
  /** What the key held before; undefined for a creation, or when it is no longer known (resumed from a log whose tail was cut). */
  readonly prev: Entry | undefined
}

export interface ListResult {
  /** In key order. */
  readonly entries: readonly Entry[]
  /** The revision that the list shows. */
  readonly revision: Revision
  /** The last key returned when there is more: pass it as `after` together with `revision`. */
  readonly next: string | undefined
  /** How many entries are left behind `next`. */
  readonly remaining: number
}

export interface Watcher {
  /**
   * Events in revision order, each once. Ends (done) when the watcher is closed or the store closes; throws WatcherOverrun when the
   * reader fell more than the store's bound behind.
   */
  [Symbol.asyncIterator](): AsyncIterator<StoreEvent>
  /**
   * The next event, if one is there: spares a reader who keeps up with a burst a promise for each. Undefined says nothing about
   * whether the watch has ended.
   */
  take(): StoreEvent | undefined
  /** Idempotent. */
  close(): void
}

export interface Store {
  /** The newest committed revision. */
  readonly revision: Revision
  get(key: string): Promise<Entry | undefined>
  /** Since when, by the store's clock, the disk has been at the oldest write under way; undefined while it is at none. */
  readonly writingSinceMs: number | undefined
  /** How many entries there are now under `prefix`. */
  count(prefix: string): number
  /**
   * @param revision state as of then; undefined: newest. @throws Compacted when it is older than the event log,
   * FutureRevision when it has not happened yet.
   */
  list(prefix: string, options?: { limit?: number; after?: string; revision?: Revision }): Promise<ListResult>
  /**
   * Resolves when the write is durable (or refused). @throws EntryTooLarge; StoreFailed when the disk refuses (full, I/O error): nothing was changed,
   * and a later write may succeed.
   */
  write(write: Write): Promise<WriteResult>
  /**
   * Everything under `prefix` that happens after `from`, without a gap. Synchronous, so that nothing slips in between a list's
   * revision and the watch. @throws Compacted, FutureRevision.
   */
  watch(prefix: string, from: Revision): Watcher
  /**
   * Like `watch`, but `onEvent` is called synchronously, in revision order, before the write that caused the event resolves: for
   * small indexes inside this process that must never lag (role bindings, tokens). It must be quick and must not throw.
   * @throws Compacted, FutureRevision.
   */
  follow(prefix: string, from: Revision, onEvent: (event: StoreEvent) => void): { close(): void }
  /** Resolves once the newest committed revision is at least `revision`. */
  reached(revision: Revision, signal: AbortSignal): Promise<void>
  /** Every entry of one instant, for backups. */
  snapshot(): AsyncIterable<Entry>
  /** Waits for writes under way; ends all watchers. Idempotent. */
  close(): Promise<void>
}

/** The revision asked for is older than what the event log keeps; the reader must list again. k8s: 410 Expired. */
export class Compacted extends Error {
  readonly oldest: Revision
  constructor(asked: Revision, oldest: Revision) {
    super(`too old resource version: ${asked} (${oldest})`)
    this.name = 'Compacted'
    this.oldest = oldest
  }
}
/** The revision asked for lies in the future. k8s: 504 "Too large resource version". */
export class FutureRevision extends Error {
  readonly current: Revision
  constructor(asked: Revision, current: Revision) {
    super(`Too large resource version: ${asked}, current: ${current}`)
    this.name = 'FutureRevision'
    this.current = current
  }
}
/** The object takes more bytes than one may. Nothing was changed. */
export class EntryTooLarge extends Error {
  constructor() {
    super('etcdserver: request is too large') // k8s: the words that clients know
    this.name = 'EntryTooLarge'
  }
}
/** The watcher's reader was too slow; it must start over with a list. */
export class WatcherOverrun extends Error {
  constructor() {
    super('watcher fell behind and was cut off')
    this.name = 'WatcherOverrun'
  }
}
/** The database can't be opened as it is. The message says what happened and what to do. */
export class StoreUnusable extends Error {
  readonly why: 'damaged' | 'in use' | 'too new' | 'inaccessible'
  constructor(why: StoreUnusable['why'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreUnusable'
    this.why = why
  }
}
/** The engine could not write. The message says what to do (free space, check the disk). */
export class StoreFailed extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreFailed'
  }
}
