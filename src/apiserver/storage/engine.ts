// What all engines share: the state in memory, optimistic concurrency, the order of commits, watches and the event ring. An engine
// adds a Journal, which makes batches of accepted writes durable; everything that is accepted while one batch is being written
// goes into the next one (group commit). Nothing becomes visible before its batch is durable, and then in revision order: a
// volatile write waits only for the durable ones accepted before it.
import { type Clock, systemClock } from '../../base/clock.ts'
import { EventRing, type RingBounds } from './event-ring.ts'
import { endOfPrefix, SortedIndex } from './sorted-index.ts'
import {
  Compacted,
  type Entry,
  EntryTooLarge,
  FutureRevision,
  type ListResult,
  type Revision,
  type Store,
  type StoreEvent,
  StoreFailed,
  type Watcher,
  type Write,
  type WriteResult,
} from './store.ts'
import { StoredEntry } from './stored-entry.ts'
import { type WatchBounds, WatchHub } from './watch-hub.ts'

export interface StoreOptions extends Partial<RingBounds>, Partial<WatchBounds> {
  readonly clock?: Clock
}

const DEFAULTS = {
  maxEvents: 10_000,
  minEvents: 1_000,
  maxBytes: 16 * 1024 * 1024,
  maxAgeMs: 10 * 60_000,
  maxBufferedEvents: 10_000,
  maxBufferedBytes: 64 * 1024 * 1024,
}

/** An accepted write, in revision order. `prev` is what the key holds right before it. */
export interface Accepted extends StoreEvent {
  readonly atMs: number
}

/** How an engine keeps what was written. */
export interface Journal {
  /** True: the write must not become visible before `commit` resolved, even if it is volatile. */
  mustPersist(write: Write, revision: Revision): boolean
  /**
   * Makes the batch durable, all of it or nothing. Returns undefined when there was nothing to wait for. Never called while an
   * earlier call is under way. @throws StoreFailed
   */
  commit(batch: readonly Accepted[]): Promise<void> | undefined
  /** An event left the ring: whatever was kept for it may go with the next batch. */
  dropped(event: StoreEvent, floor: Revision): void
  close(state: { entries: Iterable<Entry>; revision: Revision }): Promise<void>
}

/** What an engine found when it was opened. */
export interface Loaded {
  readonly revision: Revision
  readonly floor: Revision
  /** In key order. */
  readonly entries: readonly Entry[]
  /** In revision order, all after `floor`. */
  readonly events: readonly Accepted[]
  /** Under these prefixes volatile writes may have been lost: readers can't resume from before `revision`. */
  readonly forgetful: readonly string[]
}

export const NOTHING_LOADED: Loaded = { revision: 0, floor: 0, entries: [], events: [], forgetful: [] }

interface Waiting {
  readonly accepted: Accepted
  readonly persist: boolean
  readonly resolve: (result: WriteResult) => void
  readonly reject: (err: unknown) => void
  /** Told when the write has been committed or has failed: competitors for the key. */
  settled: (() => void)[] | undefined
}

const encoder = new TextEncoder()
/** What is larger could not be sent back by whoever read it: as long as a request's body may be. */
const MAX_ENTRY_BYTES = 3 * 1024 * 1024

function withRevision(write: Write, object: Entry['object'], revision: Revision): Entry {
  const stamped = { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }
  const json = encoder.encode(JSON.stringify(stamped))
  // What is deleted got in somehow.
  if (write.object && json.byteLength > MAX_ENTRY_BYTES) throw new EntryTooLarge()
  return StoredEntry.written(write.key, stamped, json, revision)
}

export class Engine implements Store {
  readonly #clock: Clock
  readonly #journal: Journal
  readonly #index = new SortedIndex()
  readonly #ring: EventRing
  readonly #hub: WatchHub
  readonly #openedAt: Revision
  readonly #forgetful: readonly string[]
  #revision: Revision
  /** The newest revision given to an accepted write. */
  #accepted: Revision
  #queue: Waiting[] = []
  /** The newest accepted, not yet committed write of each key. */
  readonly #pendingByKey = new Map<string, Waiting>()
  #pump: Promise<void> | undefined
  #batchSinceMs = 0
  #waiters: { revision: Revision; resolve: () => void }[] = []
  #closed: Promise<void> | undefined

  constructor(journal: Journal, loaded: Loaded, options: StoreOptions = {}) {
    const bounds = { ...DEFAULTS, ...options }
    this.#clock = options.clock ?? systemClock
    this.#journal = journal
    this.#ring = new EventRing(bounds, loaded.floor)
    this.#hub = new WatchHub(bounds)
    this.#revision = loaded.revision
    this.#accepted = loaded.revision
    this.#openedAt = loaded.revision
    this.#forgetful = loaded.forgetful
    for (const entry of loaded.entries) this.#index.set(entry)
    for (const event of loaded.events) this.#ring.push(event, event.atMs, (e) => this.#drop(e))
  }

  get revision(): Revision {
    return this.#revision
  }

  async get(key: string): Promise<Entry | undefined> {
    return this.#index.get(key)
  }

  /** For journals: what a key holds now. */
  current(key: string): Entry | undefined {
    return this.#index.get(key)
  }

  get writingSinceMs(): number | undefined {
    return this.#pump && this.#batchSinceMs
  }

  count(prefix: string): number {
    return this.#index.count(prefix, endOfPrefix(prefix))
  }

  async list(
    prefix: string,
    options: { limit?: number; after?: string; revision?: Revision } = {},
  ): Promise<ListResult> {
    const { limit = Number.POSITIVE_INFINITY, after, revision = this.#revision } = options
    const from = after === undefined ? prefix : `${after}\u0000`
    const end = endOfPrefix(prefix)
    const touched = revision === this.#revision ? undefined : this.#rewind(revision, prefix)
    if (!touched || touched.size === 0) {
      const entries = this.#index.range(from, end, limit)
      const last = entries.at(-1)
      const remaining = last ? this.#index.count(`${last.key}\u0000`, end) : 0
      return { entries, revision, next: remaining > 0 ? last!.key : undefined, remaining }
    }
    const then = this.#index.range(from, end).filter((entry) => !touched.has(entry.key))
    for (const [key, entry] of touched) if (entry && key >= from) then.push(entry)
    then.sort((a, b) => (a.key < b.key ? -1 : 1))
    const entries = then.slice(0, limit)
    const remaining = then.length - entries.length
    return { entries, revision, next: remaining > 0 ? entries.at(-1)?.key : undefined, remaining }
  }

  async write(write: Write): Promise<WriteResult> {
    for (;;) {
      if (this.#closed) throw new StoreFailed('the store is closed')
      const pending = this.#pendingByKey.get(write.key)
      const newest = pending ? held(pending.accepted) : this.#index.get(write.key)
      if ((newest?.revision ?? 0) === write.expect) {
        // Deleting what does not exist changes nothing and so gets no revision.
        if (!write.object && !newest) return { ok: false, current: undefined }
        return this.#accept(write, newest)
      }
      if (!pending) return { ok: false, current: newest }
      // The competitor is not visible yet, and may still fail.
      await new Promise<void>((resolve) => {
        pending.settled ??= []
        pending.settled.push(resolve)
      })
    }
  }

  watch(prefix: string, from: Revision): Watcher {
    return this.#hub.watch(prefix, this.#after(from, prefix))
  }

  follow(prefix: string, from: Revision, onEvent: (event: StoreEvent) => void): { close(): void } {
    for (const event of this.#after(from, prefix)) onEvent(event)
    return this.#hub.follow(prefix, onEvent)
  }

  reached(revision: Revision, signal: AbortSignal): Promise<void> {
    if (this.#revision >= revision) return Promise.resolve()
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const waiter = {
        revision,
        resolve: () => {
          signal.removeEventListener('abort', onAbort)
          resolve()
        },
      }
      const onAbort = () => {
        this.#waiters = this.#waiters.filter((w) => w !== waiter)
        reject(signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiters.push(waiter)
    })
  }

  async *snapshot(): AsyncIterable<Entry> {
    yield* this.#index.range('', undefined)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#pump
    this.#hub.close()
    await this.#journal.close({ entries: this.#index.range('', undefined), revision: this.#revision })
  }

  #accept(write: Write, prev: Entry | undefined): Promise<WriteResult> {
    const revision = this.#accepted + 1
    const entry = withRevision(write, write.object ?? prev!.object, revision)
    this.#accepted = revision
    const accepted: Accepted = { type: write.object ? 'put' : 'delete', entry, prev, atMs: this.#clock.now() }
    const persist = this.#journal.mustPersist(write, revision)
    if (this.#queue.length === 0 && !this.#pump) {
      // Nothing is under way: what needs no disk is done here and now.
      const commit = persist ? this.#journal.commit([accepted]) : undefined
      if (!commit) {
        this.#apply(accepted)
        return Promise.resolve({ ok: true, entry })
      }
      return new Promise((resolve, reject) => {
        const waiting = this.#track(accepted, persist, resolve, reject)
        this.#pump = this.#run({ batch: [waiting], commit })
      })
    }
    return new Promise((resolve, reject) => {
      this.#queue.push(this.#track(accepted, persist, resolve, reject))
    })
  }

  #track(accepted: Accepted, persist: boolean, resolve: Waiting['resolve'], reject: Waiting['reject']): Waiting {
    const waiting: Waiting = { accepted, persist, resolve, reject, settled: undefined }
    this.#pendingByKey.set(accepted.entry.key, waiting)
    return waiting
  }

  /** Commits batch after batch until nothing waits. */
  async #run(first: { batch: Waiting[]; commit: Promise<void> }): Promise<void> {
    let { batch, commit }: { batch: Waiting[]; commit: Promise<void> | undefined } = first
    for (;;) {
      this.#batchSinceMs = this.#clock.now()
      let failure: unknown
      try {
        await commit
      } catch (err) {
        failure = err
      }
      if (failure === undefined) for (const waiting of batch) this.#done(waiting)
      else this.#fail(batch, failure)
      // When there are many writers, those just answered get to join the next batch.
      if (batch.length > 1) await new Promise((resolve) => setImmediate(resolve))
      batch = this.#queue
      this.#queue = []
      if (batch.length === 0) break
      const durable = batch.filter((waiting) => waiting.persist).map((waiting) => waiting.accepted)
      try {
        commit = durable.length > 0 ? this.#journal.commit(durable) : undefined
      } catch (err) {
        commit = Promise.reject(err)
      }
    }
    this.#pump = undefined
  }

  #done(waiting: Waiting): void {
    const { accepted } = waiting
    if (this.#pendingByKey.get(accepted.entry.key) === waiting) this.#pendingByKey.delete(accepted.entry.key)
    this.#apply(accepted)
    waiting.resolve({ ok: true, entry: accepted.entry })
    settle(waiting)
  }

  /** Nothing of the batch happened; what was accepted on top of it can't happen either. */
  #fail(batch: readonly Waiting[], reason: unknown): void {
    const keysLost = new Set<string>()
    const failed: Waiting[] = []
    for (const waiting of batch) {
      const { key } = waiting.accepted.entry
      if (!waiting.persist && !keysLost.has(key)) {
        this.#done(waiting)
        continue
      }
      keysLost.add(key)
      failed.push(waiting)
    }
    const kept: Waiting[] = []
    for (const waiting of this.#queue) (keysLost.has(waiting.accepted.entry.key) ? failed : kept).push(waiting)
    this.#queue = kept
    for (const waiting of failed) {
      const { key } = waiting.accepted.entry
      if (this.#pendingByKey.get(key) === waiting) this.#pendingByKey.delete(key)
      waiting.reject(reason)
      settle(waiting)
    }
  }

  #apply(accepted: Accepted): void {
    const { type, entry } = accepted
    if (type === 'put') this.#index.set(entry)
    else this.#index.delete(entry.key)
    this.#revision = entry.revision
    if (accepted.prev instanceof StoredEntry) accepted.prev.replaced()
    this.#ring.push(accepted, accepted.atMs, (event) => this.#drop(event))
    this.#hub.publish(accepted)
    if (this.#waiters.length > 0) {
      const [due, later] = partition(this.#waiters, (waiter) => waiter.revision <= this.#revision)
      this.#waiters = later
      for (const waiter of due) waiter.resolve()
    }
  }

  #drop(event: StoreEvent): void {
    this.#journal.dropped(event, event.entry.revision)
  }

  #after(from: Revision, prefix: string): StoreEvent[] {
    this.#checkRevision(from, prefix)
    return this.#ring.after(from, prefix)
  }

  #rewind(revision: Revision, prefix: string): Map<string, Entry | undefined> {
    this.#checkRevision(revision, prefix)
    return this.#ring.rewind(revision, prefix)
  }

  #checkRevision(revision: Revision, prefix: string): void {
    if (revision > this.#revision) throw new FutureRevision(revision, this.#revision)
    if (revision >= this.#openedAt) return
    const lossy = this.#forgetful.some((known) => known.startsWith(prefix) || prefix.startsWith(known))
    if (lossy) throw new Compacted(revision, this.#openedAt)
  }
}

function settle({ settled }: Waiting): void {
  if (settled) for (const resolve of settled) resolve()
}

/** What a key holds after an accepted write. */
const held = (accepted: Accepted): Entry | undefined => (accepted.type === 'put' ? accepted.entry : undefined)

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  const first: T[] = []
  const rest: T[] = []
  for (const item of items) (isFirst(item) ? first : rest).push(item)
  return [first, rest]
}
