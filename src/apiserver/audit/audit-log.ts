// Where audit events go: a queue in memory, bounded, that is written to a file (which is rotated) or to the standard output as fast as
// that takes it. Requests never wait for it: what does not fit is dropped, and the server's log says how much.
import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/log.ts'
import type { AuditSink } from './auditor.ts'

export interface AuditOutput {
  /** Whole lines. @throws when they could not be written */
  append(text: string): Promise<void>
  close(): Promise<void>
}

const MAX_PENDING_CHARACTERS = 32 * 1024 * 1024
const MAX_LINE_CHARACTERS = 8 * 1024 * 1024

export class AuditLog implements AuditSink {
  readonly #output: AuditOutput
  readonly #log: Logger
  readonly #maxPending: number
  readonly counts = { taken: 0, lost: 0 }
  #pending: string[] = []
  #pendingCharacters = 0
  #dropped = 0
  #writing: Promise<void> | undefined

  constructor(output: AuditOutput, log: Logger, maxPending = MAX_PENDING_CHARACTERS) {
    this.#output = output
    this.#log = log
    this.#maxPending = maxPending
  }

  write(line: string): void {
    this.counts.taken++
    if (line.length > MAX_LINE_CHARACTERS || this.#pendingCharacters + line.length > this.#maxPending) {
      this.#drop(1)
      return
    }
    this.#pending.push(line)
    this.#pendingCharacters += line.length
    this.#writing ??= this.#drain()
  }

  /** Resolves when everything has been written, or dropped. */
  async close(): Promise<void> {
    await this.#writing
    await this.#output.close()
  }

  async #drain(): Promise<void> {
    // What the same turn of the event loop brings goes out in one piece.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#pending.length > 0) {
      const lines = this.#pending
      this.#pending = []
      this.#pendingCharacters = 0
      try {
        await this.#output.append(`${lines.join('\n')}\n`)
      } catch (err) {
        this.#drop(lines.length, err)
      }
    }
    this.#writing = undefined
    if (this.#dropped > 0) this.#log.warn({ dropped: this.#dropped }, 'audit events dropped')
    this.#dropped = 0
  }

  #drop(count: number, err?: unknown): void {
    if (this.#dropped === 0 && err) this.#log.error({ err }, 'audit events cannot be written')
    this.#dropped += count
    this.counts.lost += count
    if (!this.#writing) this.#writing = this.#drain()
  }
}

export const standardOutput = (stream: NodeJS.WritableStream = process.stdout): AuditOutput => ({
  append: (text) =>
    new Promise((resolve, reject) => {
      stream.write(text, (err) => (err ? reject(err) : resolve()))
    }),
  close: async () => {},
})

export interface Rotation {
  /** A file that would become larger is put aside. */
  readonly maxSizeBytes: number
  /** How many of those put aside are kept; 0: all. */
  readonly maxBackups: number
  /** Those put aside longer ago are removed; 0: never. */
  readonly maxAgeDays: number
}

export const DEFAULT_ROTATION: Rotation = { maxSizeBytes: 100 * 1024 * 1024, maxBackups: 10, maxAgeDays: 0 }

const DAY_MS = 24 * 3600_000

/** A file that is put aside as `audit-2026-01-02T03-04-05.678.log` when it has grown to its size. */
export class RotatedFile implements AuditOutput {
  readonly #path: string
  readonly #rotation: Rotation
  readonly #clock: Clock
  #file: import('node:fs/promises').FileHandle
  #sizeBytes: number

  private constructor(path: string, rotation: Rotation, clock: Clock, opened: Opened) {
    this.#path = path
    this.#rotation = rotation
    this.#clock = clock
    this.#file = opened.file
    this.#sizeBytes = opened.sizeBytes
  }

  /** @throws the file system's errors */
  static async open(path: string, rotation: Rotation, clock: Clock): Promise<RotatedFile> {
    return new RotatedFile(path, rotation, clock, await openFile(path))
  }

  async append(text: string): Promise<void> {
    const bytes = Buffer.from(text)
    if (this.#sizeBytes > 0 && this.#sizeBytes + bytes.byteLength > this.#rotation.maxSizeBytes) await this.#rotate()
    await this.#file.appendFile(bytes)
    this.#sizeBytes += bytes.byteLength
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  async #rotate(): Promise<void> {
    await rename(this.#path, backupName(this.#path, this.#clock.now()))
    const opened = await openFile(this.#path)
    await this.#file.close()
    this.#file = opened.file
    this.#sizeBytes = opened.sizeBytes
    const directory = dirname(this.#path)
    const surplus = surplusBackups(await readdir(directory), basename(this.#path), this.#rotation, this.#clock.now())
    await Promise.all(surplus.map((name) => rm(join(directory, name), { force: true })))
  }
}

interface Opened {
  readonly file: import('node:fs/promises').FileHandle
  readonly sizeBytes: number
}

async function openFile(path: string): Promise<Opened> {
  const file = await open(path, 'a', 0o600)
  return { file, sizeBytes: (await stat(path)).size }
}

function backupName(path: string, atMs: number): string {
  const ending = extname(path)
  const time = new Date(atMs).toISOString().replaceAll(':', '-').replace(/Z$/, '')
  return `${path.slice(0, path.length - ending.length)}-${time}${ending}`
}

const TIME = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d\.\d{3})$/

/** Of a directory's names, the files put aside that are too old or too many. */
export function surplusBackups(names: readonly string[], file: string, rotation: Rotation, nowMs: number): string[] {
  const ending = extname(file)
  const begin = `${file.slice(0, file.length - ending.length)}-`
  const backups = names
    .filter((name) => name.startsWith(begin) && name.endsWith(ending))
    .flatMap((name) => {
      const time = TIME.exec(name.slice(begin.length, name.length - ending.length))
      return time ? [{ name, atMs: Date.parse(`${time[1]}T${time[2]}:${time[3]}:${time[4]}Z`) }] : []
    })
    .sort((a, b) => b.atMs - a.atMs)
  const { maxBackups, maxAgeDays } = rotation
  const isSurplus = (atMs: number, i: number) =>
    (maxBackups > 0 && i >= maxBackups) || (maxAgeDays > 0 && atMs < nowMs - maxAgeDays * DAY_MS)
  return backups.filter(({ atMs }, i) => isSurplus(atMs, i)).map(({ name }) => name)
}
