// Estimates of single calls: cost and size of the result, from what is known about the arguments' sizes.
import {
  AUTHORIZATION_CHECK_COST,
  LIST_COST,
  MAX_FORMAT_REGEX,
  REGEX_FACTOR,
  STRING_FACTOR,
  STRUCT_COST,
} from './call-cost.ts'
import type { Overload } from './functions.ts'
import {
  type CostRange,
  MAX_COST,
  ONE,
  type Operand,
  plus,
  range,
  type Size,
  type SizeHint,
  scaled,
  times,
  UNKNOWN_SIZE,
} from './ranges.ts'
import { type CelType, DYN } from './types.ts'

export interface CallEstimate {
  readonly cost: CostRange
  readonly size?: Size | undefined
}
const traversal = (size: Size) => scaled(size, STRING_FACTOR)
const sizeOrUnknown = (operand: Operand | undefined): Size => operand?.size ?? UNKNOWN_SIZE
const isText = (type: CelType | undefined) => type?.kind === 'string' || type?.kind === 'bytes'

type Estimate = (
  target: Operand | undefined,
  args: readonly Operand[],
  overload: Overload,
  hint: SizeHint,
) => CallEstimate | undefined

const overFirst: Estimate = (_target, [text]) => ({ cost: traversal(sizeOrUnknown(text)) })
const overTarget: Estimate = (target) => ({ cost: traversal(sizeOrUnknown(target)), size: sizeOrUnknown(target) })
const elementSize = (list: Operand, hint: SizeHint): Size =>
  (list.path.length > 0 ? hint([...list.path, '@items']) : undefined) ?? UNKNOWN_SIZE

/** sum, min, indexOf …: each element once, texts by their length. */
const overElements: Estimate = (target, _args, _overload, hint) => {
  if (target?.type.kind !== 'list') return { cost: traversal(sizeOrUnknown(target)) }
  const each = isText(target.type.elem) ? plus(ONE, traversal(elementSize(target, hint))) : ONE
  return { cost: times(sizeOrUnknown(target), each) }
}
const selector: Estimate = (_target, [text]) => {
  const size = sizeOrUnknown(text)
  const requirements = scaled(scaled(size, 0.5), LIST_COST + STRUCT_COST)
  return { cost: plus(plus(range(LIST_COST), traversal(size)), requirements) }
}
const replace: Estimate = (target, [part, by]) => {
  const [text, from, to] = [sizeOrUnknown(target), sizeOrUnknown(part), sizeOrUnknown(by)]
  const max =
    from.min === 0
      ? (text.max + 1) * to.max + text.max
      : to.max <= from.min
        ? text.max
        : Math.ceil(text.max / from.min) * to.max
  const min =
    from.max === 0
      ? (text.min + 1) * to.min + text.min
      : from.max <= to.min
        ? text.min
        : Math.ceil(text.min / from.max) * to.min
  return { cost: scaled(text, 2 * STRING_FACTOR), size: range(Math.min(min, MAX_COST), Math.min(max, MAX_COST)) }
}
const split: Estimate = (target, args) => {
  const size = sizeOrUnknown(target)
  const limit = args[1]?.expr
  const fixed = limit?.kind === 'literal' && typeof limit.value === 'number' ? limit.value : undefined
  return {
    cost: scaled(size, 2 * STRING_FACTOR),
    size: range(0, fixed === undefined ? size.max : fixed < 0 ? MAX_COST : fixed),
  }
}
const join: Estimate = (target, [by], _overload, hint) => {
  const list = sizeOrUnknown(target)
  let size = target?.type.kind === 'list' ? times(list, elementSize(target, hint)) : range(0)
  if (by) {
    const between = range(Math.max(list.min - 1, 0), Math.max(list.max - 1, 0))
    size = plus(size, times(sizeOrUnknown(by), between))
  }
  return { cost: traversal(size), size }
}
const regexCost = (text: Size, pattern: Size) => times(traversal(plus(text, ONE)), scaled(pattern, REGEX_FACTOR))
const find: Estimate = (target, [pattern]) => {
  const text = sizeOrUnknown(target)
  return { cost: regexCost(text, sizeOrUnknown(pattern)), size: range(0, text.max) }
}
/** Addresses are 4 or 16 bytes. */
const ADDRESS = range(4, 16)
const within =
  (base: CostRange): Estimate =>
  (_target, [other]) => ({
    cost: other?.type.kind === 'string' ? plus(base, traversal(sizeOrUnknown(other))) : base,
  })
const ipComparison = traversal(plus(ADDRESS, ADDRESS))
const sets =
  (factor: number): Estimate =>
  (_target, [a, b]) => ({ cost: plus(scaled(times(sizeOrUnknown(a), sizeOrUnknown(b)), factor), ONE) })
const allocating = (cost: CostRange, size: Size): CallEstimate => ({ cost: plus(cost, range(LIST_COST + 1)), size })
const literalInt = (operand: Operand | undefined, otherwise: number): number => {
  const value = operand?.expr?.kind === 'literal' ? operand.expr.value : undefined
  return typeof value === 'number' ? Math.max(0, value) : otherwise
}
function selfCompare(counted: Operand | undefined, elem: CelType): CallEstimate {
  const size = sizeOrUnknown(counted)
  return allocating(scaled(times(size, size), isText(elem) ? 2 + STRING_FACTOR : 2), size)
}
const elemOf = (type: CelType | undefined): CelType => (type?.kind === 'list' ? type.elem : DYN)

const BY_FUNCTION: Readonly<Record<string, Estimate>> = {
  check: () => ({ cost: range(AUTHORIZATION_CHECK_COST) }),
  fieldSelector: selector,
  labelSelector: selector,
  isSorted: overElements,
  sum: overElements,
  max: overElements,
  min: overElements,
  indexOf: overElements,
  lastIndexOf: overElements,
  url: (_target, [text]) => ({ cost: traversal(sizeOrUnknown(text)), size: sizeOrUnknown(text) }),
  'jsonpatch.escapeKey': (_target, [text]) => ({ cost: traversal(sizeOrUnknown(text)), size: sizeOrUnknown(text) }),
  lowerAscii: overTarget,
  upperAscii: overTarget,
  substring: overTarget,
  trim: overTarget,
  replace,
  split,
  join,
  find,
  findAll: find,
  cidr: overFirst,
  isIP: overFirst,
  isCIDR: overFirst,
  ip: (target, args, overload, hint) => (target ? { cost: ONE } : overFirst(target, args, overload, hint)),
  'ip.isCanonical': (_target, [text]) => ({ cost: scaled(sizeOrUnknown(text), 2 * STRING_FACTOR) }),
  containsIP: within(ipComparison),
  containsCIDR: within(plus(plus(ipComparison, traversal(ADDRESS)), ONE)),
  quantity: overFirst,
  isQuantity: overFirst,
  semver: overFirst,
  isSemver: overFirst,
  validate: (_target, [text]) => ({
    cost: scaled(traversal(sizeOrUnknown(text)), MAX_FORMAT_REGEX * REGEX_FACTOR),
  }),
  'sets.contains': sets(1),
  'sets.intersects': sets(1),
  'sets.equivalent': sets(2),
  slice: (target, [from, to]) => {
    const count = range(Math.max(0, literalInt(to, sizeOrUnknown(target).max) - literalInt(from, 0)))
    return allocating(count, count)
  },
  'lists.range': (_target, [count]) => {
    const size = range(Math.max(0, literalInt(count, MAX_COST)))
    return allocating(size, size)
  },
  reverse: (target) => allocating(sizeOrUnknown(target), sizeOrUnknown(target)),
  flatten: (target, [depth]) => {
    const size = sizeOrUnknown(target)
    return allocating(scaled(size, depth ? literalInt(depth, MAX_COST) : 1), size)
  },
  distinct: (target) => selfCompare(target, elemOf(target?.type)),
  sort: (target, _args, overload) => selfCompare(target, elemOf(overload.args[0])),
  '@sortByAssociatedKeys': (_target, [keys], overload) => selfCompare(keys, elemOf(overload.args[1])),
}

export function estimateCall(
  fn: string,
  overload: Overload,
  target: Operand | undefined,
  args: readonly Operand[],
  hint: SizeHint,
): CallEstimate | undefined {
  if (Object.hasOwn(BY_FUNCTION, fn)) return BY_FUNCTION[fn]!(target, args, overload, hint)
  if (fn !== '_==_' || args[0]!.type.kind !== 'opaque' || args[1]!.type.kind !== 'opaque') return undefined
  return args[0]!.type.name === args[1]!.type.name ? { cost: ONE } : undefined
}

const smaller = (a: Operand, b: Operand): CallEstimate => {
  const most = Math.min(sizeOrUnknown(a).max, sizeOrUnknown(b).max)
  return { cost: traversal(range(most > 0 ? 1 : 0, most)) }
}

/** The language's own functions. */
export function estimateOverload(
  fn: string,
  { id }: Overload,
  target: Operand | undefined,
  args: readonly Operand[],
): CallEstimate | undefined {
  const first = sizeOrUnknown(args[0])
  switch (id) {
    case 'starts_with_string':
    case 'ends_with_string':
      return { cost: traversal(first) }
    case 'string_to_bytes':
      return { cost: traversal(first), size: range(first.min, Math.min(first.max * 4, MAX_COST)) }
    case 'bytes_to_string':
      return { cost: traversal(first), size: range(Math.trunc(first.min / 4), first.max) }
    case 'in_list':
      return { cost: sizeOrUnknown(args[1]) }
    case 'matches': {
      const [text, pattern] = target ? [target, args[0]] : args
      return { cost: regexCost(sizeOrUnknown(text), sizeOrUnknown(pattern)) }
    }
    case 'contains_string':
      return { cost: times(traversal(sizeOrUnknown(target)), traversal(first)) }
    case 'add_string':
    case 'add_bytes':
    case 'add_list': {
      const size = plus(first, sizeOrUnknown(args[1]))
      return { cost: id === 'add_list' ? ONE : traversal(size), size }
    }
    case 'less_string':
    case 'less_bytes':
    case 'equals':
    case 'not_equals':
      return smaller(args[0]!, args[1]!)
  }
  if (fn === 'format') return { cost: traversal(sizeOrUnknown(target)) }
  if (fn === 'strings.quote')
    return { cost: traversal(first), size: range(first.min + 2, Math.min(first.max * 2 + 2, MAX_COST)) }
  return undefined
}
