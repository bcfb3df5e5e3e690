// `application/vnd.kubernetes.protobuf`: objects in protobuf by the field numbers of the schema tables, in the envelope `k8s\0` +
// runtime.Unknown. Client libraries prefer it for built-in kinds. Decoding gives the plain JSON value of the object, which then goes
// the way of every body (decodeObject); unknown field numbers are skipped. One codec per schema is compiled on first use.
import { ProtobufError, ProtobufReader, ProtobufWriter } from './protobuf-wire.ts'
import type { FieldSchema, ScalarType, Schema, StructSchema } from './schema.ts'
import { structFor, structNamed } from './tables.ts'

export const PROTOBUF_MEDIA_TYPE = 'application/vnd.kubernetes.protobuf'

const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00])
/** Messages within messages. */
const MAX_DEPTH = 100

type JsonObject = Record<string, unknown>

/** The object in its envelope. apiVersion and kind travel in the envelope. */
export function encodeProtobuf(schema: StructSchema, object: object): Uint8Array {
  const { apiVersion = '', kind = '' } = object as { apiVersion?: string; kind?: string }
  const out = new ProtobufWriter()
  out.message(1, () => {
    out.string(1, apiVersion)
    out.string(2, kind)
  })
  out.message(2, () => codecOf(schema).write(out, object as JsonObject))
  out.string(3, '')
  out.string(4, '')
  return Buffer.concat([MAGIC, out.finish()])
}

/** Any built-in object, list or Status by its apiVersion and kind. @throws Error when the tables have no such type. */
export function encodeBuiltin(object: object): Uint8Array {
  const { apiVersion = '', kind = '' } = object as { apiVersion?: string; kind?: string }
  const slash = apiVersion.indexOf('/')
  const [group, version] = slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)]
  return encodeProtobuf(
    group === '' && META_KINDS.has(kind) ? structNamed(`meta.v1.${kind}`) : structFor(group, version, kind),
    object,
  )
}

/** k8s: these say `v1` although they belong to no group. */
const META_KINDS: ReadonlySet<string> = new Set([
  'Status',
  'List',
  'APIResourceList',
  'APIGroupList',
  'APIGroup',
  'APIVersions',
])

export interface Envelope {
  apiVersion: string
  kind: string
  raw: Uint8Array
  /** `application/json` when `raw` is JSON; empty for protobuf. */
  contentType: string
}

/** Opens an envelope, so that the caller can find the schema. @throws ProtobufError */
export function openEnvelope(bytes: Uint8Array): Envelope {
  if (bytes.length < MAGIC.length || MAGIC.compare(bytes, 0, MAGIC.length) !== 0) {
    throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]')
  }
  const envelope: Envelope = { apiVersion: '', kind: '', raw: new Uint8Array(), contentType: '' }
  const reader = new ProtobufReader(bytes, MAGIC.length)
  while (reader.next()) {
    if (reader.number === 1 && reader.wireType === 2) {
      const meta = reader.message()
      while (meta.next()) {
        if (meta.number === 1 && meta.wireType === 2) envelope.apiVersion = meta.string()
        else if (meta.number === 2 && meta.wireType === 2) envelope.kind = meta.string()
        else meta.skip()
      }
    } else if (reader.number === 2 && reader.wireType === 2) envelope.raw = reader.bytes()
    else if (reader.number === 4 && reader.wireType === 2) envelope.contentType = reader.string()
    else reader.skip()
  }
  return envelope
}

/** The JSON value of an opened envelope. @throws ProtobufError */
export function decodeProtobuf(schema: StructSchema, { apiVersion, kind, raw, contentType }: Envelope): JsonObject {
  if (contentType === 'application/json') return parseRaw(raw) as JsonObject
  const object: JsonObject = {}
  if (apiVersion) object['apiVersion'] = apiVersion
  if (kind) object['kind'] = kind
  codecOf(schema).read(new ProtobufReader(raw), object, 0)
  return object
}

/** One frame of a watch: four bytes of length, then a bare WatchEvent whose object is in its envelope. */
export function encodeWatchFrame(type: string, object: Uint8Array): Uint8Array {
  const out = new ProtobufWriter()
  out.string(1, type)
  out.message(2, () => out.bytes(1, object))
  const event = out.finish()
  const frame = Buffer.allocUnsafe(4 + event.length)
  frame.writeUInt32BE(event.length, 0)
  frame.set(event, 4)
  return frame
}

interface StructCodec {
  write(out: ProtobufWriter, object: JsonObject): void
  read(reader: ProtobufReader, object: JsonObject, depth: number): void
}

type WriteValue = (out: ProtobufWriter, number: number, value: unknown) => void
/** `before`: what was read for the field so far; lists and maps grow it. */
type ReadValue = (reader: ProtobufReader, depth: number, before: unknown) => unknown

interface ValueCodec {
  write: WriteValue
  read: ReadValue
}

const codecs = new WeakMap<StructSchema, StructCodec>()

function codecOf(schema: StructSchema): StructCodec {
  let codec = codecs.get(schema)
  if (!codec) {
    codec = compileStruct(schema)
    codecs.set(schema, codec)
  }
  return codec
}

function compileStruct(schema: StructSchema): StructCodec {
  let writers: { name: string; number: number; write: WriteValue }[] | undefined
  const readers = new Map<number, { name: string; read: ReadValue }>()
  const prepare = () => {
    const inherited = new Set(schema.embedded.flatMap((base) => [...base.schema.fields.keys()]))
    writers = []
    for (const field of schema.fields.values()) {
      if (field.number === 0 || inherited.has(field.name)) continue
      const codec = valueCodec(schema, field)
      writers.push({ name: field.name, number: field.number, write: codec.write })
      readers.set(field.number, { name: field.name, read: codec.read })
    }
    writers.sort((a, b) => a.number - b.number)
    return writers
  }
  return {
    write(out, object) {
      for (const { schema: base, number } of schema.embedded) {
        out.message(number, () => codecOf(base).write(out, object))
      }
      for (const { name, number, write } of writers ?? prepare()) {
        const value = object[name]
        if (value !== undefined && value !== null) write(out, number, value)
      }
    },
    read(reader, object, depth) {
      if (depth > MAX_DEPTH) throw new ProtobufError('exceeded max depth')
      if (!writers) prepare()
      while (reader.next()) {
        const field = readers.get(reader.number)
        if (field) {
          object[field.name] = field.read(reader, depth, object[field.name])
          continue
        }
        const base = schema.embedded.find(({ number }) => number === reader.number)
        if (base && reader.wireType === 2) codecOf(base.schema).read(reader.message(), object, depth + 1)
        else reader.skip()
      }
    },
  }
}

function valueCodec(owner: StructSchema, field: FieldSchema): ValueCodec {
  const { schema } = field
  if (owner.name.endsWith('.JSONSchemaProps')) {
    const special = SCHEMA_UNIONS[field.name]
    if (special) return field.name === 'dependencies' ? mapCodec(special()) : special()
  }
  return codecFor(schema)
}

function codecFor(schema: Schema): ValueCodec {
  if (schema.type === 'list') return listCodec(codecFor(schema.items), schema.items)
  if (schema.type === 'map') {
    // k8s: a list as a map's value is a message around the list
    return mapCodec(schema.values.type === 'list' ? wrapped(codecFor(schema.values)) : codecFor(schema.values))
  }
  if (schema.type === 'struct') return structCodec(schema)
  return SCALARS[schema.type]
}

function structCodec(schema: StructSchema): ValueCodec {
  return {
    write(out, number, value) {
      out.message(number, () => codecOf(schema).write(out, value as JsonObject))
    },
    read(reader, depth, before) {
      reader.expect(2)
      const object = (before as JsonObject | undefined) ?? {}
      codecOf(schema).read(reader.message(), object, depth + 1)
      return object
    },
  }
}

function listCodec(item: ValueCodec, items: Schema): ValueCodec {
  const packable = items.type === 'int32' || items.type === 'int64' || items.type === 'bool'
  return {
    write(out, number, value) {
      for (const entry of value as unknown[]) item.write(out, number, entry)
    },
    read(reader, depth, before) {
      const list = (before as unknown[] | undefined) ?? []
      if (packable && reader.wireType === 2) {
        const inside = reader.bytes()
        const packed = new ProtobufReader(inside)
        for (let left = countVarints(inside); left > 0; left--) {
          const value = packed.signed()
          list.push(items.type === 'bool' ? value !== 0 : value)
        }
      } else {
        list.push(item.read(reader, depth, undefined))
      }
      return list
    },
  }
}

function countVarints(bytes: Buffer): number {
  let count = 0
  for (const byte of bytes) if (byte < 0x80) count++
  return count
}

function mapCodec(value: ValueCodec): ValueCodec {
  return {
    write(out, number, map) {
      const entries = map as JsonObject
      // k8s: by key, so that equal maps are equal bytes
      for (const key of Object.keys(entries).sort()) {
        out.message(number, () => {
          out.string(1, key)
          value.write(out, 2, entries[key])
        })
      }
    },
    read(reader, depth, before) {
      reader.expect(2)
      const map = (before as JsonObject | undefined) ?? {}
      const entry = reader.message()
      let key = ''
      let found: unknown
      while (entry.next()) {
        if (entry.number === 1 && entry.wireType === 2) key = entry.string()
        else if (entry.number === 2) found = value.read(entry, depth + 1, undefined)
        else entry.skip()
      }
      Object.defineProperty(map, key, { value: found ?? '', enumerable: true, configurable: true, writable: true })
      return map
    },
  }
}

/** A message with the value as its field 1. */
function wrapped(inner: ValueCodec): ValueCodec {
  return {
    write(out, number, value) {
      out.message(number, () => inner.write(out, 1, value))
    },
    read(reader, depth) {
      reader.expect(2)
      const message = reader.message()
      let value: unknown
      while (message.next()) {
        if (message.number === 1) value = inner.read(message, depth + 1, value)
        else message.skip()
      }
      return value ?? []
    },
  }
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

function parseRaw(raw: Uint8Array): unknown {
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

const SCALARS: Readonly<Record<ScalarType, ValueCodec>> = {
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

/** Fields of JSONSchemaProps that are one of two things: in JSON simply the thing, in protobuf a message of alternatives. */
const schemaProps = () => structCodec(structNamed('apiextensions.v1.JSONSchemaProps'))
const SCHEMA_UNIONS: Readonly<Record<string, () => ValueCodec>> = {
  items: () => unionCodec((value) => (Array.isArray(value) ? 2 : 1), { 1: schemaProps, 2: () => many(schemaProps()) }),
  additionalProperties: () => boolOrSchema(),
  additionalItems: () => boolOrSchema(),
  dependencies: () =>
    unionCodec((value) => (Array.isArray(value) ? 2 : 1), { 1: schemaProps, 2: () => many(SCALARS.string) }),
}

const many = (item: ValueCodec) => listCodec(item, { type: 'string' })

/** k8s: `allows` says whether anything goes; with a schema it is true as well. */
function boolOrSchema(): ValueCodec {
  return {
    write(out, number, value) {
      out.message(number, () => {
        out.bool(1, value !== false)
        if (typeof value === 'object') schemaProps().write(out, 2, value)
      })
    },
    read(reader, depth) {
      reader.expect(2)
      const message = reader.message()
      let value: unknown = false
      while (message.next()) {
        if (message.number === 1 && message.wireType === 0) {
          const allows = message.unsigned() !== 0
          if (typeof value !== 'object') value = allows
        } else if (message.number === 2) value = schemaProps().read(message, depth + 1, undefined)
        else message.skip()
      }
      return value
    },
  }
}

function unionCodec(choose: (value: unknown) => number, alternatives: Record<number, () => ValueCodec>): ValueCodec {
  return {
    write(out, number, value) {
      const chosen = choose(value)
      out.message(number, () => alternatives[chosen]!().write(out, chosen, value))
    },
    read(reader, depth) {
      reader.expect(2)
      const message = reader.message()
      let value: unknown
      while (message.next()) {
        const alternative = alternatives[message.number]
        if (alternative) value = alternative().read(message, depth + 1, value)
        else message.skip()
      }
      return value ?? null
    },
  }
}
