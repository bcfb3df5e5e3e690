// The store on LevelDB. The state lives in memory (engine.ts); this file makes writes durable: one synced batch per group of
// writes, with the new value, the log record and whatever log records went out of bounds. Nothing is written on a timer.
// After a failed batch LevelDB's own log file can't be trusted for more: the database is opened anew before the next batch, and
// what might have landed of the failed one is taken back.
import type { Logger } from '../../base/log.ts'
import { noSealer, type Sealer } from './encryption/sealer.ts'
import { type Accepted, Engine, type Journal, type StoreOptions } from './engine.ts'
import { type LevelHandle, type Operation, openDatabase } from './level-files.ts'
import { type LoadedLog, load } from './level-load.ts'
import { CURRENT_PREFIX, encodeCurrent, encodeLog, logKey, META_KEY, type Meta } from './level-records.ts'
import { forgetReplaced, resealAll, wasCutOff } from './level-reseal.ts'
import {
  type Entry,
  type Revision,
  type Store,
  type StoreEvent,
  StoreFailed,
  StoreUnusable,
  type Write,
} from './store.ts'

/** Volatile writes use revisions reserved on disk beforehand; a batch that leaves fewer than half reserves anew. */
const RESERVE = 100_000

export interface LevelStore extends Store {
  /**
   * Writes anew what is not encrypted with the newest key, current values and the log alike, and removes what it replaces from the
   * files. Resolves to how many records were written. Writes wait meanwhile. @throws StoreFailed; what was not done yet still opens.
   */
  reseal(): Promise<number>
}

export interface LevelOptions extends StoreOptions {
  /** How values are encrypted; as they are, unless given. */
  readonly sealer?: Sealer
}

/**
 * @throws StoreUnusable when the database is damaged, in use by another process, not accessible, or its encryption's key is not
 * there. Never starts empty over old data.
 */
export async function openLevelStore(
  ctx: { readonly log: Logger },
  directory: string,
  options: LevelOptions = {},
): Promise<LevelStore> {
  const { sealer = noSealer } = options
  const db = await openDatabase(directory)
  try {
    const loaded = await load(db, sealer)
    await sealer.ready()
    const journal = new LevelJournal(db, loaded, sealer, ctx.log)
    const engine = new Engine(journal, loaded, options)
    journal.current = (key) => engine.current(key)
    if (loaded.stale || (await wasCutOff(db)))
      ctx.log.info({ records: await journal.reseal() }, 'stored values encrypted with the newest key')
    return Object.assign(engine, { reseal: () => journal.reseal() })
  } catch (err) {
    await db.close()
    throw db.describeLoadFailure(err)
  }
}

class LevelJournal implements Journal {
  /** What a key holds in memory. */
  current: (key: string) => Entry | undefined = () => undefined
  readonly #log: Logger
  readonly #sealer: Sealer
  #db: LevelHandle
  #meta: Meta
  #metaOnDisk = true
  readonly #logged: Set<Revision>
  /** The revision that the disk has of each key. */
  readonly #onDisk: Map<string, Revision>
  #lastRecord: Revision
  #floor: Revision
  readonly #orphans: Set<Revision>
  #dropped: StoreEvent[] = []
  readonly #newPrefixes = new Set<string>()
  /** Set after a failed batch. */
  #doubtful: readonly Accepted[] | undefined
  /** The batch under way, and the rewriting of all records; neither begins while the other is. */
  #committing: Promise<void> | undefined
  #resealing: Promise<unknown> | undefined

  constructor(db: LevelHandle, loaded: LoadedLog, sealer: Sealer, log: Logger) {
    this.#db = db
    this.#sealer = sealer
    this.#log = log
    this.#meta = loaded.meta
    this.#logged = loaded.logged
    this.#onDisk = new Map(loaded.entries.map((entry) => [entry.key, entry.revision]))
    this.#lastRecord = loaded.lastRecord
    this.#floor = loaded.floor
    this.#orphans = new Set(loaded.orphans)
  }

  mustPersist(write: Write, revision: Revision): boolean {
    if (!write.volatile) return true
    const prefix = kindPrefix(write.key)
    const announced = this.#meta.volatilePrefixes.includes(prefix)
    if (!announced) this.#newPrefixes.add(prefix)
    return !announced || revision > this.#meta.reserved || this.#meta.closedAt !== undefined
  }

  dropped(event: StoreEvent, floor: Revision): void {
    this.#floor = floor
    const { entry, prev } = event
    if (this.#logged.has(entry.revision) || (prev && this.#logged.has(prev.revision))) this.#dropped.push(event)
  }

  commit(batch: readonly Accepted[]): Promise<void> {
    return this.#resealing ? this.#commitLater(batch) : this.#commitNow(batch)
  }

  #commitNow(batch: readonly Accepted[]): Promise<void> {
    this.#committing = this.#commit(batch)
    return this.#committing
  }

  async #commitLater(batch: readonly Accepted[]): Promise<void> {
    while (this.#resealing) await this.#resealing.catch(() => {})
    await this.#commitNow(batch)
  }

  async reseal(): Promise<number> {
    while (this.#resealing) await this.#resealing.catch(() => {})
    const work = (async () => {
      await this.#committing?.catch(() => {})
      if (this.#doubtful) await this.#reopen(this.#doubtful)
      await this.#sealer.ready()
      return resealAll(this.#db, this.#sealer)
    })()
    this.#resealing = work
    try {
      const written = await work.finally(() => {
        this.#resealing = undefined
      })
      await forgetReplaced(this.#db)
      return written
    } catch (err) {
      throw err instanceof StoreUnusable ? err : new StoreFailed(this.#db.describeFailure(err), { cause: err })
    }
  }

  async #commit(batch: readonly Accepted[]): Promise<void> {
    if (this.#doubtful) await this.#reopen(this.#doubtful)
    const floor = this.#floor
    const dropped = this.#dropped
    const operations: Operation[] = []

    const unlogged = new Set(this.#orphans)
    for (const event of dropped) for (const revision of this.#obsolete(event)) unlogged.add(revision)
    for (const revision of unlogged) operations.push({ type: 'del', key: logKey(revision) })

    let keys = this.#onDisk.size
    let lastRecord = this.#lastRecord
    const exists = new Map<string, boolean>()
    const logged = new Set<Revision>()
    for (const { type, entry, prev, atMs } of batch) {
      const { key, json, revision } = entry
      const existed = exists.get(key) ?? this.#onDisk.has(key)
      exists.set(key, type === 'put')
      keys += Number(type === 'put') - Number(existed)
      const hasPrev =
        prev && (logged.has(prev.revision) || (this.#logged.has(prev.revision) && !unlogged.has(prev.revision)))
      const prevJson = hasPrev ? undefined : prev?.json
      const prevRevision = prev?.revision ?? 0
      const record = { type, key, revision, atMs, prevRevision, prevJson, previousRecord: lastRecord, keys, json }
      operations.push({ type: 'put', key: logKey(revision), value: encodeLog(record, this.#sealer) })
      if (type === 'put')
        operations.push({ type: 'put', key: CURRENT_PREFIX + key, value: encodeCurrent(entry, this.#sealer) })
      else operations.push({ type: 'del', key: CURRENT_PREFIX + key })
      logged.add(revision)
      lastRecord = revision
    }
    const meta = this.#nextMeta(floor, lastRecord)
    if (meta !== this.#meta || !this.#metaOnDisk) operations.push(putMeta(meta))

    try {
      await this.#db.batch(operations)
    } catch (err) {
      this.#doubtful = batch
      this.#log.error({ err }, 'database write failed')
      throw new StoreFailed(this.#db.describeFailure(err), { cause: err })
    }
    this.#meta = meta
    this.#metaOnDisk = true
    this.#newPrefixes.clear()
    this.#lastRecord = lastRecord
    this.#orphans.clear()
    this.#dropped = this.#dropped.slice(dropped.length)
    for (const revision of unlogged) this.#logged.delete(revision)
    for (const revision of logged) this.#logged.add(revision)
    for (const { type, entry } of batch) {
      if (type === 'put') this.#onDisk.set(entry.key, entry.revision)
      else this.#onDisk.delete(entry.key)
    }
  }

  async close(state: { entries: Iterable<Entry>; revision: Revision }): Promise<void> {
    try {
      while (this.#resealing) await this.#resealing.catch(() => {})
      if (this.#doubtful) await this.#reopen(this.#doubtful)
      const operations = this.#unsaved(state.entries)
      if (operations.length > 0 || this.#meta.closedAt === undefined) {
        operations.push(putMeta({ ...this.#meta, closedAt: state.revision, keys: this.#onDisk.size }))
        await this.#db.batch(operations)
      }
    } catch (err) {
      this.#log.warn({ err }, 'volatile state not saved')
    } finally {
      await this.#db.close()
    }
  }

  /** What the disk does not have yet: volatile writes. */
  #unsaved(entries: Iterable<Entry>): Operation[] {
    const operations: Operation[] = []
    const gone = new Set(this.#onDisk.keys())
    for (const entry of entries) {
      gone.delete(entry.key)
      if (this.#onDisk.get(entry.key) === entry.revision) continue
      operations.push({ type: 'put', key: CURRENT_PREFIX + entry.key, value: encodeCurrent(entry, this.#sealer) })
      this.#onDisk.set(entry.key, entry.revision)
    }
    for (const key of gone) {
      operations.push({ type: 'del', key: CURRENT_PREFIX + key })
      this.#onDisk.delete(key)
    }
    return operations
  }

  /** The log records that nobody needs once the event is out of bounds. */
  #obsolete({ type, entry, prev }: StoreEvent): Revision[] {
    const revisions: Revision[] = []
    if (prev && this.#logged.has(prev.revision)) revisions.push(prev.revision)
    // An entry that was replaced stays until the event that replaced it goes too: it says what that event changed.
    const isLast = type === 'delete' || this.current(entry.key)?.revision === entry.revision
    if (isLast && this.#logged.has(entry.revision)) revisions.push(entry.revision)
    return revisions
  }

  #nextMeta(floor: Revision, revision: Revision): Meta {
    const { reserved, volatilePrefixes, closedAt } = this.#meta
    const enough = reserved >= revision + RESERVE / 2
    if (enough && floor === this.#meta.floor && this.#newPrefixes.size === 0 && closedAt === undefined)
      return this.#meta
    return {
      format: 1,
      reserved: enough ? reserved : revision + RESERVE,
      floor,
      volatilePrefixes: [...new Set([...volatilePrefixes, ...this.#newPrefixes])],
    }
  }

  async #reopen(doubtful: readonly Accepted[]): Promise<void> {
    try {
      this.#db = await this.#db.reopen()
      const operations: Operation[] = []
      for (const { entry } of doubtful) {
        const { key, revision } = entry
        if (!(await this.#db.get(logKey(revision)))) continue
        operations.push({ type: 'del', key: logKey(revision) })
        const current = this.#onDisk.has(key) ? this.current(key) : undefined
        if (current)
          operations.push({ type: 'put', key: CURRENT_PREFIX + key, value: encodeCurrent(current, this.#sealer) })
        else operations.push({ type: 'del', key: CURRENT_PREFIX + key })
      }
      if (operations.length > 0) await this.#db.batch(operations)
      this.#metaOnDisk = false
      this.#doubtful = undefined
    } catch (err) {
      if (err instanceof StoreUnusable && err.why === 'damaged')
        this.#log.error({ err }, 'database can not be reopened')
      throw new StoreFailed(this.#db.describeFailure(err), { cause: err })
    }
  }
}

const putMeta = (meta: Meta): Operation => ({ type: 'put', key: META_KEY, value: Buffer.from(JSON.stringify(meta)) })

/** `/registry/core/pods/` of `/registry/core/pods/blue/web-0`. */
function kindPrefix(key: string): string {
  return /^(?:[^/]*\/){4}/.exec(key)?.[0] ?? key
}
