// Macros: `has`, and the calls that become folds over a list or a map (all, exists, map, filter …) or bindings (optMap, sortBy).
import type { CallExpr, Expr, FoldExpr, IdentExpr } from './ast.ts'

/** Names that no expression can write. */
export const ACCUMULATOR = '@result'
const UNUSED = '#unused'

export class MacroError extends Error {
  readonly pos: number
  constructor(pos: number, message: string) {
    super(message)
    this.pos = pos
  }
}

type Build = (target: Expr, args: readonly Expr[], pos: number) => Expr

const literal = (pos: number, value: unknown): Expr => ({ kind: 'literal', pos, value })
const ident = (pos: number, name: string): IdentExpr => ({ kind: 'ident', pos, name })
const call = (pos: number, fn: string, ...args: Expr[]): CallExpr => ({
  kind: 'call',
  pos,
  fn,
  target: undefined,
  args,
})
const member = (pos: number, target: Expr, fn: string, ...args: Expr[]): CallExpr => ({
  kind: 'call',
  pos,
  fn,
  target,
  args,
})
const list = (pos: number, ...items: Expr[]): Expr => ({ kind: 'list', pos, items, optional: new Set() })
const accu = (pos: number) => ident(pos, ACCUMULATOR)

const variable = (expr: Expr, message = 'argument must be a simple name'): string => {
  if (expr.kind !== 'ident') throw new MacroError(expr.pos, message)
  return expr.name
}
const NO_IDENTIFIER = 'argument is not an identifier'
function variables(first: Expr, second: Expr): [string, string] {
  const names: [string, string] = [variable(first), variable(second)]
  if (names[0] === names[1]) throw new MacroError(second.pos, `duplicate variable name: ${names[0]}`)
  return names
}

type Vars = readonly [string, string | undefined]
type Parts = Pick<FoldExpr, 'accuInit' | 'condition' | 'step' | 'result'>
const fold = (pos: number, range: Expr, [iterVar, iterVar2]: Vars, parts: Parts): Expr => ({
  kind: 'fold',
  pos,
  iterVar,
  iterVar2,
  range,
  accuVar: ACCUMULATOR,
  ...parts,
})
const all = (range: Expr, vars: Vars, test: Expr, pos: number) =>
  fold(pos, range, vars, {
    accuInit: literal(pos, true),
    condition: call(pos, '@not_strictly_false', accu(pos)),
    step: call(pos, '_&&_', accu(pos), test),
    result: accu(pos),
  })
const exists = (range: Expr, vars: Vars, test: Expr, pos: number) =>
  fold(pos, range, vars, {
    accuInit: literal(pos, false),
    condition: call(pos, '@not_strictly_false', call(pos, '!_', accu(pos))),
    step: call(pos, '_||_', accu(pos), test),
    result: accu(pos),
  })
const existsOne = (range: Expr, vars: Vars, test: Expr, pos: number) =>
  fold(pos, range, vars, {
    accuInit: literal(pos, 0),
    condition: literal(pos, true),
    step: call(pos, '_?_:_', test, call(pos, '_+_', accu(pos), literal(pos, 1)), accu(pos)),
    result: call(pos, '_==_', accu(pos), literal(pos, 1)),
  })
/** Collects into a list or a map; `test` leaves elements out. */
const collect = (range: Expr, vars: Vars, test: Expr | undefined, accuInit: Expr, add: Expr, pos: number) =>
  fold(pos, range, vars, {
    accuInit,
    condition: literal(pos, true),
    step: test ? call(pos, '_?_:_', test, add, accu(pos)) : add,
    result: accu(pos),
  })
const emptyMap = (pos: number): Expr => ({ kind: 'map', pos, entries: [] })
const append = (pos: number, item: Expr) => call(pos, '_+_', accu(pos), list(pos, item))

/** The name stands for the value while `result` is evaluated. */
const bind = (pos: number, name: string, value: Expr, result: Expr): Expr => ({
  kind: 'fold',
  pos,
  iterVar: UNUSED,
  iterVar2: undefined,
  range: list(pos),
  accuVar: name,
  accuInit: value,
  condition: literal(pos, false),
  step: ident(pos, name),
  result,
})

const OPTIONAL_TARGET = '@optional_target'
const optional =
  (flat: boolean): Build =>
  (target, [name, value], pos) => {
    const fn = flat ? 'optFlatMap' : 'optMap'
    const variableName = variable(name!, `${fn}() variable name must be a simple identifier`)
    const subject = () => (target.kind === 'ident' ? target : ident(pos, OPTIONAL_TARGET))
    const bound = bind(pos, variableName, member(pos, subject(), 'value'), value!)
    const present = flat ? bound : call(pos, 'optional.of', bound)
    const chosen = call(pos, '_?_:_', member(pos, subject(), 'hasValue'), present, call(pos, 'optional.none'))
    return target.kind === 'ident' ? chosen : bind(pos, OPTIONAL_TARGET, target, chosen)
  }

const SORT_INPUT = '@__sortBy_input__'
const sortBy: Build = (target, [name, key], pos) => {
  const input = () => ident(pos, SORT_INPUT)
  const keys = collect(input(), [variable(name!), undefined], undefined, list(pos), append(pos, key!), pos)
  return bind(pos, SORT_INPUT, target, member(pos, input(), '@sortByAssociatedKeys', keys))
}

/** By name and number of arguments. */
const MEMBER_MACROS: ReadonlyMap<string, Build> = new Map<string, Build>([
  ['all/2', (t, [x, p], pos) => all(t, [variable(x!), undefined], p!, pos)],
  ['exists/2', (t, [x, p], pos) => exists(t, [variable(x!), undefined], p!, pos)],
  ['exists_one/2', (t, [x, p], pos) => existsOne(t, [variable(x!), undefined], p!, pos)],
  ['existsOne/2', (t, [x, p], pos) => existsOne(t, [variable(x!), undefined], p!, pos)],
  [
    'map/2',
    (t, [x, e], pos) =>
      collect(t, [variable(x!, NO_IDENTIFIER), undefined], undefined, list(pos), append(pos, e!), pos),
  ],
  [
    'map/3',
    (t, [x, p, e], pos) => collect(t, [variable(x!, NO_IDENTIFIER), undefined], p!, list(pos), append(pos, e!), pos),
  ],
  [
    'filter/2',
    (t, [x, p], pos) => collect(t, [variable(x!, NO_IDENTIFIER), undefined], p!, list(pos), append(pos, x!), pos),
  ],
  ['all/3', (t, [i, v, p], pos) => all(t, variables(i!, v!), p!, pos)],
  ['exists/3', (t, [i, v, p], pos) => exists(t, variables(i!, v!), p!, pos)],
  ['exists_one/3', (t, [i, v, p], pos) => existsOne(t, variables(i!, v!), p!, pos)],
  ['existsOne/3', (t, [i, v, p], pos) => existsOne(t, variables(i!, v!), p!, pos)],
  ['transformList/3', (t, [i, v, e], pos) => collect(t, variables(i!, v!), undefined, list(pos), append(pos, e!), pos)],
  ['transformList/4', (t, [i, v, p, e], pos) => collect(t, variables(i!, v!), p!, list(pos), append(pos, e!), pos)],
  ['transformMap/3', (t, [i, v, e], pos) => transformMap(t, variables(i!, v!), i!, undefined, e!, pos)],
  ['transformMap/4', (t, [i, v, p, e], pos) => transformMap(t, variables(i!, v!), i!, p!, e!, pos)],
  ['transformMapEntry/3', (t, [i, v, e], pos) => transformEntry(t, variables(i!, v!), undefined, e!, pos)],
  ['transformMapEntry/4', (t, [i, v, p, e], pos) => transformEntry(t, variables(i!, v!), p!, e!, pos)],
  ['optMap/2', optional(false)],
  ['optFlatMap/2', optional(true)],
  ['sortBy/2', sortBy],
])
const transformMap = (t: Expr, vars: Vars, key: Expr, test: Expr | undefined, value: Expr, pos: number) =>
  collect(t, vars, test, emptyMap(pos), call(pos, 'cel.@mapInsert', accu(pos), key, value), pos)
const transformEntry = (t: Expr, vars: Vars, test: Expr | undefined, entry: Expr, pos: number) =>
  collect(t, vars, test, emptyMap(pos), call(pos, 'cel.@mapInsert', accu(pos), entry), pos)

/** The expansion of a call; undefined when it is no macro. */
export function expandMacro(
  fn: string,
  target: Expr | undefined,
  args: readonly Expr[],
  pos: number,
): Expr | undefined {
  if (target) return MEMBER_MACROS.get(`${fn}/${args.length}`)?.(target, args, pos)
  if (fn !== 'has' || args.length !== 1) return undefined
  const arg = args[0]!
  if (arg.kind !== 'select' || arg.test || arg.optional) {
    throw new MacroError(arg.pos, 'invalid argument to has() macro')
  }
  return { ...arg, test: true }
}
