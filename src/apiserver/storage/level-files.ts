// The database's directory: `db/` is LevelDB's own, `store.json` beside it says that there was data, so that a database whose files
// went missing is reported and never silently replaced by an empty one. Errors of LevelDB become sentences that say what to do.
import { mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Source } from './level-load.ts'
import { BadRecord, META_KEY, type Meta } from './level-records.ts'
import { StoreUnusable } from './store.ts'

type Level = import('level').Level<string, Uint8Array>
export type Operation = { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string }

const FORMAT = 1
const MARKER = 'store.json'
/** The state is kept in memory, so that LevelDB needs neither a cache nor a large buffer. */
const LEVEL_OPTIONS = {
  keyEncoding: 'utf8',
  valueEncoding: 'view',
  cacheSize: 64 * 1024,
  writeBufferSize: 2 * 1024 * 1024,
  maxOpenFiles: 64,
} as const

/** @throws StoreUnusable */
export async function openDatabase(directory: string): Promise<LevelHandle> {
  const hadData = await readMarker(directory)
  if (!hadData && (await hasLeftovers(directory))) {
    throw damaged(directory, new Error('there are database files, but the one that lists them (CURRENT) is missing'))
  }
  const handle = await LevelHandle.open(directory, !hadData)
  if (!hadData) {
    try {
      if (!(await handle.get(META_KEY))) await handle.batch([firstMeta()])
      await writeMarker(directory)
    } catch (cause) {
      await handle.close()
      throw inaccessible(directory, cause)
    }
  }
  return handle
}

export class LevelHandle implements Source {
  readonly #directory: string
  readonly #level: Level

  constructor(directory: string, level: Level) {
    this.#directory = directory
    this.#level = level
  }

  static async open(directory: string, createIfMissing: boolean): Promise<LevelHandle> {
    // Loaded here, not at the top: it is native code that a memory store never needs.
    const { Level } = await import('level')
    const level = new Level<string, Uint8Array>(join(directory, 'db'), { ...LEVEL_OPTIONS, createIfMissing })
    try {
      if (createIfMissing) await mkdir(join(directory, 'db'), { recursive: true, mode: 0o700 })
      await level.open()
    } catch (err) {
      const cause = (err as Error).cause ?? err
      const code = (cause as { code?: string }).code
      if (code === 'LEVEL_LOCKED') {
        const message = `the database in ${directory} is in use by another process: stop that one first, or choose another data directory`
        throw new StoreUnusable('in use', message, { cause })
      }
      const broken = code === 'LEVEL_CORRUPTION' || !createIfMissing
      throw broken && !isEnvironment(cause) ? damaged(directory, cause) : inaccessible(directory, cause)
    }
    return new LevelHandle(directory, level)
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#level.get(key)
  }

  async *scan(prefix: string): AsyncIterable<[string, Uint8Array][]> {
    const iterator = this.#level.iterator({
      gte: prefix,
      lt: endOfPrefix(prefix),
      fillCache: false,
      highWaterMarkBytes: 1024 * 1024,
    } as object)
    try {
      for (let portion = await iterator.nextv(1000); portion.length > 0; portion = await iterator.nextv(1000))
        yield portion
    } finally {
      await iterator.close()
    }
  }

  /** Durable when it resolves; all or nothing. */
  batch(operations: Operation[]): Promise<void> {
    return this.#level.batch(operations, { sync: true } as object)
  }

  /** Merges the files that hold keys from `first` to `last`. */
  compact(first: string, last: string): Promise<void> {
    const level = this.#level as unknown as { compactRange(start: string, end: string): Promise<void> }
    return level.compactRange(first, last)
  }

  async reopen(): Promise<LevelHandle> {
    await this.#level.close()
    return LevelHandle.open(this.#directory, false)
  }

  async close(): Promise<void> {
    await this.#level.close()
  }

  /** What a failure to read what is there means: damage, unless the machine is to blame. */
  describeLoadFailure(err: unknown): unknown {
    const code = (err as { code?: string }).code ?? ''
    if (err instanceof BadRecord || code === 'LEVEL_CORRUPTION') return damaged(this.#directory, err)
    if (!code.startsWith('LEVEL_')) return err
    return isEnvironment(err) ? inaccessible(this.#directory, err) : damaged(this.#directory, err)
  }

  describeFailure(err: unknown): string {
    const why = textOf(err)
    const advice = /no space|quota/i.test(why)
      ? 'free some space; the next write will try again'
      : 'check the disk and its permissions; the next write will try again'
    return `cannot write to the database in ${this.#directory}: ${why}: ${advice}`
  }
}

const endOfPrefix = (prefix: string) =>
  prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)

function firstMeta(): Operation {
  const meta: Meta = { format: FORMAT, reserved: 0, floor: 0, volatilePrefixes: [], closedAt: 0, keys: 0 }
  return { type: 'put', key: META_KEY, value: Buffer.from(JSON.stringify(meta)) }
}

/** Whether the directory held data. @throws StoreUnusable when it was written by a newer version. */
async function readMarker(directory: string): Promise<boolean> {
  let text: string
  try {
    text = await readFile(join(directory, MARKER), 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw inaccessible(directory, cause)
  }
  // A marker that can't be read still says that there was data.
  const format = /"format":\s*(\d+)/.exec(text)?.[1]
  if (format !== undefined && Number(format) > FORMAT) {
    const message = `the database in ${directory} has format ${format}, written by a newer version; this one knows format ${FORMAT}: use the newer version`
    throw new StoreUnusable('too new', message)
  }
  return true
}

async function writeMarker(directory: string): Promise<void> {
  const path = join(directory, MARKER)
  const text = {
    format: FORMAT,
    note: 'The cluster state is in db/. This file says that it was there: do not delete it.',
  }
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(text)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  const parent = await open(directory, 'r')
  try {
    await parent.sync()
  } finally {
    await parent.close()
  }
}

/** Data files without the file that names them: something was deleted. */
async function hasLeftovers(directory: string): Promise<boolean> {
  const names = await readdir(join(directory, 'db')).catch(() => [] as string[])
  if (names.includes('CURRENT')) return false
  for (const name of names) {
    if (name.endsWith('.ldb') || name.endsWith('.sst')) return true
    if (/^\d+\.log$/.test(name) && (await stat(join(directory, 'db', name))).size > 0) return true
  }
  return false
}

const textOf = (err: unknown) => (err instanceof Error ? err.message : String(err))
const isEnvironment = (err: unknown) =>
  /no space|quota|permission denied|read-only|too many open files/i.test(textOf(err))

function damaged(directory: string, cause: unknown): StoreUnusable {
  const message =
    `the database in ${directory} is damaged (${textOf(cause)}). Nothing was changed. Restore the directory from a backup, ` +
    'or move it away to start with an empty cluster'
  return new StoreUnusable('damaged', message, { cause })
}

function inaccessible(directory: string, cause: unknown): StoreUnusable {
  const message = `the database in ${directory} cannot be opened: ${textOf(cause)}: check the disk, its free space and its permissions`
  return new StoreUnusable('inaccessible', message, { cause })
}
