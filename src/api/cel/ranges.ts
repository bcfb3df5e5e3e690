// Ranges of costs and sizes, and what estimates know about an operand. Sums and products stop at the largest cost.
import type { Expr } from './ast.ts'
import type { CelType } from './types.ts'

export interface CostRange {
  readonly min: number
  readonly max: number
}
export type Size = CostRange
/** The size of what a path leads to: a variable's name, then field names, `@items`, `@keys` or `@values`. */
export type SizeHint = (path: readonly string[]) => Size | undefined

/** The largest cost: an unsigned integer of 64 bits. */
export const MAX_COST = 2 ** 64
export const range = (min: number, max = min): CostRange => ({ min, max })
const capped = (value: number) => Math.min(value, MAX_COST)
export const plus = (a: CostRange, b: CostRange): CostRange => range(capped(a.min + b.min), capped(a.max + b.max))
export const times = (a: CostRange, b: CostRange): CostRange => range(capped(a.min * b.min), capped(a.max * b.max))
export const scaled = (a: CostRange, factor: number): CostRange =>
  range(capped(Math.ceil(a.min * factor)), capped(Math.ceil(a.max * factor)))
export const union = (a: CostRange, b: CostRange): CostRange => range(Math.min(a.min, b.min), Math.max(a.max, b.max))
export const NOTHING = range(0)
export const ONE = range(1)
export const UNKNOWN_SIZE: Size = range(0, MAX_COST)

/** A node as estimates of calls see it. */
export interface Operand {
  readonly expr: Expr | undefined
  readonly type: CelType
  readonly path: readonly string[]
  /** What is known without the hint about elements. */
  readonly size: Size | undefined
}
