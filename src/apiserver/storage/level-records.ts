// How the LevelDB engine's records look. Three sorts, told apart by the key's first letter:
//   k<key>                what the key holds now: checksum, revision, JSON
//   l<revision, 14 hex>   one event of the log: checksum, header, key, what the key held before (when no other record has it), JSON
//   m                     the store's own facts, as JSON (see Meta)
// JSON is written as the sealer gives it: values of Secrets are encrypted.
// Every record carries a CRC, because LevelDB does not verify its blocks when it reads them.
import { crc32 } from 'node:zlib'
import type { Sealer } from './encryption/sealer.ts'
import type { Entry, Revision } from './store.ts'
import { StoredEntry } from './stored-entry.ts'

export const META_KEY = 'm'
export const CURRENT_PREFIX = 'k'
export const LOG_PREFIX = 'l'

export interface Meta {
  readonly format: 1
  /** No volatile write has a revision above this one unless a batch that raised it was committed before. */
  readonly reserved: Revision
  /** Log records at or below it are kept only for what they say about the state before later events. */
  readonly floor: Revision
  /** Under these prefixes objects are written without touching the disk. */
  readonly volatilePrefixes: readonly string[]
  /** Set by an orderly close: the newest revision, and that nothing was written since. */
  readonly closedAt?: Revision
  /** How many keys the close left. */
  readonly keys?: number
}

export interface LogRecord {
  readonly type: 'put' | 'delete'
  readonly key: string
  readonly revision: Revision
  readonly atMs: number
  /** 0: the key did not exist before. */
  readonly prevRevision: Revision
  /** Given when the log has no record of `prevRevision`. */
  readonly prevJson: Uint8Array | undefined
  /** The revision of the record before this one: a gap in the chain is a damaged log. */
  readonly previousRecord: Revision
  /** How many keys are on disk after this event. */
  readonly keys: number
  readonly json: Uint8Array
  /** Read from disk: to be written anew, with the current key. */
  readonly stale?: boolean
}

export class BadRecord extends Error {}

const HEADER_BYTES = 47
const CURRENT_HEADER_BYTES = 12

export const logKey = (revision: Revision) => LOG_PREFIX + revision.toString(16).padStart(14, '0')
export const parseLogKey = (key: string): Revision => Number.parseInt(key.slice(1), 16)

export function encodeCurrent(entry: Pick<Entry, 'key' | 'json' | 'revision'>, sealer: Sealer): Uint8Array {
  const value = sealer.seal(entry.key, entry.json)
  const bytes = Buffer.allocUnsafe(CURRENT_HEADER_BYTES + value.byteLength)
  bytes.writeDoubleBE(entry.revision, 4)
  bytes.set(value, CURRENT_HEADER_BYTES)
  bytes.writeUInt32BE(crc32(bytes.subarray(4)), 0)
  return bytes
}

/** @throws BadRecord, StoreUnusable when the value does not open */
export function decodeCurrent(key: string, value: Uint8Array, sealer: Sealer): { entry: Entry; stale: boolean } {
  const bytes = checked(key, value, CURRENT_HEADER_BYTES)
  const { json, stale } = sealer.open(key, value.subarray(CURRENT_HEADER_BYTES))
  return { entry: new StoredEntry(key, json, bytes.readDoubleBE(4)), stale }
}

export function encodeLog(record: LogRecord, sealer: Sealer): Uint8Array {
  const key = Buffer.from(record.key)
  const json = sealer.seal(record.key, record.json)
  const prevJson = record.prevJson && sealer.seal(record.key, record.prevJson)
  const prevBytes = prevJson?.byteLength ?? 0
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + key.byteLength + prevBytes + json.byteLength)
  bytes.writeUInt8(record.type === 'put' ? 0 : 1, 4)
  bytes.writeDoubleBE(record.revision, 5)
  bytes.writeDoubleBE(record.atMs, 13)
  bytes.writeDoubleBE(record.prevRevision, 21)
  bytes.writeDoubleBE(record.previousRecord, 29)
  bytes.writeUInt32BE(record.keys, 37)
  bytes.writeUInt16BE(key.byteLength, 41)
  bytes.writeUInt32BE(prevBytes, 43)
  bytes.set(key, HEADER_BYTES)
  if (prevJson) bytes.set(prevJson, HEADER_BYTES + key.byteLength)
  bytes.set(json, HEADER_BYTES + key.byteLength + prevBytes)
  bytes.writeUInt32BE(crc32(bytes.subarray(4)), 0)
  return bytes
}

/** @throws BadRecord, StoreUnusable when a value does not open */
export function decodeLog(key: string, value: Uint8Array, sealer: Sealer): LogRecord {
  const bytes = checked(key, value, HEADER_BYTES)
  const keyEnd = HEADER_BYTES + bytes.readUInt16BE(41)
  const prevEnd = keyEnd + bytes.readUInt32BE(43)
  const at = bytes.toString('utf8', HEADER_BYTES, keyEnd)
  const opened = sealer.open(at, value.subarray(prevEnd))
  const prev = prevEnd > keyEnd ? sealer.open(at, value.subarray(keyEnd, prevEnd)) : undefined
  return {
    type: bytes.readUInt8(4) === 0 ? 'put' : 'delete',
    key: at,
    revision: bytes.readDoubleBE(5),
    atMs: bytes.readDoubleBE(13),
    prevRevision: bytes.readDoubleBE(21),
    prevJson: prev?.json,
    previousRecord: bytes.readDoubleBE(29),
    keys: bytes.readUInt32BE(37),
    json: opened.json,
    ...(opened.stale || prev?.stale ? { stale: true } : {}),
  }
}

function checked(key: string, value: Uint8Array, minBytes: number): Buffer {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (bytes.byteLength < minBytes || crc32(bytes.subarray(4)) !== bytes.readUInt32BE(0)) {
    throw new BadRecord(`the record ${JSON.stringify(key)} has a wrong checksum`)
  }
  return bytes
}
