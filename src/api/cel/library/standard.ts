// The language's own operators and functions: arithmetic with overflow, comparison, conversion, sizes, plain string functions.
import { CelError } from '../errors.ts'
import { type Library, overload } from '../functions.ts'
import {
  type CelMap,
  compare,
  Double,
  type Duration,
  doubleOf,
  elementKey,
  equal,
  listSemantics,
  type MapValue,
  mapEntries,
  mapGet,
  mapSize,
  stringSize,
  type Timestamp,
  TypeValue,
  toInt,
  typeNameOf,
  Uint,
} from '../values.ts'
import { matcher } from './regex-program.ts'
import { decodeUtf8, formatDouble } from './text.ts'
import { duration, formatDuration, formatTimestamp, secondsOf, timestamp } from './time.ts'

type Int = number | bigint
const MIN = -(2n ** 63n)
const MAX = 2n ** 63n - 1n
const MAX_UINT = 2n ** 64n - 1n
const overflow = () => new CelError('integer overflow')

const int = (value: bigint): Int => {
  if (value < MIN || value > MAX) throw overflow()
  return toInt(value)
}
const uint = (value: bigint): Uint => {
  if (value < 0n || value > MAX_UINT) throw new CelError('unsigned integer overflow')
  return new Uint(value)
}
/** Small numbers stay numbers; only what leaves 2^53 is computed again with bigints. */
const arithmetic =
  (fast: (a: number, b: number) => number, exact: (a: bigint, b: bigint) => bigint) =>
  (a: Int, b: Int): Int => {
    if (typeof a === 'number' && typeof b === 'number') {
      const result = fast(a, b)
      if (Number.isSafeInteger(result)) return result === 0 ? 0 : result
    }
    return int(exact(BigInt(a), BigInt(b)))
  }
const add = arithmetic(
  (a, b) => a + b,
  (a, b) => a + b,
)
const subtract = arithmetic(
  (a, b) => a - b,
  (a, b) => a - b,
)
const multiply = arithmetic(
  (a, b) => a * b,
  (a, b) => a * b,
)
const nonZero = <T extends Int>(value: T, what = 'division'): T => {
  if (!value) throw new CelError(`${what} by zero`)
  return value
}
const divide = arithmetic(
  (a, b) => Math.trunc(a / nonZero(b)),
  (a, b) => a / nonZero(b),
)
const modulo = arithmetic(
  (a, b) => a % nonZero(b, 'modulus'),
  (a, b) => a % nonZero(b, 'modulus'),
)
const uints = (compute: (a: bigint, b: bigint) => bigint) =>
  overload('(uint, uint) uint', (a: Uint, b: Uint) => uint(compute(a.value, b.value)))
const doubles = (compute: (a: number, b: number) => number) =>
  overload('(double, double) double', (a: unknown, b: unknown) => new Double(compute(doubleOf(a), doubleOf(b))))

const ORDERED = ['bool', 'string', 'bytes', 'timestamp', 'duration']
const NUMBERS = ['int', 'uint', 'double']
const relation = (test: (order: number) => boolean) => {
  const run = (a: unknown, b: unknown) => test(compare(a, b))
  return [
    ...ORDERED.map((t) =>
      overload(`(${t}, ${t}) bool`, run, t === 'string' ? 'less_string' : t === 'bytes' ? 'less_bytes' : undefined),
    ),
    ...NUMBERS.flatMap((a) => NUMBERS.map((b) => overload(`(${a}, ${b}) bool`, run))),
  ]
}

function addLists(a: unknown[], b: unknown[]): unknown[] {
  const semantics = listSemantics.get(a)
  if (!semantics) return [...a, ...b]
  // k8s: lists of list-type set and map keep the left order, take values from the right, and append what is new
  const merged = new Map(a.map((item) => [elementKey(item, semantics), item]))
  for (const item of b) merged.set(elementKey(item, semantics), item)
  const list = [...merged.values()]
  listSemantics.set(list, semantics)
  return list
}

const badConversion = (from: unknown, to: string) =>
  new CelError(`type conversion error from '${typeNameOf(from)}' to '${to}'`)

function doubleToInt(value: unknown): Int {
  const number = doubleOf(value)
  if (!(number > -(2 ** 63) && number < 2 ** 63)) throw overflow()
  const whole = Math.trunc(number)
  return Number.isSafeInteger(whole) ? (whole === 0 ? 0 : whole) : int(BigInt(whole))
}
function doubleToUint(value: unknown): Uint {
  const number = doubleOf(value)
  if (!(number >= 0 && number < 2 ** 64)) throw new CelError('unsigned integer overflow')
  return uint(BigInt(Math.trunc(number)))
}
function textToInt(text: string): Int {
  if (!/^[+-]?\d{1,40}$/.test(text)) throw badConversion(text, 'int')
  const value = BigInt(text.replace(/^\+/, ''))
  if (value < MIN || value > MAX) throw badConversion(text, 'int')
  return toInt(value)
}
function textToUint(text: string): Uint {
  if (!/^\d{1,40}$/.test(text) || BigInt(text) > MAX_UINT) throw badConversion(text, 'uint')
  return new Uint(BigInt(text))
}
const SPECIAL: Readonly<Record<string, number>> = {
  inf: Number.POSITIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
  nan: Number.NaN,
}
function textToDouble(text: string): Double {
  const body = text.replace(/^[+-]/, '').toLowerCase()
  const special = Object.hasOwn(SPECIAL, body) ? SPECIAL[body]! : undefined
  if (special !== undefined) return new Double(text.startsWith('-') ? -special : special)
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) throw badConversion(text, 'double')
  return new Double(Number(text))
}
function textToBool(text: string): boolean {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false
  throw badConversion(text, 'bool')
}

const sizes: readonly [type: string, size: (value: never) => number][] = [
  ['string', stringSize],
  ['bytes', (value: Uint8Array) => value.length],
  ['list<A>', (value: unknown[]) => value.length],
  ['map<A, B>', (value: MapValue) => mapSize(value)],
]

function insert(map: CelMap, key: unknown, value: unknown): CelMap {
  if (map.has(key)) throw new CelError(`insert failed: key ${String(key)} already exists`)
  map.set(key, value)
  return map
}
const typeValue = (value: unknown) => new TypeValue(typeNameOf(value))
const identity = (value: unknown) => value

export const standardLibrary: Library = {
  '!_': [overload('(bool) bool', (value: boolean) => !value)],
  '-_': [
    overload('(int) int', (value: Int) => int(-BigInt(value))),
    overload('(double) double', (value: unknown) => new Double(-doubleOf(value))),
  ],
  '_&&_': [overload('(bool, bool) bool', identity)],
  '_||_': [overload('(bool, bool) bool', identity)],
  '_?_:_': [overload('(bool, A, A) A', identity, 'conditional')],
  '@not_strictly_false': [overload('(bool) bool', identity)],
  '_[_]': [
    overload('(list<A>, int) A', identity, 'index_list'),
    overload('(map<A, B>, A) B', identity, 'index_map'),
    overload('(optional<list<A>>, int) optional<A>', identity),
    overload('(optional<map<A, B>>, A) optional<B>', identity),
  ],
  '_[?_]': [
    overload('(list<A>, int) optional<A>', identity),
    overload('(map<A, B>, A) optional<B>', identity),
    overload('(optional<list<A>>, int) optional<A>', identity),
    overload('(optional<map<A, B>>, A) optional<B>', identity),
  ],
  '_==_': [overload('(A, A) bool', equal, 'equals')],
  '_!=_': [overload('(A, A) bool', (a: unknown, b: unknown) => !equal(a, b), 'not_equals')],
  '_<_': relation((order) => order < 0),
  '_<=_': relation((order) => order <= 0),
  '_>_': relation((order) => order > 0),
  '_>=_': relation((order) => order >= 0),
  '@in': [
    overload(
      '(A, list<A>) bool',
      (value: unknown, list: unknown[]) => list.some((item) => equal(item, value)),
      'in_list',
    ),
    overload('(A, map<A, B>) bool', (key: unknown, map: MapValue) => mapGet(map, key) !== undefined),
  ],
  '_+_': [
    overload('(int, int) int', add),
    uints((a, b) => a + b),
    doubles((a, b) => a + b),
    overload('(string, string) string', (a: string, b: string) => a + b, 'add_string'),
    overload(
      '(bytes, bytes) bytes',
      (a: Uint8Array, b: Uint8Array) => new Uint8Array(Buffer.concat([a, b])),
      'add_bytes',
    ),
    overload('(list<A>, list<A>) list<A>', addLists, 'add_list'),
    overload('(timestamp, duration) timestamp', (t: Timestamp, d: Duration) => timestamp(t.ns + d.ns, t.zoneMinutes)),
    overload('(duration, timestamp) timestamp', (d: Duration, t: Timestamp) => timestamp(t.ns + d.ns, t.zoneMinutes)),
    overload('(duration, duration) duration', (a: Duration, b: Duration) => duration(a.ns + b.ns)),
  ],
  '_-_': [
    overload('(int, int) int', subtract),
    uints((a, b) => a - b),
    doubles((a, b) => a - b),
    overload('(timestamp, timestamp) duration', (a: Timestamp, b: Timestamp) => duration(a.ns - b.ns)),
    overload('(timestamp, duration) timestamp', (t: Timestamp, d: Duration) => timestamp(t.ns - d.ns, t.zoneMinutes)),
    overload('(duration, duration) duration', (a: Duration, b: Duration) => duration(a.ns - b.ns)),
  ],
  '_*_': [overload('(int, int) int', multiply), uints((a, b) => a * b), doubles((a, b) => a * b)],
  '_/_': [overload('(int, int) int', divide), uints((a, b) => a / nonZero(b)), doubles((a, b) => a / b)],
  '_%_': [overload('(int, int) int', modulo), uints((a, b) => a % nonZero(b, 'modulus'))],
  size: sizes.flatMap(([type, size]) => [overload(`(${type}) int`, size), overload(`${type}.() int`, size)]),
  type: [overload('(A) type<A>', typeValue)],
  dyn: [overload('(A) dyn', identity, 'to_dyn')],
  int: [
    overload('(int) int', identity),
    overload('(uint) int', (value: Uint) => int(value.value)),
    overload('(double) int', doubleToInt),
    overload('(string) int', textToInt),
    overload('(timestamp) int', secondsOf),
    overload('(duration) int', ({ ns }: Duration) => toInt(ns)),
  ],
  uint: [
    overload('(uint) uint', identity),
    overload('(int) uint', (value: Int) => uint(BigInt(value))),
    overload('(double) uint', doubleToUint),
    overload('(string) uint', textToUint),
  ],
  double: [
    overload('(double) double', identity),
    overload('(int) double', (value: Int) => new Double(Number(value))),
    overload('(uint) double', (value: Uint) => new Double(Number(value.value))),
    overload('(string) double', textToDouble),
  ],
  bool: [overload('(bool) bool', identity), overload('(string) bool', textToBool)],
  bytes: [
    overload('(bytes) bytes', identity),
    overload('(string) bytes', (text: string) => new Uint8Array(Buffer.from(text)), 'string_to_bytes'),
  ],
  string: [
    overload('(string) string', identity),
    overload('(bool) string', String),
    overload('(int) string', String),
    overload('(uint) string', (value: Uint) => String(value.value)),
    overload('(double) string', (value: unknown) => formatDouble(doubleOf(value))),
    overload('(bytes) string', decodeUtf8, 'bytes_to_string'),
    overload('(timestamp) string', formatTimestamp),
    overload('(duration) string', formatDuration),
  ],
  startsWith: [
    overload('string.(string) bool', (text: string, part: string) => text.startsWith(part), 'starts_with_string'),
  ],
  endsWith: [overload('string.(string) bool', (text: string, part: string) => text.endsWith(part), 'ends_with_string')],
  contains: [overload('string.(string) bool', (text: string, part: string) => text.includes(part), 'contains_string')],
  matches: [
    overload('string.(string) bool', (text: string, pattern: string) => matcher(pattern).test(text), 'matches'),
    overload('(string, string) bool', (text: string, pattern: string) => matcher(pattern).test(text), 'matches'),
  ],
  'cel.@mapInsert': [
    overload('(map<A, B>, A, B) map<A, B>', insert),
    overload('(map<A, B>, map<A, B>) map<A, B>', (map: CelMap, entries: MapValue) => {
      for (const [key, value] of mapEntries(entries)) insert(map, key, value)
      return map
    }),
  ],
}
