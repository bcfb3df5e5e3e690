// How single values stand in protobuf: the scalars of the schema tables, and those of Kubernetes' own types (times, quantities, raw
// objects) that are leaves in JSON and little messages on the wire.
import { ProtobufError, type ProtobufReader, type ProtobufWriter } from './protobuf-wire.ts'
import type { ScalarType } from './schema.ts'

type WriteValue = (out: ProtobufWriter, number: number, value: unknown) => void
/** `before`: what was read for the field so far; lists and maps grow it. */
type ReadValue = (reader: ProtobufReader, depth: number, before: unknown) => unknown

export interface ValueCodec {
  write: WriteValue
  read: ReadValue
}

/** A message with one field: what stands in JSON as a bare leaf. */
function leafMessage(
  write: (out: ProtobufWriter, value: unknown) => void,
  read: (fields: Map<number, number | Buffer>) => unknown,
): ValueCodec {
  return {
    write(out, number, value) {
      out.message(number, () => write(out, value))
    },
    read(reader) {
      reader.expect(2)
      const message = reader.message()
      const fields = new Map<number, number | Buffer>()
      while (message.next()) {
        if (message.wireType === 0) fields.set(message.number, message.signed())
        else if (message.wireType === 2) fields.set(message.number, message.bytes())
        else message.skip()
      }
      return read(fields)
    },
  }
}

const textOf = (value: number | Buffer | undefined) => (Buffer.isBuffer(value) ? value.toString('utf8') : '')
const numberOf = (value: number | Buffer | undefined) => (typeof value === 'number' ? value : 0)

/** The JSON value in the bytes; null when there are none. @throws ProtobufError */
export function parseRaw(raw: Uint8Array): unknown {
  if (raw.length === 0) return null
  try {
    return JSON.parse(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('utf8'))
  } catch (err) {
    throw new ProtobufError(`invalid JSON in a raw value: ${(err as Error).message}`, { cause: err })
  }
}

const RAW = leafMessage(
  (out, value) => out.string(1, JSON.stringify(value)),
  (fields) => {
    const raw = fields.get(1)
    return Buffer.isBuffer(raw) ? parseRaw(raw) : null
  },
)

/** Seconds and nanoseconds since the epoch. */
function timeCodec(decimals: 0 | 6): ValueCodec {
  return leafMessage(
    (out, value) => {
      const text = String(value)
      const ms = Date.parse(text)
      out.varint(1, Math.floor(ms / 1000))
      const micros = decimals === 6 ? (/\.(\d{1,6})/.exec(text)?.[1] ?? '').padEnd(6, '0') : '0'
      out.varint(2, Number(micros) * 1000)
    },
    (fields) => {
      if (fields.size === 0) return null
      const date = new Date(numberOf(fields.get(1)) * 1000)
      if (Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9999 || date.getUTCFullYear() < 0) {
        throw new ProtobufError('timestamp out of range')
      }
      const seconds = date.toISOString().slice(0, 19)
      if (decimals === 0) return `${seconds}Z`
      const micros = String(Math.floor(numberOf(fields.get(2)) / 1000)).padStart(6, '0')
      return `${seconds}.${micros.slice(0, 6)}Z`
    },
  )
}

const UNIT_NS: Readonly<Record<string, number>> = { ns: 1, µs: 1e3, us: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }

export const SCALARS: Readonly<Record<ScalarType, ValueCodec>> = {
  string: {
    write: (out, number, value) => out.string(number, value as string),
    read(reader) {
      reader.expect(2)
      return reader.string()
    },
  },
  bool: {
    write: (out, number, value) => out.bool(number, value as boolean),
    read(reader) {
      reader.expect(0)
      return reader.unsigned() !== 0
    },
  },
  int32: {
    write: (out, number, value) => out.varint(number, value as number),
    read(reader) {
      reader.expect(0)
      return reader.signed() | 0
    },
  },
  int64: {
    write: (out, number, value) => out.varint(number, value as number),
    read(reader) {
      reader.expect(0)
      return reader.signed()
    },
  },
  double: {
    write: (out, number, value) => out.double(number, value as number),
    read(reader) {
      reader.expect(1)
      return reader.double()
    },
  },
  bytes: {
    write: (out, number, value) => out.bytes(number, Buffer.from(value as string, 'base64')),
    read(reader) {
      reader.expect(2)
      return reader.bytes().toString('base64')
    },
  },
  Time: timeCodec(0),
  MicroTime: timeCodec(6),
  Duration: leafMessage(
    (out, value) => {
      let ns = 0
      for (const [, number, unit] of String(value).matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g)) {
        ns += Number(number) * UNIT_NS[unit!]!
      }
      out.varint(1, Math.round(String(value).startsWith('-') ? -ns : ns))
    },
    (fields) => `${numberOf(fields.get(1))}ns`,
  ),
  Quantity: leafMessage(
    (out, value) => out.string(1, String(value)),
    (fields) => textOf(fields.get(1)) || '0',
  ),
  IntOrString: leafMessage(
    (out, value) => {
      out.varint(1, typeof value === 'string' ? 1 : 0)
      out.varint(2, typeof value === 'number' ? value : 0)
      out.string(3, typeof value === 'string' ? value : '')
    },
    (fields) => (numberOf(fields.get(1)) === 1 ? textOf(fields.get(3)) : numberOf(fields.get(2)) | 0),
  ),
  RawExtension: RAW,
  JSON: RAW,
}
