// Reads a LevelDB database into memory and proves it whole: every record's checksum, the unbroken chain of the event log, the
// number of keys, and that the newest events agree with the state. A database that fails any of it is reported as damaged.
import type { Sealer } from './encryption/sealer.ts'
import type { Accepted, Loaded } from './engine.ts'
import {
  BadRecord,
  CURRENT_PREFIX,
  decodeCurrent,
  decodeLog,
  LOG_PREFIX,
  type LogRecord,
  META_KEY,
  type Meta,
  parseLogKey,
} from './level-records.ts'
import type { Entry, Revision } from './store.ts'
import { StoredEntry } from './stored-entry.ts'

/** What loading needs of LevelDB. */
export interface Source {
  get(key: string): Promise<Uint8Array | undefined>
  /** Records whose keys begin with `prefix`, in key order, in portions. */
  scan(prefix: string): AsyncIterable<[string, Uint8Array][]>
}

export interface LoadedLog extends Loaded {
  readonly meta: Meta
  /** The revisions that have a log record. */
  readonly logged: Set<Revision>
  /** Log records that nothing refers to any more. */
  readonly orphans: Revision[]
  readonly lastRecord: Revision
  /** Values were read that are to be written anew, with the current key. */
  readonly stale: boolean
}

/** @throws BadRecord when something is missing or wrong; StoreUnusable when a key is; LevelDB's own errors. */
export async function load(source: Source, sealer: Sealer): Promise<LoadedLog> {
  const meta = parseMeta(await source.get(META_KEY))
  const entries = new Map<string, Entry>()
  let stale = false
  for await (const portion of source.scan(CURRENT_PREFIX)) {
    for (const [key, value] of portion) {
      const current = decodeCurrent(key.slice(1), value, sealer)
      entries.set(current.entry.key, current.entry)
      stale ||= current.stale
    }
  }
  const records: LogRecord[] = []
  for await (const portion of source.scan(LOG_PREFIX)) {
    for (const [key, value] of portion) {
      const record = decodeLog(key, value, sealer)
      stale ||= record.stale === true
      if (record.revision !== parseLogKey(key)) throw new BadRecord(`the record ${key} is not where it belongs`)
      records.push(record)
    }
  }
  const { events, orphans } = linkEvents(records, meta.floor, entries)
  verifyChain(records, meta.floor)
  verifyState(records, meta, entries)
  const lastRecord = records.at(-1)?.revision ?? 0
  // Volatile writes may have used any reserved revision; none of them may be given out twice.
  const crashed = meta.volatilePrefixes.length > 0 ? Math.max(meta.reserved, lastRecord) : lastRecord
  return {
    revision: meta.closedAt ?? crashed,
    floor: meta.floor,
    entries: inOrder(entries),
    events,
    forgetful: meta.volatilePrefixes,
    meta,
    logged: new Set(records.map((record) => record.revision)),
    orphans,
    lastRecord,
    stale,
  }
}

function parseMeta(bytes: Uint8Array | undefined): Meta {
  if (!bytes) throw new BadRecord('the record of the store itself is missing')
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as Meta
  } catch (cause) {
    throw new BadRecord('the record of the store itself is unreadable', { cause })
  }
}

/** LevelDB sorts by bytes, the store by code unit; they differ only for keys with characters beyond U+FFFF. */
function inOrder(entries: Map<string, Entry>): Entry[] {
  const list = [...entries.values()]
  const sorted = list.every((entry, i) => i === 0 || list[i - 1]!.key < entry.key)
  return sorted ? list : list.sort((a, b) => (a.key < b.key ? -1 : 1))
}

function linkEvents(records: readonly LogRecord[], floor: Revision, entries: ReadonlyMap<string, Entry>) {
  const byRevision = new Map<Revision, Entry>()
  const unused = new Set<Revision>()
  const events: Accepted[] = []
  for (const record of records) {
    const { type, key, revision, prevRevision, atMs } = record
    const current = entries.get(key)
    // One copy in memory of what both records hold.
    const entry = current?.revision === revision ? current : new StoredEntry(key, record.json, revision)
    byRevision.set(revision, entry)
    if (revision <= floor) {
      unused.add(revision)
      continue
    }
    let prev: Entry | undefined
    if (record.prevJson) prev = new StoredEntry(key, record.prevJson, prevRevision)
    else if (prevRevision > 0) {
      prev = byRevision.get(prevRevision)
      if (!prev) throw new BadRecord(`the log lacks revision ${prevRevision} of ${key}`)
      unused.delete(prevRevision)
    }
    events.push({ type, entry, prev, atMs })
  }
  return { events, orphans: [...unused] }
}

function verifyChain(records: readonly LogRecord[], floor: Revision): void {
  let previous: Revision | undefined
  for (const record of records) {
    if (record.revision <= floor) continue
    const follows = previous === undefined ? record.previousRecord <= floor : record.previousRecord === previous
    if (!follows) throw new BadRecord(`the log has a gap before revision ${record.revision}`)
    previous = record.revision
  }
}

function verifyState(records: readonly LogRecord[], meta: Meta, entries: ReadonlyMap<string, Entry>): void {
  const keys = meta.keys ?? records.at(-1)?.keys ?? 0
  if (entries.size !== keys) throw new BadRecord(`${entries.size} objects were found where ${keys} were stored`)
  const newest = new Map(records.map((record) => [record.key, record]))
  for (const [key, record] of newest) {
    const entry = entries.get(key)
    // A volatile removal leaves no record, only the smaller number of keys that the close noted.
    const mayBeGone = meta.volatilePrefixes.some((prefix) => key.startsWith(prefix))
    const agrees =
      record.type === 'put'
        ? entry
          ? entry.revision >= record.revision
          : mayBeGone
        : !entry || entry.revision > record.revision
    if (!agrees) throw new BadRecord(`${key} does not show its newest change, revision ${record.revision}`)
  }
}
