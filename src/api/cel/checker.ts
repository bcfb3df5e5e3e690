// The type check: gives every node its type and every call its overloads; what is wrong becomes issues with the standard sentences.
import type { CallExpr, Expr, FoldExpr, ListExpr, MapExpr, SelectExpr, StructExpr } from './ast.ts'
import type { Issues } from './errors.ts'
import type { Functions, Overload } from './functions.ts'
import { qualifiedName } from './parser.ts'
import {
  AUTHORIZER,
  BOOL,
  BYTES,
  type CelType,
  CIDR,
  DOUBLE,
  DURATION,
  DYN,
  ERROR,
  FORMAT,
  formatType,
  INT,
  IP,
  listOf,
  mapOf,
  NULL,
  type ObjectType,
  optionalOf,
  QUANTITY,
  SEMVER,
  STRING,
  sameType,
  TIMESTAMP,
  typeOfType,
  UINT,
  URL_TYPE,
} from './types.ts'
import { Substitution } from './unify.ts'
import { kindOf } from './values.ts'

export interface CheckScope {
  variable(name: string): CelType | undefined
  structType(name: string): ObjectType | undefined
  readonly functions: Functions
}

const TYPE_NAMES: ReadonlyMap<string, CelType> = new Map<string, CelType>([
  ['bool', BOOL],
  ['int', INT],
  ['uint', UINT],
  ['double', DOUBLE],
  ['string', STRING],
  ['bytes', BYTES],
  ['list', listOf(DYN)],
  ['map', mapOf(DYN, DYN)],
  ['null_type', NULL],
  ['type', typeOfType(undefined)],
  ['dyn', DYN],
  ['optional_type', optionalOf(DYN)],
  ['google.protobuf.Timestamp', TIMESTAMP],
  ['google.protobuf.Duration', DURATION],
  ...[QUANTITY, URL_TYPE, IP, CIDR, SEMVER, FORMAT, AUTHORIZER].map((type) => [formatType(type), type] as const),
])

export function check(expr: Expr, scope: CheckScope, issues: Issues): CelType {
  const checker = new Checker(scope, issues)
  const type = checker.check(expr)
  return checker.finish(type)
}

class Checker {
  readonly #scope: CheckScope
  readonly #issues: Issues
  readonly #types = new Substitution()
  readonly #locals: Map<string, CelType>[] = []
  readonly #checked: Expr[] = []

  constructor(scope: CheckScope, issues: Issues) {
    this.#scope = scope
    this.#issues = issues
  }

  check(expr: Expr): CelType {
    const type = this.#check(expr)
    expr.type = type
    this.#checked.push(expr)
    return type
  }

  finish(type: CelType): CelType {
    for (const expr of this.#checked) expr.type = this.#types.resolve(expr.type!, true)
    return this.#types.resolve(type, true)
  }

  #check(expr: Expr): CelType {
    switch (expr.kind) {
      case 'literal': {
        const kind = kindOf(expr.value)
        return LITERAL_TYPES[kind] ?? DYN
      }
      case 'ident': {
        const type = this.#lookup(expr.name, expr.absolute)
        if (type) return type
        const named = this.#typeNamed(expr.name)
        if (named) {
          expr.typeName = expr.name
          return typeOfType(named)
        }
        return this.#undeclared(expr.pos, expr.name)
      }
      case 'select':
        return this.#select(expr)
      case 'call':
        return this.#call(expr)
      case 'list':
        return this.#list(expr)
      case 'map':
        return this.#map(expr)
      case 'struct':
        return this.#struct(expr)
      case 'fold':
        return this.#fold(expr)
    }
  }

  #undeclared(pos: number, name: string): CelType {
    this.#issues.add(pos, `undeclared reference to '${name}' (in container '')`)
    return ERROR
  }
  #lookup(name: string, absolute = false): CelType | undefined {
    for (let i = this.#locals.length - 1; i >= 0 && !absolute; i--) {
      const found = this.#locals[i]!.get(name)
      if (found) return found
    }
    return this.#scope.variable(name)
  }
  #isLocal(name: string): boolean {
    return this.#locals.some((names) => names.has(name))
  }
  #typeNamed(name: string): CelType | undefined {
    return TYPE_NAMES.get(name) ?? this.#scope.structType(name)
  }

  #select(expr: SelectExpr): CelType {
    const name = expr.test ? undefined : qualifiedName(expr)
    const root = name?.slice(0, name.indexOf('.')) ?? ''
    if (name && !this.#isLocal(root)) {
      // `authorizer.requestResource` is a variable of its own
      const variable = this.#scope.variable(name)
      if (variable) {
        expr.qualified = { kind: 'ident', pos: expr.pos, name }
        return variable
      }
      const named = this.#lookup(root) ? undefined : this.#typeNamed(name)
      if (named) {
        expr.qualified = { kind: 'ident', pos: expr.pos, name, typeName: name }
        return typeOfType(named)
      }
    }
    const operand = this.#types.resolve(this.check(expr.operand))
    const inOptional = operand.kind === 'optional'
    const field = this.#field(expr, inOptional ? operand.of : operand)
    if (expr.test) return BOOL
    return inOptional || expr.optional ? optionalOf(field) : field
  }

  #field(expr: SelectExpr, operand: CelType): CelType {
    switch (operand.kind) {
      case 'map':
        return operand.value
      case 'object': {
        const field = operand.fields().get(expr.field)
        if (!field) {
          this.#issues.add(expr.pos, `undefined field '${expr.field}'`)
          return ERROR
        }
        expr.jsonName = field.jsonName
        return field.type
      }
      case 'param':
        this.#types.assignable([operand], [DYN])
        return DYN
      case 'dyn':
        return DYN
      case 'error':
        return ERROR
      default:
        this.#issues.add(expr.pos, `type '${formatType(operand)}' does not support field selection`)
        return ERROR
    }
  }

  #call(expr: CallExpr): CelType {
    if (expr.target) {
      const name = qualifiedName(expr.target)
      const root = name?.split('.', 1)[0]
      if (name && !this.#isLocal(root!) && this.#scope.functions.has(`${name}.${expr.fn}`)) {
        expr.fn = `${name}.${expr.fn}`
        expr.target = undefined
      }
    }
    const args = expr.target ? [expr.target, ...expr.args] : expr.args
    const types = args.map((arg) => this.check(arg))
    if (expr.fn === '_&&_' || expr.fn === '_||_') {
      types.forEach((type, i) => {
        this.#assign(args[i]!.pos, type, BOOL)
      })
      return BOOL
    }
    const overloads = this.#scope.functions.get(expr.fn)
    if (!overloads) return this.#undeclared(expr.pos, expr.fn)
    return this.#resolve(expr, overloads, types, expr.target !== undefined)
  }

  #resolve(expr: CallExpr, overloads: readonly Overload[], args: CelType[], member: boolean): CelType {
    const fitting: Overload[] = []
    let result: CelType | undefined
    for (const candidate of overloads) {
      if (candidate.member !== member || candidate.args.length !== args.length) continue
      const signature = candidate.generic
        ? this.#types.instantiate([...candidate.args, candidate.result])
        : [...candidate.args, candidate.result]
      if (!this.#types.assignable(args, signature.slice(0, -1))) continue
      fitting.push(candidate)
      const type = this.#types.resolve(signature.at(-1)!)
      result = result === undefined || sameType(result, type) ? type : DYN
    }
    if (!result) {
      const shown = args.map((arg) => formatType(this.#types.resolve(arg, true)))
      const text = member ? `${shown[0]}.(${shown.slice(1).join(', ')})` : `(${shown.join(', ')})`
      this.#issues.add(expr.pos, `found no matching overload for '${expr.fn}' applied to '${text}'`)
      return ERROR
    }
    expr.overloads = fitting
    return result
  }

  #assign(pos: number, from: CelType, to: CelType): void {
    if (this.#types.assignable([from], [to])) return
    this.#mismatch(pos, to, from)
  }
  #mismatch(pos: number, expected: CelType, found: CelType): void {
    const [wanted, actual] = [expected, found].map((type) => formatType(this.#types.resolve(type)))
    this.#issues.add(pos, `expected type '${wanted}' but found '${actual}'`)
  }

  #unwrapped(expr: Expr, optional: boolean): CelType {
    const type = this.#types.resolve(this.check(expr))
    if (!optional) return type
    if (type.kind === 'optional') return type.of
    if (type.kind !== 'dyn' && type.kind !== 'error') this.#mismatch(expr.pos, optionalOf(type), type)
    return type
  }
  /** The type of all; dyn when there is none. That literals mix no types is looked at later. */
  #joined(known: CelType | undefined, next: CelType): CelType {
    if (!known) return next
    return this.#types.assignable([next], [known]) && this.#types.resolve(next).kind !== 'dyn' ? known : DYN
  }

  #list({ items, optional }: ListExpr): CelType {
    let elem: CelType | undefined
    items.forEach((item, i) => {
      elem = this.#joined(elem, this.#unwrapped(item, optional.has(i)))
    })
    return listOf(elem ?? this.#types.fresh())
  }

  #map({ entries }: MapExpr): CelType {
    let key: CelType | undefined
    let value: CelType | undefined
    for (const entry of entries) {
      key = this.#joined(key, this.check(entry.key))
      value = this.#joined(value, this.#unwrapped(entry.value, entry.optional))
    }
    return mapOf(key ?? this.#types.fresh(), value ?? this.#types.fresh())
  }

  #struct(expr: StructExpr): CelType {
    const type = this.#scope.structType(expr.name)
    for (const field of expr.fields) this.#unwrapped(field.value, field.optional)
    if (!type?.constructible) return this.#undeclared(expr.pos, expr.name)
    for (const field of expr.fields) {
      const known = type.fields().get(field.name)
      if (!known) {
        this.#issues.add(field.pos, `undefined field '${field.name}'`)
        continue
      }
      field.jsonName = known.jsonName
      const given = this.#types.resolve(field.value.type!)
      const value = field.optional && given.kind === 'optional' ? given.of : given
      if (!this.#types.assignable([value], [known.type])) {
        this.#issues.add(
          field.pos,
          `expected type of field '${field.name}' is '${formatType(known.type)}' but provided type is '${formatType(value)}'`,
        )
      }
    }
    return type
  }

  #fold(expr: FoldExpr): CelType {
    const range = this.#types.resolve(this.check(expr.range))
    const accumulator = this.check(expr.accuInit)
    let [first, second]: CelType[] = [DYN, DYN]
    switch (range.kind) {
      case 'list':
        ;[first, second] = expr.iterVar2 ? [INT, range.elem] : [range.elem, DYN]
        break
      case 'map':
        ;[first, second] = [range.key, range.value]
        break
      case 'dyn':
      case 'error':
      case 'param':
        break
      default:
        this.#issues.add(
          expr.range.pos,
          `expression of type '${formatType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
        )
        ;[first, second] = [ERROR, ERROR]
    }
    this.#locals.push(new Map([[expr.accuVar, accumulator]]))
    const variables = new Map([[expr.iterVar, first!]])
    if (expr.iterVar2) variables.set(expr.iterVar2, second!)
    this.#locals.push(variables)
    this.#assign(expr.condition.pos, this.check(expr.condition), BOOL)
    this.#assign(expr.step.pos, this.check(expr.step), accumulator)
    this.#locals.pop()
    const result = this.check(expr.result)
    this.#locals.pop()
    return this.#types.resolve(result)
  }
}

const LITERAL_TYPES: Readonly<Record<string, CelType>> = {
  null: NULL,
  bool: BOOL,
  int: INT,
  uint: UINT,
  double: DOUBLE,
  string: STRING,
  bytes: BYTES,
}
