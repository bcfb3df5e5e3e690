// Lists: Kubernetes' own functions (sum, min, isSorted …), the lists extension (version 3), sets, and optional values.
import { CelError, noSuchOverload } from '../errors.ts'
import { type Library, overload } from '../functions.ts'
import {
  compare,
  Double,
  Duration,
  doubleOf,
  equal,
  kindOf,
  type MapValue,
  mapSize,
  NONE,
  Optional,
  toInt,
  Uint,
} from '../values.ts'
import { duration } from './time.ts'

type Int = number | bigint
type List = readonly unknown[]
const COMPARABLE = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes']
const of = (types: readonly string[], signature: (type: string) => string, run: (...args: never[]) => unknown) =>
  types.map((type) => overload(signature(type), run))

function isSorted(list: List): boolean {
  return list.every((item, i) => i === 0 || compare(list[i - 1], item) <= 0)
}
function extreme(list: List, name: string, wanted: number): unknown {
  if (list.length === 0) throw new CelError(`${name} called on empty list`)
  return list.reduce((best, item) => (Math.sign(compare(item, best)) === wanted ? item : best))
}
const MAX = 2n ** 63n - 1n

function sum(list: List, zero: unknown): unknown {
  const kind = kindOf(list[0] ?? zero)
  if (kind === 'double') return new Double(list.reduce<number>((total, item) => total + doubleOf(item), 0))
  let total = 0n
  for (const item of list) {
    if (kindOf(item) !== kind) throw noSuchOverload()
    total += kind === 'int' ? BigInt(item as number) : kind === 'uint' ? (item as Uint).value : (item as Duration).ns
  }
  if (kind === 'duration') return duration(total)
  if (kind === 'uint') {
    if (total > 2n * MAX + 1n) throw new CelError('unsigned integer overflow')
    return new Uint(total)
  }
  if (total > MAX || total < -MAX - 1n) throw new CelError('integer overflow')
  return toInt(total)
}

function slice(list: List, from: Int, to: Int): unknown[] {
  if (from < 0 || to < 0) throw new CelError(`cannot slice(${from}, ${to}), negative indexes not supported`)
  if (from > to) throw new CelError(`cannot slice(${from}, ${to}), start index must be less than or equal to end index`)
  if (to > list.length) throw new CelError(`cannot slice(${from}, ${to}), list is length ${list.length}`)
  return list.slice(Number(from), Number(to))
}
function flatten(list: List, depth: Int = 1): unknown[] {
  if (depth < 0) throw new CelError('level must be non-negative')
  return (list as unknown[]).flat(Math.min(Number(depth), 1000))
}
function distinct(list: List): unknown[] {
  const plain = new Set<unknown>()
  const found: unknown[] = []
  for (const item of list) {
    if (typeof item === 'string' || typeof item === 'boolean') {
      if (plain.has(item)) continue
      plain.add(item)
    } else if (found.some((known) => equal(known, item))) continue
    found.push(item)
  }
  return found
}
const checkSortable = (keys: List) => {
  const first = keys.length > 0 ? kindOf(keys[0]) : undefined
  if (first && !COMPARABLE.includes(first)) throw new CelError('list elements must be comparable')
  if (keys.some((key) => kindOf(key) !== first)) throw new CelError('list elements must have the same type')
}
function sort(list: List): unknown[] {
  checkSortable(list)
  return [...list].sort(compare)
}
function sortByKeys(list: List, keys: List): unknown[] {
  checkSortable(keys)
  const order = keys.map((key, i) => ({ key, i })).sort((a, b) => compare(a.key, b.key))
  return order.map(({ i }) => list[i])
}
function range(size: Int): number[] {
  if (size < 0) throw new CelError(`lists.range: size must be non-negative, got ${size}`)
  return Array.from({ length: Number(size) }, (_, i) => i)
}

const contains = (list: List, part: List) => part.every((item) => list.some((other) => equal(item, other)))

function isZero(value: unknown): boolean {
  switch (kindOf(value)) {
    case 'null':
      return true
    case 'list':
    case 'bytes':
      return (value as List).length === 0
    case 'map':
      return mapSize(value as MapValue) === 0
    case 'double':
      return doubleOf(value) === 0
    case 'uint':
      return (value as Uint).value === 0n
    case 'duration':
      return (value as Duration).ns === 0n
    case 'optional':
      return !(value as Optional).present
    default:
      return value === 0 || value === '' || value === false
  }
}

export const listsLibrary: Library = {
  isSorted: of(COMPARABLE, (t) => `list<${t}>.() bool`, isSorted),
  sum: [
    overload('list<int>.() int', (list: List) => sum(list, 0)),
    overload('list<uint>.() uint', (list: List) => sum(list, new Uint(0n))),
    overload('list<double>.() double', (list: List) => sum(list, new Double(0))),
    overload('list<duration>.() duration', (list: List) => sum(list, new Duration(0n))),
  ],
  max: of(
    COMPARABLE,
    (t) => `list<${t}>.() ${t}`,
    (list: List) => extreme(list, 'max', 1),
  ),
  min: of(
    COMPARABLE,
    (t) => `list<${t}>.() ${t}`,
    (list: List) => extreme(list, 'min', -1),
  ),
  indexOf: [overload('list<A>.(A) int', (list: List, item: unknown) => list.findIndex((other) => equal(other, item)))],
  lastIndexOf: [
    overload('list<A>.(A) int', (list: List, item: unknown) => list.findLastIndex((other) => equal(other, item))),
  ],
  slice: [overload('list<A>.(int, int) list<A>', slice)],
  flatten: [
    overload('list<list<A>>.() list<A>', (list: List) => flatten(list)),
    overload('list<dyn>.(int) list<dyn>', flatten),
  ],
  distinct: [overload('list<A>.() list<A>', distinct)],
  reverse: [overload('list<A>.() list<A>', (list: List) => [...list].reverse())],
  sort: of(COMPARABLE, (t) => `list<${t}>.() list<${t}>`, sort),
  '@sortByAssociatedKeys': of(COMPARABLE, (t) => `list<A>.(list<${t}>) list<A>`, sortByKeys),
  'lists.range': [overload('(int) list<int>', range)],
  first: [overload('list<A>.() optional<A>', (list: List) => (list.length > 0 ? new Optional(true, list[0]) : NONE))],
  last: [
    overload('list<A>.() optional<A>', (list: List) => (list.length > 0 ? new Optional(true, list.at(-1)) : NONE)),
  ],
}

export const setsLibrary: Library = {
  'sets.contains': [overload('(list<A>, list<A>) bool', contains)],
  'sets.equivalent': [overload('(list<A>, list<A>) bool', (a: List, b: List) => contains(a, b) && contains(b, a))],
  'sets.intersects': [
    overload('(list<A>, list<A>) bool', (a: List, b: List) => a.some((item) => b.some((other) => equal(item, other)))),
  ],
}

export const optionalLibrary: Library = {
  'optional.of': [overload('(A) optional<A>', (value: unknown) => new Optional(true, value))],
  'optional.none': [overload('() optional<A>', () => NONE)],
  'optional.ofNonZeroValue': [
    overload('(A) optional<A>', (value: unknown) => (isZero(value) ? NONE : new Optional(true, value))),
  ],
  hasValue: [overload('optional<A>.() bool', ({ present }: Optional) => present)],
  value: [
    overload('optional<A>.() A', ({ present, value }: Optional) => {
      if (!present) throw new CelError('optional.none() dereference')
      return value
    }),
  ],
  // evaluated by the interpreter: the alternative only when it is needed
  or: [overload('optional<A>.(optional<A>) optional<A>', (value: Optional) => value)],
  orValue: [overload('optional<A>.(A) A', (value: Optional) => value)],
  'optional.unwrap': [
    overload('(list<optional<A>>) list<A>', (list: Optional[]) => list.filter((o) => o.present).map((o) => o.value)),
  ],
  unwrapOpt: [
    overload('list<optional<A>>.() list<A>', (list: Optional[]) => list.filter((o) => o.present).map((o) => o.value)),
  ],
}
