// From the checked tree to closures. Every step counts its cost while it runs. An attribute (a variable with the selections and indices
// behind it) costs 1 and 1 per step; where it only stands inside another one, or is a branch of a conditional, its own 1 is not counted.
import { find, indexStep, optionalField, optionalStep } from './access.ts'
import { type Adapter, adapterOf } from './adapt.ts'
import type { CallExpr, Expr, FoldExpr, IdentExpr, ListExpr, MapExpr, SelectExpr, StructExpr } from './ast.ts'
import { LIST_COST, MAP_COST, STRUCT_COST } from './call-cost.ts'
import { callStep, memberStep, membership } from './call-step.ts'
import { CelCostError, CelError, noSuchKey, noSuchOverload } from './errors.ts'
import { charge, type Frame, type Step } from './frame.ts'
import type { Overload } from './functions.ts'
import { matcher } from './library/regex-program.ts'
import { ACCUMULATOR } from './macros.ts'
import { CelMap, kindOf, type MapValue, mapEntries, Optional, Struct, TypeValue } from './values.ts'

interface Code {
  readonly run: Step
  readonly constant?: { readonly value: unknown }
}
interface Local {
  readonly name: string
  readonly slot: number
  readonly kind: 'value' | 'accumulator' | 'lazy'
}

/** @throws CelError when a constant part cannot be computed. */
export function compileSteps(expr: Expr, variables: Adapters): { run: Step; slots: number } {
  const compiler = new Compiler(variables)
  const { run } = compiler.value(expr)
  return { run, slots: compiler.slots }
}
/** How a variable's binding becomes a value. */
export type Adapters = (name: string) => Adapter | undefined

/** Stands in an accumulator while a fold goes on after an error. */
class Failure {
  readonly error: CelError
  constructor(error: CelError) {
    this.error = error
  }
}
const UNSET = Symbol('unset')

/** A constant pattern that is none is an error at once. */
const PATTERNS = new Set(['matches', 'find', 'findAll'])
const CONVERSIONS = new Set([
  'bool',
  'bytes',
  'double',
  'duration',
  'dyn',
  'int',
  'string',
  'timestamp',
  'type',
  'uint',
])
const constant = (value: unknown): Code => ({ run: () => value, constant: { value } })

class Compiler {
  slots = 0
  readonly #adapters: Adapters
  readonly #scope: Local[] = []

  constructor(adapters: Adapters) {
    this.#adapters = adapters
  }

  value(expr: Expr): Code {
    switch (expr.kind) {
      case 'literal':
        return constant(expr.value)
      case 'ident':
        if (expr.typeName) return constant(new TypeValue(expr.typeName))
        return charged(this.#attribute(expr))
      case 'select':
        if (expr.qualified) return this.value(expr.qualified)
        return expr.test ? { run: this.#attribute(expr) } : charged(this.#attribute(expr))
      case 'call':
        return isIndex(expr) ? charged(this.#attribute(expr)) : this.#call(expr)
      case 'list':
        return this.#list(expr)
      case 'map':
        return this.#map(expr)
      case 'struct':
        return this.#struct(expr)
      case 'fold':
        return { run: this.#fold(expr) }
    }
  }

  /** Without the attribute's own cost. */
  #attribute(expr: IdentExpr | SelectExpr | CallExpr): Step {
    if (expr.kind === 'ident') return this.#ident(expr)
    const first = expr.kind === 'select' ? expr.operand : expr.args[0]!
    const operand = this.#part(first)
    if (expr.kind === 'select') return this.#select(expr, operand, first)
    const index = this.#part(expr.args[1]!)
    return expr.fn === '_[?_]' ? optionalStep(operand, index) : indexStep(operand, index)
  }
  #part(expr: Expr): Step {
    const nested =
      (expr.kind === 'ident' && !expr.typeName) ||
      (expr.kind === 'select' && !expr.qualified && !expr.test) ||
      (expr.kind === 'call' && isIndex(expr))
    return nested ? this.#attribute(expr as IdentExpr) : this.value(expr).run
  }

  #ident({ name, absolute }: IdentExpr): Step {
    const local = absolute ? undefined : this.#scope.findLast((l) => l.name === name)
    if (!local) {
      const adapt = this.#adapters(name)
      return adapt ? (frame) => adapt(frame.variable(name)) : (frame) => frame.variable(name)
    }
    const { slot } = local
    if (local.kind === 'value') return (frame) => frame.locals[slot]
    if (local.kind === 'lazy') return (frame) => (frame.locals[slot] as (frame: Frame) => unknown)(frame)
    return (frame) => {
      const value = frame.locals[slot]
      if (value instanceof Failure) throw value.error
      return value
    }
  }

  #select(expr: SelectExpr, operand: Step, from: Expr): Step {
    const typed = from.type?.kind === 'optional' ? from.type.of : from.type
    const key = expr.jsonName ?? expr.field
    const fieldType = typed?.kind === 'object' ? typed.fields().get(expr.field)?.type : undefined
    const adapt = fieldType && adapterOf(fieldType)
    if (expr.test) {
      return (frame) => {
        const value = operand(frame)
        charge(frame, 1)
        return find(value instanceof Optional ? value.value : value, key) !== undefined
      }
    }
    const name = () => key
    if (expr.optional || from.type?.kind === 'optional') return optionalStep(operand, name, adapt)
    return (frame) => {
      const value = operand(frame)
      charge(frame, 1)
      if (value instanceof Optional) return optionalField(value, key, adapt)
      const found = find(value, key)
      if (!found) throw noSuchKey(key)
      return adapt ? adapt(found.value) : found.value
    }
  }

  #list({ items, optional }: ListExpr): Code {
    const codes = items.map((item) => this.value(item))
    if (optional.size === 0 && codes.every((code) => code.constant)) {
      return constant(codes.map((code) => code.constant!.value))
    }
    return {
      run: (frame) => {
        const list: unknown[] = []
        for (let i = 0; i < codes.length; i++) {
          const value = codes[i]!.run(frame)
          if (!optional.has(i)) list.push(value)
          else if (!(value instanceof Optional))
            throw new CelError(`cannot initialize optional list element from non-optional value ${kindOf(value)}`)
          else if (value.present) list.push(value.value)
        }
        charge(frame, LIST_COST)
        return list
      },
    }
  }

  #map({ entries }: MapExpr): Code {
    const codes = entries.map(({ key, value, optional }) => ({
      key: this.value(key),
      value: this.value(value),
      optional,
    }))
    const build = (frame: Frame) => {
      const map = new CelMap()
      for (const { key, value, optional } of codes) {
        const name = key.run(frame)
        const item = value.run(frame)
        if (!optional) map.set(name, item)
        else if (!(item instanceof Optional))
          throw new CelError(`cannot initialize optional entry '${name}' from non-optional value ${kindOf(item)}`)
        else if (item.present) map.set(name, item.value)
      }
      return map
    }
    const fixed = codes.every(({ key, value, optional }) => !optional && key.constant && value.constant)
    if (fixed) return constant(build({ cost: 0, limit: 0, variable: () => undefined, locals: [] }))
    return {
      run: (frame) => {
        const map = build(frame)
        charge(frame, MAP_COST)
        return map
      },
    }
  }

  #struct({ name, fields }: StructExpr): Code {
    const codes = fields.map((field) => ({ field, code: this.value(field.value) }))
    return {
      run: (frame) => {
        const values: Record<string, unknown> = {}
        for (const { field, code } of codes) {
          const value = code.run(frame)
          const present = !field.optional || !(value instanceof Optional) || value.present
          if (!present) continue
          const key = field.jsonName ?? field.name
          // a field may be called __proto__
          Object.defineProperty(values, key, {
            value: field.optional && value instanceof Optional ? value.value : value,
            enumerable: true,
            configurable: true,
            writable: true,
          })
        }
        charge(frame, STRUCT_COST)
        return new Struct(name, values)
      },
    }
  }

  #call(expr: CallExpr): Code {
    switch (expr.fn) {
      case '_&&_':
        return { run: this.#logical(expr, false) }
      case '_||_':
        return { run: this.#logical(expr, true) }
      case '_?_:_':
        return { run: this.#conditional(expr) }
      case '@not_strictly_false':
        return { run: notStrictlyFalse(this.value(expr.args[0]!).run) }
      case 'orValue':
      case 'or':
        return { run: this.#orElse(expr) }
    }
    const args = expr.target ? [expr.target, ...expr.args] : expr.args
    const codes = args.map((arg) => this.value(arg))
    const overloads = expr.overloads as readonly Overload[]
    if (expr.fn === '@in') {
      const members = codes[1]!.constant && membership(codes[1]!.constant.value)
      if (members?.size === 0) return constant(false)
      if (members) return { run: memberStep(codes[0]!.run, members) }
    }
    const pattern = PATTERNS.has(expr.fn) ? codes.at(expr.fn === 'findAll' ? 1 : -1)?.constant : undefined
    if (pattern && typeof pattern.value === 'string') matcher(pattern.value)
    if (isAppend(expr)) return { run: appendStep(codes) }
    const run = callStep(
      expr.fn,
      codes.map((code) => code.run),
      overloads,
    )
    if (CONVERSIONS.has(expr.fn) && codes.length === 1 && codes[0]!.constant) {
      return constant(run({ cost: 0, limit: Number.MAX_SAFE_INTEGER, variable: () => undefined, locals: [] }))
    }
    return { run }
  }

  /** `||` (decided by true) and `&&` (decided by false): an error on one side does not matter when the other decides. */
  #logical({ args }: CallExpr, deciding: boolean): Step {
    const [left, right] = args.map((arg) => this.value(arg).run) as [Step, Step]
    return (frame) => {
      let failure: CelError | undefined
      try {
        const value = left(frame)
        if (value === deciding) return deciding
        if (typeof value !== 'boolean') failure = noSuchOverload()
      } catch (err) {
        failure = caught(err)
      }
      if (!failure) {
        const value = right(frame)
        if (typeof value !== 'boolean') throw noSuchOverload()
        return value
      }
      try {
        if (right(frame) === deciding) return deciding
      } catch (err) {
        caught(err)
      }
      throw failure
    }
  }

  #conditional({ args }: CallExpr): Step {
    const condition = this.value(args[0]!).run
    const yes = this.#part(args[1]!)
    const no = this.#part(args[2]!)
    return (frame) => {
      const value = condition(frame)
      if (typeof value !== 'boolean') throw noSuchOverload()
      return value ? yes(frame) : no(frame)
    }
  }

  #orElse({ fn, target, args }: CallExpr): Step {
    const operand = this.value(target!).run
    const other = this.value(args[0]!).run
    const unwrap = fn === 'orValue'
    return (frame) => {
      const value = operand(frame)
      if (!(value instanceof Optional)) throw noSuchOverload()
      if (value.present) return unwrap ? value.value : value
      return other(frame)
    }
  }

  /** Every variable has a slot of its own: a lazy value may be computed in the middle of another fold. */
  #enter(name: string, kind: Local['kind']): number {
    const slot = this.slots++
    this.#scope.push({ name, slot, kind })
    return slot
  }

  #fold(expr: FoldExpr): Step {
    if (expr.condition.kind === 'literal' && expr.condition.value === false) return this.#bind(expr)
    const range = this.value(expr.range).run
    const init = this.value(expr.accuInit)
    const fresh = expr.accuInit.kind === 'list' || expr.accuInit.kind === 'map'
    const outer = this.#scope.length
    const accu = this.#enter(expr.accuVar, 'accumulator')
    const first = this.#enter(expr.iterVar, 'value')
    const second = expr.iterVar2 ? this.#enter(expr.iterVar2, 'value') : -1
    const condition = this.value(expr.condition)
    const step = this.value(expr.step).run
    this.#scope.length = outer + 1
    const result = this.value(expr.result).run
    this.#scope.length = outer
    const always = condition.constant?.value === true
    return (frame) => {
      const { locals } = frame
      const source = range(frame)
      const [pairs, lists] = iterable(source)
      locals[accu] = fresh ? (expr.accuInit.kind === 'list' ? [] : new CelMap()) : init.run(frame)
      let index = 0
      for (const pair of pairs) {
        const [key, item] = lists ? [index++, pair] : (pair as readonly [unknown, unknown])
        if (second >= 0) {
          locals[first] = key
          locals[second] = item
        } else locals[first] = lists ? item : key
        if (!always && condition.run(frame) !== true) break
        try {
          locals[accu] = step(frame)
        } catch (err) {
          locals[accu] = new Failure(caught(err))
          if (always) break
        }
      }
      return result(frame)
    }
  }

  /** A name for a value that is computed when it is first used. */
  #bind(expr: FoldExpr): Step {
    const init = this.value(expr.accuInit).run
    const slot = this.#enter(expr.accuVar, 'lazy')
    const result = this.value(expr.result).run
    this.#scope.pop()
    return (frame) => {
      let value: unknown = UNSET
      frame.locals[slot] = (at: Frame) => {
        if (value === UNSET) value = init(at)
        return value
      }
      return result(frame)
    }
  }
}

const charged = (step: Step): Code => ({
  run: (frame) => {
    charge(frame, 1)
    return step(frame)
  },
})
const isIndex = (expr: CallExpr) => expr.fn === '_[_]' || expr.fn === '_[?_]'

/** What may be caught by logic; the end of the budget may not. */
function caught(err: unknown): CelError {
  if (err instanceof CelError && !(err instanceof CelCostError)) return err
  throw err
}

/** Lists give their elements, maps their entries. */
function iterable(source: unknown): [Iterable<unknown>, boolean] {
  if (Array.isArray(source)) return [source, true]
  if (kindOf(source) !== 'map') throw new CelError(`got '${kindOf(source)}', expected iterable type`)
  return [mapEntries(source as MapValue), false]
}

function notStrictlyFalse(operand: Step): Step {
  return (frame) => {
    let value: unknown = true
    try {
      value = operand(frame)
    } catch (err) {
      caught(err)
    }
    charge(frame, 1)
    return value !== false
  }
}

/** `accumulator + [x]` in a fold: the list is the fold's own and grows in place. */
function isAppend({ fn, args }: CallExpr): boolean {
  const [left, right] = args
  return fn === '_+_' && left?.kind === 'ident' && left.name === ACCUMULATOR && right?.kind === 'list'
}
function appendStep([left, right]: readonly Code[]): Step {
  return (frame) => {
    const list = left!.run(frame) as unknown[]
    const added = right!.run(frame) as unknown[]
    charge(frame, 1)
    list.push(...added)
    return list
  }
}
