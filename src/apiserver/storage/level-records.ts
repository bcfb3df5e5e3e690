// How the LevelDB engine's records look. Three sorts, told apart by the key's first letter:
//   k<key>                what the key holds now: checksum, revision, JSON
//   l<revision, 14 hex>   one event of the log: checksum, header, key, what the key held before (when no other record has it), JSON
//   m                     the store's own facts, as JSON (see Meta)
// Every record carries a CRC, because LevelDB does not verify its blocks when it reads them.
import { crc32 } from 'node:zlib'
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
}

export class BadRecord extends Error {}

const HEADER_BYTES = 47
const CURRENT_HEADER_BYTES = 12

export const logKey = (revision: Revision) => LOG_PREFIX + revision.toString(16).padStart(14, '0')
export const parseLogKey = (key: string): Revision => Number.parseInt(key.slice(1), 16)

export function encodeCurrent(entry: Entry): Uint8Array {
  const bytes = Buffer.allocUnsafe(CURRENT_HEADER_BYTES + entry.json.byteLength)
  bytes.writeDoubleBE(entry.revision, 4)
  bytes.set(entry.json, CURRENT_HEADER_BYTES)
  bytes.writeUInt32BE(crc32(bytes.subarray(4)), 0)
  return bytes
}

/** @throws BadRecord */
export function decodeCurrent(key: string, value: Uint8Array): Entry {
  const bytes = checked(key, value, CURRENT_HEADER_BYTES)
  return new StoredEntry(key, value.subarray(CURRENT_HEADER_BYTES), bytes.readDoubleBE(4))
}

export function encodeLog(record: LogRecord): Uint8Array {
  const key = Buffer.from(record.key)
  const prevBytes = record.prevJson?.byteLength ?? 0
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + key.byteLength + prevBytes + record.json.byteLength)
  bytes.writeUInt8(record.type === 'put' ? 0 : 1, 4)
  bytes.writeDoubleBE(record.revision, 5)
  bytes.writeDoubleBE(record.atMs, 13)
  bytes.writeDoubleBE(record.prevRevision, 21)
  bytes.writeDoubleBE(record.previousRecord, 29)
  bytes.writeUInt32BE(record.keys, 37)
  bytes.writeUInt16BE(key.byteLength, 41)
  bytes.writeUInt32BE(prevBytes, 43)
  bytes.set(key, HEADER_BYTES)
  if (record.prevJson) bytes.set(record.prevJson, HEADER_BYTES + key.byteLength)
  bytes.set(record.json, HEADER_BYTES + key.byteLength + prevBytes)
  bytes.writeUInt32BE(crc32(bytes.subarray(4)), 0)
  return bytes
}

/** @throws BadRecord */
export function decodeLog(key: string, value: Uint8Array): LogRecord {
  const bytes = checked(key, value, HEADER_BYTES)
  const keyEnd = HEADER_BYTES + bytes.readUInt16BE(41)
  const prevEnd = keyEnd + bytes.readUInt32BE(43)
  return {
    type: bytes.readUInt8(4) === 0 ? 'put' : 'delete',
    key: bytes.toString('utf8', HEADER_BYTES, keyEnd),
    revision: bytes.readDoubleBE(5),
    atMs: bytes.readDoubleBE(13),
    prevRevision: bytes.readDoubleBE(21),
    prevJson: prevEnd > keyEnd ? value.subarray(keyEnd, prevEnd) : undefined,
    previousRecord: bytes.readDoubleBE(29),
    keys: bytes.readUInt32BE(37),
    json: value.subarray(prevEnd),
  }
}

function checked(key: string, value: Uint8Array, minBytes: number): Buffer {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (bytes.byteLength < minBytes || crc32(bytes.subarray(4)) !== bytes.readUInt32BE(0)) {
    throw new BadRecord(`the record ${JSON.stringify(key)} has a wrong checksum`)
  }
  return bytes
}
