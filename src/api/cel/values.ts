// Values during evaluation. JSON stays as it is: null, booleans, strings, arrays and plain objects are themselves. An int is a number,
// or a bigint beyond 2^53; what JSON has no form for (double, uint, time, optional, …) is an instance of a class here.
import { CelError, noSuchOverload } from './errors.ts'

export class Double {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}
export class Uint {
  readonly value: bigint
  constructor(value: bigint) {
    this.value = value
  }
}
export class Duration {
  readonly ns: bigint
  constructor(ns: bigint) {
    this.ns = ns
  }
}
export class Timestamp {
  /** Since 1970, UTC. */
  readonly ns: bigint
  /** East of UTC, as the time was written: it is shown so, and nothing else depends on it. */
  readonly zoneMinutes: number
  constructor(ns: bigint, zoneMinutes = 0) {
    this.ns = ns
    this.zoneMinutes = zoneMinutes
  }
}
export class Optional {
  readonly value: unknown
  readonly present: boolean
  constructor(present: boolean, value?: unknown) {
    this.present = present
    this.value = value
  }
}
export const NONE = new Optional(false)
export class TypeValue {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}
/** A value of a library's type: knows its type's name, and when it equals another. */
export abstract class Opaque {
  abstract readonly typeName: string
  abstract equals(other: Opaque): boolean
  /** What cost accounting takes as its size. */
  get size(): number {
    return 1
  }
}
/** An object that an expression constructs: `Object.spec{replicas: 3}`. */
export class Struct {
  readonly typeName: string
  readonly fields: Readonly<Record<string, unknown>>
  constructor(typeName: string, fields: Record<string, unknown>) {
    this.typeName = typeName
    this.fields = fields
  }
}

/** k8s: lists of list-type set and map are equal in any order, and `+` merges them. By array, since arrays stay plain. */
export interface ListSemantics {
  readonly listType: 'set' | 'map'
  readonly mapKeys: readonly string[]
}
export const listSemantics = new WeakMap<readonly unknown[], ListSemantics>()
/** What identifies an element of such a list. */
export function elementKey(item: unknown, { listType, mapKeys }: ListSemantics): string {
  if (listType === 'set') return JSON.stringify(item, plainNumbers)
  const fields = (item ?? {}) as Record<string, unknown>
  return JSON.stringify(mapKeys.map((key) => fields[key] ?? null))
}
const plainNumbers = (_key: string, value: unknown) =>
  typeof value === 'bigint' ? String(value) : value instanceof Double ? value.value : value

export type JsonObject = Readonly<Record<string, unknown>>
export type MapValue = CelMap | JsonObject

/** A map made by an expression: keys may be strings, booleans and numbers; equal numbers of different types are one key. */
export class CelMap {
  readonly #entries = new Map<unknown, readonly [key: unknown, value: unknown]>()
  get size(): number {
    return this.#entries.size
  }
  get(key: unknown): readonly [unknown, unknown] | undefined {
    return this.#entries.get(keyOf(key))
  }
  set(key: unknown, value: unknown): void {
    this.#entries.set(keyOf(key), [key, value])
  }
  has(key: unknown): boolean {
    return this.#entries.has(keyOf(key))
  }
  entries(): Iterable<readonly [unknown, unknown]> {
    return this.#entries.values()
  }
}
function keyOf(key: unknown): unknown {
  if (typeof key === 'string' || typeof key === 'boolean' || typeof key === 'number') return key
  if (key instanceof Double) return key.value
  const big = key instanceof Uint ? key.value : key
  if (typeof big !== 'bigint') throw new CelError(`unsupported key type: ${typeNameOf(key)}`)
  return toInt(big)
}

/** The shortest form of an integer. */
export const toInt = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value

export type Kind =
  | 'null'
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'timestamp'
  | 'duration'
  | 'list'
  | 'map'
  | 'optional'
  | 'type'
  | 'opaque'
  | 'object'

export function kindOf(value: unknown): Kind {
  switch (typeof value) {
    case 'string':
      return 'string'
    case 'boolean':
      return 'bool'
    case 'number':
    case 'bigint':
      // a fraction from JSON is a double that nothing has wrapped yet
      return typeof value === 'bigint' || Number.isInteger(value) ? 'int' : 'double'
  }
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'list'
  if (value instanceof Double) return 'double'
  if (value instanceof Uint) return 'uint'
  if (value instanceof Optional) return 'optional'
  if (value instanceof CelMap) return 'map'
  if (value instanceof Timestamp) return 'timestamp'
  if (value instanceof Duration) return 'duration'
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof TypeValue) return 'type'
  if (value instanceof Opaque) return 'opaque'
  if (value instanceof Struct) return 'object'
  return 'map'
}

const TYPE_NAMES: Readonly<Record<Kind, string>> = {
  null: 'null_type',
  bool: 'bool',
  int: 'int',
  uint: 'uint',
  double: 'double',
  string: 'string',
  bytes: 'bytes',
  timestamp: 'google.protobuf.Timestamp',
  duration: 'google.protobuf.Duration',
  list: 'list',
  map: 'map',
  optional: 'optional_type',
  type: 'type',
  opaque: '',
  object: '',
}
export function typeNameOf(value: unknown): string {
  if (value instanceof Opaque || value instanceof Struct) return value.typeName
  return TYPE_NAMES[kindOf(value)]
}

/** A double from its wrapped or its JSON form. */
export const doubleOf = (value: unknown): number => (value instanceof Double ? value.value : Number(value))

export const mapSize = (map: MapValue): number => (map instanceof CelMap ? map.size : Object.keys(map).length)
export function mapEntries(map: MapValue): Iterable<readonly [unknown, unknown]> {
  return map instanceof CelMap ? map.entries() : Object.entries(map)
}
/** undefined when there is no such key. */
export function mapGet(map: MapValue, key: unknown): { value: unknown } | undefined {
  if (map instanceof CelMap) {
    const kind = kindOf(key)
    if (kind !== 'string' && kind !== 'bool' && kind !== 'int' && kind !== 'uint' && kind !== 'double') return undefined
    const entry = map.get(key)
    return entry && { value: entry[1] }
  }
  return typeof key === 'string' && Object.hasOwn(map, key) ? { value: map[key] } : undefined
}

const NUMERIC = new Set<Kind>(['int', 'uint', 'double'])
export const isNumeric = (kind: Kind) => NUMERIC.has(kind)

/** Numbers of any two types; undefined when one is not a number (NaN). */
export function compareNumbers(a: unknown, b: unknown): number | undefined {
  const left = numberOf(a)
  const right = numberOf(b)
  // JavaScript compares numbers with bigints exactly
  if (left < right) return -1
  if (left > right) return 1
  return left <= right ? 0 : undefined
}
const numberOf = (value: unknown): number | bigint =>
  value instanceof Double || value instanceof Uint ? value.value : (value as number | bigint)

/** CEL's `==`: values of different types are different, numbers compare across types. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b && typeof a !== 'number') return true
  const kind = kindOf(a)
  const other = kindOf(b)
  if (isNumeric(kind)) return isNumeric(other) && compareNumbers(a, b) === 0
  if (kind === 'map' || kind === 'object')
    return kind === other && equalMaps(a as MapValue | Struct, b as MapValue | Struct)
  if (kind !== other) return false
  switch (kind) {
    case 'null':
      return true
    case 'list': {
      const [left, right] = [a as unknown[], b as unknown[]]
      const semantics = listSemantics.get(left) ?? listSemantics.get(right)
      if (semantics) return equalUnordered(left, right, semantics)
      return left.length === right.length && left.every((item, i) => equal(item, right[i]))
    }
    case 'bytes':
      return Buffer.compare(a as Uint8Array, b as Uint8Array) === 0
    case 'timestamp':
    case 'duration':
      return (a as Duration).ns === (b as Duration).ns
    case 'type':
      return (a as TypeValue).name === (b as TypeValue).name
    case 'optional': {
      const [left, right] = [a as Optional, b as Optional]
      return left.present === right.present && (!left.present || equal(left.value, right.value))
    }
    case 'opaque':
      return typeNameOf(a) === typeNameOf(b) && (a as Opaque).equals(b as Opaque)
    default:
      return a === b
  }
}
function equalUnordered(left: unknown[], right: unknown[], semantics: ListSemantics): boolean {
  if (left.length !== right.length) return false
  const byKey = new Map(right.map((item) => [elementKey(item, semantics), item]))
  return left.every((item) => {
    const key = elementKey(item, semantics)
    return byKey.has(key) && equal(item, byKey.get(key))
  })
}
function equalMaps(a: MapValue | Struct, b: MapValue | Struct): boolean {
  if (a instanceof Struct || b instanceof Struct) {
    if (!(a instanceof Struct && b instanceof Struct && a.typeName === b.typeName)) return false
    return equalMaps(a.fields, b.fields)
  }
  if (mapSize(a) !== mapSize(b)) return false
  for (const [key, value] of mapEntries(a)) {
    const found = mapGet(b, key)
    if (!found || !equal(value, found.value)) return false
  }
  return true
}

/** Negative, 0 or positive. Throws when the two have no order. */
export function compare(a: unknown, b: unknown): number {
  const kind = kindOf(a)
  const other = kindOf(b)
  if (isNumeric(kind) && isNumeric(other)) {
    const order = compareNumbers(a, b)
    if (order === undefined) throw new CelError('NaN values cannot be ordered')
    return order
  }
  if (kind !== other) throw noSuchOverload()
  switch (kind) {
    case 'string':
      return compareStrings(a as string, b as string)
    case 'bool':
      return Number(a) - Number(b)
    case 'bytes':
      return Buffer.compare(a as Uint8Array, b as Uint8Array)
    case 'timestamp':
    case 'duration': {
      const difference = (a as Duration).ns - (b as Duration).ns
      return difference < 0n ? -1 : difference > 0n ? 1 : 0
    }
    default:
      throw noSuchOverload()
  }
}
/** By code points (UTF-8 order), where JavaScript goes by UTF-16 units. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const [left, right] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (left === right) continue
    const surrogates = Number(isSurrogate(left)) - Number(isSurrogate(right))
    return surrogates !== 0 ? surrogates : left - right
  }
  return a.length - b.length
}
const isSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdfff

/** Characters of a string: code points. */
export function stringSize(text: string): number {
  let size = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0xd800 && unit <= 0xdbff && i + 1 < text.length && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      size--
      i++
    }
  }
  return size
}

/** What cost accounting takes as a value's size. */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string') return stringSize(value)
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length
  if (value instanceof Optional) return value.present ? sizeOf(value.value) : 1
  if (value instanceof Opaque) return value.size
  switch (kindOf(value)) {
    case 'map':
      return mapSize(value as MapValue)
    case 'object':
      return Object.keys((value as Struct).fields).length
    default:
      return 1
  }
}
