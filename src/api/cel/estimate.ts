// What an expression may cost, from its tree and from the sizes that schemas allow: decides which rules a custom resource may have. k8s:
// every number here is a compatibility promise.
import type { CallExpr, Expr, FoldExpr } from './ast.ts'
import { estimateCall, estimateOverload } from './estimate-calls.ts'
import type { Overload } from './functions.ts'
import {
  type CostRange,
  NOTHING,
  ONE,
  type Operand,
  plus,
  range,
  type Size,
  type SizeHint,
  times,
  UNKNOWN_SIZE,
  union,
} from './ranges.ts'
import { type CelType, DYN } from './types.ts'
import { kindOf, stringSize } from './values.ts'

interface Entry {
  readonly list: boolean
  readonly key: Size
  readonly value: Size
}
interface LocalVar {
  readonly name: string
  readonly path: readonly string[]
  readonly size: Size | undefined
  readonly entry: Entry | undefined
}

export function estimateCost(expr: Expr, hint: SizeHint): CostRange {
  return new Estimator(hint).cost(expr)
}

class Estimator {
  readonly #hint: SizeHint
  readonly #paths = new Map<Expr, readonly string[]>()
  readonly #sizes = new Map<Expr, Size>()
  readonly #entries = new Map<Expr, Entry>()
  readonly #locals: LocalVar[] = []

  constructor(hint: SizeHint) {
    this.#hint = hint
  }

  cost(expr: Expr): CostRange {
    switch (expr.kind) {
      case 'literal':
        return NOTHING
      case 'ident':
        this.#paths.set(expr, this.#local(expr.name)?.path ?? [expr.name])
        return ONE
      case 'select': {
        if (expr.qualified) return ONE
        const operand = this.cost(expr.operand)
        if (expr.test) return operand
        // k8s: `a.?b` is a call
        if (expr.optional) return plus(operand, ONE)
        this.#paths.set(expr, [...this.#pathOf(expr.operand), expr.field])
        const kind = expr.operand.type?.kind
        return kind === 'map' || kind === 'object' || kind === 'param' ? plus(operand, ONE) : operand
      }
      case 'call':
        return this.#call(expr)
      case 'list': {
        let sum = range(10)
        let items: Size | undefined
        for (const item of expr.items) {
          sum = plus(sum, this.cost(item))
          const size = this.#sizeOrUnknown(item)
          items = items ? union(items, size) : size
        }
        this.#entries.set(expr, { list: true, key: ONE, value: items ?? NOTHING })
        return sum
      }
      case 'map': {
        let sum = range(30)
        let entry: Entry | undefined
        for (const { key, value } of expr.entries) {
          sum = plus(sum, plus(this.cost(key), this.cost(value)))
          const [k, v] = [this.#sizeOrUnknown(key), this.#sizeOrUnknown(value)]
          entry = { list: false, key: entry ? union(entry.key, k) : k, value: entry ? union(entry.value, v) : v }
        }
        this.#entries.set(expr, entry ?? { list: false, key: NOTHING, value: NOTHING })
        return sum
      }
      case 'struct':
        return expr.fields.reduce((sum, field) => plus(sum, this.cost(field.value)), range(40))
      case 'fold':
        return expr.condition.kind === 'literal' && expr.condition.value === false ? this.#bind(expr) : this.#fold(expr)
    }
  }

  #local(name: string): LocalVar | undefined {
    return this.#locals.findLast((local) => local.name === name)
  }
  #pathOf(expr: Expr): readonly string[] {
    if (expr.kind === 'ident') {
      const local = this.#local(expr.name)
      if (local) return local.path
    }
    return this.#paths.get(expr) ?? []
  }
  #typeOf(expr: Expr): CelType {
    return expr.type ?? DYN
  }

  #call(expr: CallExpr): CostRange {
    const [first] = expr.args
    if (expr.fn === 'dyn' && first) {
      const cost = plus(ONE, this.cost(first))
      this.#copySizes(expr, first)
      return cost
    }
    const costs = expr.args.map((arg) => this.cost(arg))
    const targetCost = expr.target ? this.cost(expr.target) : NOTHING
    const sum = costs.reduce(plus, NOTHING)
    if (expr.fn === '_&&_' || expr.fn === '_||_') return range(costs[0]!.min, sum.max)
    if (expr.fn === '_?_:_') {
      const [, yes, no] = expr.args as [Expr, Expr, Expr]
      this.#setSize(expr, union(this.#sizeOrUnknown(yes), this.#sizeOrUnknown(no)))
      this.#setEntry(expr, bothEntries(this.#entryOf(yes), this.#entryOf(no)))
      return plus(costs[0]!, union(costs[1]!, costs[2]!))
    }
    const args = expr.args.map((arg) => this.#operand(arg))
    const target = expr.target ? this.#operand(expr.target) : undefined
    const overloads = (expr.overloads ?? []) as readonly Overload[]
    let cost: CostRange | undefined
    let size: Size | undefined
    for (const overload of overloads) {
      const estimate =
        estimateCall(expr.fn, overload, target, args, this.#hint) ?? estimateOverload(expr.fn, overload, target, args)
      const own = estimate?.cost ?? ONE
      cost = cost ? union(cost, own) : own
      if (estimate?.size) size = size ? union(size, estimate.size) : estimate.size
      if (overload.id === 'index_list' || overload.id === 'index_map') {
        size = this.#entryOf(expr.args[0]!)?.value
        this.#paths.set(expr, [...args[0]!.path, overload.id === 'index_list' ? '@items' : '@values'])
      } else if (overload.id.startsWith('add_')) {
        this.#setEntry(expr, bothEntries(this.#entryOf(expr.args[0]!), this.#entryOf(expr.args[1]!)))
      }
      size ??= this.#sizeOf(expr)
    }
    this.#setSize(expr, size)
    return plus(plus(targetCost, sum), cost ?? NOTHING)
  }

  #operand(expr: Expr): Operand {
    const path = this.#pathOf(expr)
    return {
      expr,
      type: this.#typeOf(expr),
      path: path[0]?.startsWith('@') ? [] : path,
      size: this.#sizeOf(expr),
    }
  }

  #fold(expr: FoldExpr): CostRange {
    let sum = plus(this.cost(expr.range), this.cost(expr.accuInit))
    this.#pushValue(expr.accuVar, expr.accuInit)
    const depth = this.#locals.length
    const entry = this.#entryOf(expr.range)
    const path = this.#pathOf(expr.range)
    const list = entry ? entry.list : this.#typeOf(expr.range).kind === 'list'
    const push = (name: string, value: boolean) => {
      const step = value ? (list ? '@items' : '@values') : list ? '@indices' : '@keys'
      this.#locals.push({ name, path: [...path, step], size: value ? entry?.value : entry?.key, entry: undefined })
    }
    if (expr.iterVar2) {
      push(expr.iterVar, false)
      push(expr.iterVar2, true)
    } else push(expr.iterVar, list)
    const loop = plus(this.cost(expr.condition), this.cost(expr.step))
    this.#locals.length = depth
    sum = plus(sum, this.cost(expr.result))
    this.#locals.length = depth - 1
    const count = this.#sizeOrUnknown(expr.range)
    const init = expr.accuInit.kind
    if (init === 'literal') this.#setSize(expr, this.#sizeOf(expr.accuInit))
    else if (init === 'list' || init === 'map') {
      this.#setSize(expr, count)
      this.#setEntry(expr, this.#entryOf(expr.step))
    }
    return plus(sum, times(count, loop))
  }

  #bind(expr: FoldExpr): CostRange {
    const sum = plus(this.cost(expr.range), this.cost(expr.accuInit))
    this.#pushValue(expr.accuVar, expr.accuInit)
    const result = this.cost(expr.result)
    this.#copySizes(expr, expr.result)
    this.#locals.pop()
    return plus(sum, result)
  }

  #pushValue(name: string, value: Expr): void {
    this.#locals.push({ name, path: this.#pathOf(value), size: this.#sizeOf(value), entry: this.#entryOf(value) })
  }
  #setSize(expr: Expr, size: Size | undefined): void {
    if (size) this.#sizes.set(expr, size)
  }
  #setEntry(expr: Expr, entry: Entry | undefined): void {
    if (entry) this.#entries.set(expr, entry)
  }
  #copySizes(to: Expr, from: Expr): void {
    this.#setSize(to, this.#sizeOf(from))
    this.#setEntry(to, this.#entryOf(from))
  }
  #entryOf(expr: Expr): Entry | undefined {
    const known = this.#entries.get(expr)
    if (known || expr.kind !== 'ident') return known
    return this.#local(expr.name)?.entry
  }
  #sizeOrUnknown(expr: Expr): Size {
    return this.#sizeOf(expr) ?? UNKNOWN_SIZE
  }
  #sizeOf(expr: Expr): Size | undefined {
    const known = this.#sizes.get(expr) ?? literalSize(expr)
    if (known) return known
    const path = this.#pathOf(expr)
    const hinted = path.length > 0 ? this.#hint(path) : undefined
    if (hinted) {
      this.#sizes.set(expr, hinted)
      return hinted
    }
    if (isScalar(this.#typeOf(expr))) return ONE
    return expr.kind === 'ident' ? this.#local(expr.name)?.size : undefined
  }
}

const bothEntries = (a: Entry | undefined, b: Entry | undefined): Entry | undefined =>
  a && b && { list: a.list, key: union(a.key, b.key), value: union(a.value, b.value) }

function literalSize(expr: Expr): Size | undefined {
  if (expr.kind === 'list') return range(expr.items.length)
  if (expr.kind === 'map') return range(expr.entries.length)
  if (expr.kind !== 'literal') return undefined
  const { value } = expr
  if (typeof value === 'string') return range(stringSize(value))
  return range(kindOf(value) === 'bytes' ? (value as Uint8Array).length : 1)
}

const SCALARS = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint'])
function isScalar(type: CelType): boolean {
  return type.kind === 'optional' ? isScalar(type.of) : SCALARS.has(type.kind)
}
