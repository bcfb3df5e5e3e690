// The tree of an expression, as the parser makes it: macros are already expanded into folds, positions are offsets into the source.
import type { CelType } from './types.ts'

interface Base {
  readonly pos: number
  /** Set by the checker. */
  type?: CelType
}
export interface LiteralExpr extends Base {
  readonly kind: 'literal'
  /** A value of this engine: see values.ts. */
  readonly value: unknown
}
export interface IdentExpr extends Base {
  readonly kind: 'ident'
  readonly name: string
  /** `.name`: a name that local variables do not hide. */
  readonly absolute?: boolean
  /** Set by the checker: the name of the type that this names. */
  typeName?: string
}
export interface SelectExpr extends Base {
  readonly kind: 'select'
  readonly operand: Expr
  readonly field: string
  /** `has(a.b)` */
  readonly test: boolean
  /** `a.?b` */
  readonly optional: boolean
  /** Set by the checker where a dotted name is one variable or type. */
  qualified?: IdentExpr
  jsonName?: string
}
export interface CallExpr extends Base {
  readonly kind: 'call'
  fn: string
  target: Expr | undefined
  readonly args: readonly Expr[]
  /** Set by the checker: which overloads may apply. */
  overloads?: readonly unknown[]
}
export interface ListExpr extends Base {
  readonly kind: 'list'
  readonly items: readonly Expr[]
  readonly optional: ReadonlySet<number>
}
export interface MapEntry {
  readonly key: Expr
  readonly value: Expr
  readonly optional: boolean
}
export interface MapExpr extends Base {
  readonly kind: 'map'
  readonly entries: readonly MapEntry[]
}
export interface StructField {
  readonly name: string
  readonly value: Expr
  readonly optional: boolean
  readonly pos: number
  jsonName?: string
}
export interface StructExpr extends Base {
  readonly kind: 'struct'
  readonly name: string
  readonly fields: readonly StructField[]
}
/** What macros become: for each element of `range`, while `condition`: accumulator = `step`; then `result`. */
export interface FoldExpr extends Base {
  readonly kind: 'fold'
  readonly iterVar: string
  readonly iterVar2: string | undefined
  readonly range: Expr
  readonly accuVar: string
  readonly accuInit: Expr
  readonly condition: Expr
  readonly step: Expr
  readonly result: Expr
}
export type Expr = LiteralExpr | IdentExpr | SelectExpr | CallExpr | ListExpr | MapExpr | StructExpr | FoldExpr
