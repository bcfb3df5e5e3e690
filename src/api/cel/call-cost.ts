// What a call costs at run time, from the sizes of its arguments and result. k8s: these numbers decide which expressions run to their
// end, so they are the reference's own.
import { kindOf, type MapValue, mapEntries, Opaque, sizeOf } from './values.ts'

export const LIST_COST = 10
export const MAP_COST = 30
export const STRUCT_COST = 40
export const STRING_FACTOR = 0.1
export const REGEX_FACTOR = 0.25
export const AUTHORIZATION_CHECK_COST = 350_000
export const MAX_FORMAT_REGEX = 128

export type CallCost = (args: readonly unknown[], result: unknown) => number

const traversal = (size: number) => Math.ceil(size * STRING_FACTOR)
const regex = (text: number, pattern: number) => traversal(text + 1) * Math.ceil(pattern * REGEX_FACTOR)
const firstArg: CallCost = ([text]) => traversal(sizeOf(text))
const twiceFirst: CallCost = ([text]) => Math.ceil(sizeOf(text) * 2 * STRING_FACTOR)
const smaller: CallCost = ([a, b]) => traversal(Math.min(sizeOf(a), sizeOf(b)))
const equality: CallCost = (args, result) => (args[0] instanceof Opaque ? 1 : smaller(args, result))
const selector: CallCost = ([, text]) => {
  const size = sizeOf(text)
  return LIST_COST + traversal(size) + Math.ceil(Math.ceil(size * 0.5) * (LIST_COST + STRUCT_COST))
}
const allocating = (factor: number, size: number) => Math.trunc(size * factor) + 1 + LIST_COST
const selfCompare = (list: readonly unknown[]) => {
  const kind = list.length > 0 ? kindOf(list[0]) : 'int'
  return allocating(kind === 'string' || kind === 'bytes' ? 2 + STRING_FACTOR : 2, list.length ** 2)
}
const visit: CallCost = ([value]) => traverse(value)
const within =
  (steps: number, extra: number): CallCost =>
  ([cidr, other]) =>
    traversal(2 * sizeOf(cidr)) +
    (steps > 0 ? traversal(sizeOf(cidr)) + extra : 0) +
    (typeof other === 'string' ? traversal(sizeOf(other)) : 0)

function traverse(value: unknown): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return Math.trunc(byteLength(value) * STRING_FACTOR)
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + traverse(item), 0)
  if (kindOf(value) !== 'map') return 1
  let sum = 0
  for (const [key, item] of mapEntries(value as MapValue)) sum += traverse(key) + traverse(item)
  return sum
}
const byteLength = (value: string | Uint8Array) => (typeof value === 'string' ? Buffer.byteLength(value) : value.length)

const BY_FUNCTION: Readonly<Record<string, CallCost>> = {
  check: () => AUTHORIZATION_CHECK_COST,
  fieldSelector: selector,
  labelSelector: selector,
  isSorted: visit,
  sum: visit,
  max: visit,
  min: visit,
  indexOf: visit,
  lastIndexOf: visit,
  url: firstArg,
  lowerAscii: firstArg,
  upperAscii: firstArg,
  substring: firstArg,
  trim: firstArg,
  'jsonpatch.escapeKey': firstArg,
  replace: twiceFirst,
  split: twiceFirst,
  join: (_args, result) => Math.ceil(sizeOf(result) * 2 * STRING_FACTOR),
  find: ([text, pattern]) => regex(sizeOf(text), sizeOf(pattern)),
  findAll: ([text, pattern]) => regex(sizeOf(text), sizeOf(pattern)),
  cidr: firstArg,
  isIP: firstArg,
  isCIDR: firstArg,
  ip: ([arg]) => (typeof arg === 'string' ? traversal(sizeOf(arg)) : 1),
  'ip.isCanonical': twiceFirst,
  containsIP: within(0, 0),
  containsCIDR: within(1, 1),
  quantity: firstArg,
  isQuantity: firstArg,
  semver: firstArg,
  isSemver: firstArg,
  validate: ([format, text]) => regex(sizeOf(text), (format as { maxRegexSize: number }).maxRegexSize),
  '_==_': equality,
  '_!=_': smaller,
  'sets.contains': ([a, b]) => 1 + sizeOf(a) * sizeOf(b),
  'sets.intersects': ([a, b]) => 1 + sizeOf(a) * sizeOf(b),
  'sets.equivalent': ([a, b]) => 1 + sizeOf(a) * sizeOf(b) * 2,
  slice: (_args, result) => allocating(1, sizeOf(result)),
  'lists.range': ([n]) => allocating(1, typeof n === 'number' && n > 0 ? n : 1),
  reverse: ([list]) => allocating(1, sizeOf(list)),
  distinct: ([list]) => selfCompare(list as unknown[]),
  sort: ([list]) => selfCompare(list as unknown[]),
  '@sortByAssociatedKeys': ([, keys]) => selfCompare(keys as unknown[]),
  flatten: ([list, depth]) => {
    const factor = typeof depth === 'number' ? depth : 1
    return allocating(factor < 0 ? 1 : factor, sizeOf(list))
  },
  format: firstArg,
  'strings.quote': firstArg,
}
const BY_OVERLOAD: Readonly<Record<string, CallCost>> = {
  starts_with_string: ([, prefix]) => traversal(sizeOf(prefix)),
  ends_with_string: ([, suffix]) => traversal(sizeOf(suffix)),
  string_to_bytes: firstArg,
  bytes_to_string: firstArg,
  in_list: ([, list]) => sizeOf(list),
  less_string: smaller,
  less_bytes: smaller,
  add_string: ([a, b]) => traversal(sizeOf(a) + sizeOf(b)),
  add_bytes: ([a, b]) => traversal(sizeOf(a) + sizeOf(b)),
  matches: ([text, pattern]) => regex(sizeOf(text), sizeOf(pattern)),
  contains_string: ([text, part]) => traversal(sizeOf(text)) * traversal(sizeOf(part)),
}
/** Their cost is known from the result only. */
const BY_RESULT = new Set(['join', 'slice'])
/** k8s: these are no calls to the cost accounting. */
const FREE = new Set(['or', 'orValue'])

export interface CallCosts {
  readonly cost: CallCost | undefined
  readonly byResult: boolean
}
/** undefined: 1. */
export function costOfCall(fn: string, id: string): CallCosts {
  if (FREE.has(fn)) return { cost: () => 0, byResult: false }
  const table = Object.hasOwn(BY_OVERLOAD, id)
    ? BY_OVERLOAD[id]
    : Object.hasOwn(BY_FUNCTION, fn)
      ? BY_FUNCTION[fn]
      : undefined
  return { cost: table, byResult: BY_RESULT.has(fn) }
}
