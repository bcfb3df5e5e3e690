// From a parsed JSON value to an object of a type: every field's type is checked, unknown fields are pruned and named, leaves are
// brought into their one canonical form, null means absent, and what a Go round trip would leave out (empty values of
// `omitempty` fields that are not pointers) is left out. Values that the wire always carries (`name: ""`, `containerPort: 0`,
// `containers: []`) are filled in, so that the generated types tell the truth. The input is never changed and nothing of
// it is shared with the result.
//
// One reader per schema is compiled on first use and kept: decoding is then a walk over closures. Defaults are not applied here
// (defaults.ts). Patch results are decoded again by the registry: patches work on plain values and promise nothing about types.

import { canonicalQuantity } from '../meta/quantity.ts'
import { cloneJson, setKey } from './clone.ts'
import type { FieldSchema, ScalarType, Schema, StructSchema } from './schema.ts'
import { canonicalDuration, canonicalMicroTime, canonicalTime } from './time-format.ts'

export interface Decoded {
  object: Record<string, unknown>
  /** Paths of fields that the type does not have, in the order of the text: `spec.replica`, `spec.containers[0].imag`. */
  unknown: string[]
}

export interface DecodeOptions {
  /** An apply configuration: only what the client wrote, with its empty values, and nothing filled in. */
  partial?: boolean
}

/** A value of the wrong type or form. The message is the API's: `json: cannot unmarshal string into Go struct field …`. */
export class DecodeError extends Error {
  override name = 'DecodeError'
}

/** @throws DecodeError for the first field whose value does not fit its type. */
export function decodeObject(schema: StructSchema, value: unknown, options: DecodeOptions = {}): Decoded {
  if (schema.read && isObject(value ?? {}))
    return schema.read((value ?? {}) as object & Record<string, unknown>, options.partial ?? false)
  const reading: Reading = { path: [], unknown: [], partial: options.partial ?? false }
  const object = readerOf(schema)(value ?? {}, reading, '') as Record<string, unknown>
  return { object, unknown: reading.unknown }
}

const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)

/** As in the messages: `unknown field "spec.replica"`. */
export const unknownFieldMessage = (path: string) => `unknown field ${JSON.stringify(path)}`
export const duplicateFieldMessage = (path: string) => `duplicate field ${JSON.stringify(path)}`

/** Unknown fields reported for one object. */
const MAX_REPORTED = 100
const INT32_MAX = 2 ** 31 - 1

interface Reading {
  /** Field names, list indices (numbers) and map keys (boxed, so that messages can tell them from fields). */
  path: (string | number | MapKey)[]
  unknown: string[]
  partial: boolean
}
class MapKey {
  readonly key: string
  constructor(key: string) {
    this.key = key
  }
}

/** Returns undefined for "absent". `owner` is the Go name of the struct whose field is read, for messages. */
type Reader = (value: unknown, reading: Reading, owner: string) => unknown

interface FieldPlan {
  readonly name: string
  readonly read: Reader
  /** Go leaves it out when empty. */
  readonly dropEmpty: boolean
}

const readers = new WeakMap<Schema, Reader>()

function readerOf(schema: Schema): Reader {
  let reader = readers.get(schema)
  if (!reader) {
    if (schema.type === 'struct') return structReader(schema)
    reader = compile(schema)
    readers.set(schema, reader)
  }
  return reader
}

function compile(schema: Exclude<Schema, StructSchema>): Reader {
  if (schema.type === 'list') return listReader(readerOf(schema.items), schema.items, goType(schema))
  if (schema.type === 'map') return mapReader(readerOf(schema.values), schema.values, goType(schema))
  return SCALAR_READERS[schema.type]
}

function structReader(schema: StructSchema): Reader {
  const plans = new Map<string, FieldPlan>()
  const fillers: { name: string; fill: () => unknown }[] = []
  const owner = shortName(schema.name)
  const type = goType(schema)
  let ready = false
  // Field readers are made at the first read: types may contain themselves, and most types of the tables are never read.
  const prepare = () => {
    ready = true
    for (const field of schema.fields.values()) {
      plans.set(field.name, { name: field.name, read: readerOf(field.schema), dropEmpty: dropsEmpty(field) })
      const fill = filler(field)
      if (fill) fillers.push({ name: field.name, fill })
    }
  }
  const reader: Reader = (value, reading, outer) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mistyped(value, type, reading, outer)
    if (!ready) prepare()
    const source = value as Record<string, unknown>
    const out: Record<string, unknown> = {}
    const { path } = reading
    for (const key in source) {
      const entry = source[key]
      const plan = plans.get(key)
      if (!plan) {
        if (entry === undefined) continue
        if (schema.preserveUnknown) setKey(out, key, cloneJson(entry))
        else if (reading.unknown.length < MAX_REPORTED) reading.unknown.push(formatPath([...path, key]))
        continue
      }
      if (entry === null || entry === undefined) continue
      path.push(key)
      const read = plan.read(entry, reading, owner)
      path.pop()
      if (read === undefined || (plan.dropEmpty && !reading.partial && isEmpty(read))) continue
      out[key] = read
    }
    if (!reading.partial) {
      for (const { name, fill } of fillers) if (out[name] === undefined) out[name] = fill()
    }
    return out
  }
  readers.set(schema, reader)
  return reader
}

function dropsEmpty(field: FieldSchema): boolean {
  if (!field.omitEmpty || field.pointer) return false
  const { type } = field.schema
  // k8s: structs are never empty to Go's encoder, and these leaves are structs there
  return (
    type !== 'struct' && type !== 'IntOrString' && type !== 'Quantity' && type !== 'RawExtension' && type !== 'JSON'
  )
}

function isEmpty(value: unknown): boolean {
  if (typeof value === 'object') {
    if (Array.isArray(value)) return value.length === 0
    for (const _ in value) return false
    return true
  }
  return value === '' || value === 0 || value === false
}

/** The value that a field without `omitempty` has on the wire when nobody set it. */
function filler(field: FieldSchema): (() => unknown) | undefined {
  if (field.omitEmpty || field.pointer) return undefined
  const { schema } = field
  switch (schema.type) {
    case 'string':
      return () => ''
    case 'bool':
      return () => false
    case 'int32':
    case 'int64':
    case 'double':
    case 'IntOrString':
      return () => 0
    case 'Quantity':
      return () => '0'
    case 'Duration':
      return () => '0s'
    case 'list':
      return () => []
    case 'map':
      return () => ({})
    case 'struct':
      return () => readerOf(schema)({}, { path: [], unknown: [], partial: false }, '')
    default:
      return undefined // times, bytes, raw values: null on the wire, absent here
  }
}

function listReader(read: Reader, items: Schema, type: string): Reader {
  return (value, reading, owner) => {
    if (!Array.isArray(value)) throw mistyped(value, type, reading, owner)
    const out = new Array(value.length)
    const { path } = reading
    for (let i = 0; i < value.length; i++) {
      path.push(i)
      out[i] = read(value[i] ?? zeroOf(items), reading, owner) ?? null
      path.pop()
    }
    return out
  }
}

function mapReader(read: Reader, values: Schema, type: string): Reader {
  const leaf = values.type !== 'struct' && values.type !== 'list' && values.type !== 'map'
  return (value, reading, owner) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mistyped(value, type, reading, owner)
    const source = value as Record<string, unknown>
    const out: Record<string, unknown> = {}
    for (const key in source) {
      if (source[key] === undefined) continue
      if (!leaf) reading.path.push(new MapKey(key))
      const entry = read(source[key] ?? zeroOf(values), reading, owner)
      if (!leaf) reading.path.pop()
      if (entry === undefined) continue
      if (key === '__proto__') setKey(out, key, entry)
      else out[key] = entry
    }
    return out
  }
}

/** k8s: null as an element or as a map's value is the type's zero value. */
function zeroOf(schema: Schema): unknown {
  switch (schema.type) {
    case 'string':
    case 'bytes':
      return ''
    case 'bool':
      return false
    case 'int32':
    case 'int64':
    case 'double':
    case 'IntOrString':
      return 0
    case 'Quantity':
      return '0'
    case 'list':
      return []
    case 'map':
    case 'struct':
      return {}
    default:
      return null
  }
}

const readString: Reader = (value, reading, owner) => {
  if (typeof value !== 'string') throw mistyped(value, 'string', reading, owner)
  return value
}

function integerReader(type: 'int32' | 'int64'): Reader {
  return (value, reading, owner) => {
    if (typeof value !== 'number' || !Number.isInteger(value)) throw mistyped(value, type, reading, owner)
    if (value > INT32_MAX || value < -INT32_MAX - 1) {
      if (type === 'int32' || value >= 2 ** 63 || value < -(2 ** 63)) throw mistyped(value, type, reading, owner)
    }
    return value === 0 ? 0 : value // never -0
  }
}

/** Leaves with their own text form: what is not text says so as the real server's own unmarshallers do. */
function textReader(canonical: (text: string) => string): Reader {
  return (value) => {
    if (value === null) return undefined
    if (typeof value !== 'string')
      throw new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type string`)
    return canonicalOrThrow(canonical, value)
  }
}

function canonicalOrThrow(canonical: (text: string) => string, text: string): string {
  try {
    return canonical(text)
  } catch (err) {
    throw new DecodeError((err as Error).message, { cause: err })
  }
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

const readBytes: Reader = (value, reading, owner) => {
  if (typeof value !== 'string') throw mistyped(value, '[]uint8', reading, owner)
  const text = /[\r\n]/.test(value) ? value.replace(/[\r\n]/g, '') : value
  if (text.length % 4 !== 0 || !BASE64.test(text)) {
    const bad = /[^A-Za-z0-9+/]/.exec(text.replace(/={1,2}$/, ''))
    throw new DecodeError(`illegal base64 data at input byte ${bad ? bad.index : text.length - (text.length % 4)}`)
  }
  if (!text.endsWith('=')) return text
  return text.slice(0, -4) + Buffer.from(text.slice(-4), 'base64').toString('base64')
}

const SCALAR_READERS: Readonly<Record<ScalarType, Reader>> = {
  string: readString,
  bool(value, reading, owner) {
    if (typeof value !== 'boolean') throw mistyped(value, 'bool', reading, owner)
    return value
  },
  int32: integerReader('int32'),
  int64: integerReader('int64'),
  double(value, reading, owner) {
    if (typeof value !== 'number') throw mistyped(value, 'float64', reading, owner)
    return value
  },
  bytes: readBytes,
  Time: textReader(canonicalTime),
  MicroTime: textReader(canonicalMicroTime),
  Duration: textReader(canonicalDuration),
  Quantity(value) {
    if (typeof value === 'object' && value === null) return undefined
    const text = typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : 'x'
    return canonicalOrThrow(canonicalQuantity, text)
  },
  IntOrString(value) {
    if (typeof value === 'string') return value
    if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= INT32_MAX) return value
    throw new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go value of type int32`)
  },
  RawExtension: (value) => (value === null ? undefined : cloneJson(value)),
  JSON: (value) => cloneJson(value),
}

function mistyped(value: unknown, type: string, reading: Reading, owner: string): DecodeError {
  const fields = reading.path.filter((step) => typeof step === 'string')
  const into = fields.length > 0 ? `struct field ${owner}.${fields.join('.')}` : 'value'
  return new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go ${into} of type ${type}`)
}

function jsonKind(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number') {
    // the number itself is named where its kind alone would not explain the refusal
    return Number.isInteger(value) && Math.abs(value) <= INT32_MAX ? 'number' : `number ${value}`
  }
  return typeof value
}

function formatPath(path: readonly (string | number | MapKey)[]): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else {
      const name = typeof step === 'string' ? step : step.key
      text += text ? `.${name}` : name
    }
  }
  return text
}

/** `io.k8s.api.core.v1.PodSpec` → `PodSpec`. */
const shortName = (name: string) => name.slice(name.lastIndexOf('.') + 1)

/** The type as Go prints it: `v1.PodSpec`, `[]v1.Container`, `map[string]string`. */
function goType(schema: Schema): string {
  switch (schema.type) {
    case 'list':
      return `[]${goType(schema.items)}`
    case 'map':
      return `map[string]${goType(schema.values)}`
    case 'struct':
      return schema.name.split('.').slice(-2).join('.') || 'map[string]interface {}'
    case 'double':
      return 'float64'
    case 'bytes':
      return '[]uint8'
    case 'Quantity':
      return 'resource.Quantity'
    case 'IntOrString':
      return 'intstr.IntOrString'
    case 'Time':
    case 'MicroTime':
    case 'Duration':
      return `v1.${schema.type}`
    case 'RawExtension':
      return 'runtime.RawExtension'
    case 'JSON':
      return 'v1.JSON'
    default:
      return schema.type
  }
}
