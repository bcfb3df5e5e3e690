// Structs, lists and maps in protobuf: one codec per schema, compiled on first use, that writes a plain JSON value by the field numbers of
// the tables and reads it back. Unknown field numbers are skipped.
import { SCALARS, type ValueCodec } from './protobuf-leaves.ts'
import { ProtobufError, ProtobufReader, type ProtobufWriter } from './protobuf-wire.ts'
import type { FieldSchema, Schema, StructSchema } from './schema.ts'
import { structNamed } from './tables.ts'

/** Messages within messages. */
const MAX_DEPTH = 100

export type JsonObject = Record<string, unknown>

export interface StructCodec {
  write(out: ProtobufWriter, object: JsonObject): void
  read(reader: ProtobufReader, object: JsonObject, depth: number): void
}

const codecs = new WeakMap<StructSchema, StructCodec>()

export function codecOf(schema: StructSchema): StructCodec {
  let codec = codecs.get(schema)
  if (!codec) {
    codec = compileStruct(schema)
    codecs.set(schema, codec)
  }
  return codec
}

function compileStruct(schema: StructSchema): StructCodec {
  let writers: { name: string; number: number; write: ValueCodec['write'] }[] | undefined
  const readers = new Map<number, { name: string; read: ValueCodec['read'] }>()
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
