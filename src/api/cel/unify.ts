// Type parameters: which types may stand for one another, and what a parameter turned out to be.
import { type CelType, DYN, optionalOf, typeOfType } from './types.ts'

const NULLABLE = new Set(['null', 'timestamp', 'duration', 'object', 'opaque', 'optional'])

export class Substitution {
  #bound = new Map<string, CelType>()
  #fresh = 0

  /** A copy of the types with parameters of their own. */
  instantiate(types: readonly CelType[]): CelType[] {
    const prefix = `_var${this.#fresh++}`
    const renamed = (type: CelType): CelType => mapParams(type, (name) => ({ kind: 'param', name: `${prefix}${name}` }))
    return types.map(renamed)
  }
  fresh(): CelType {
    return { kind: 'param', name: `_var${this.#fresh++}` }
  }

  /** The type with what is known about parameters put in; `final`: the unknown ones become dyn. */
  resolve(type: CelType, final = false): CelType {
    return mapParams(type, (name, original) => {
      const bound = this.#bound.get(name)
      if (bound) return this.resolve(bound, final)
      return final ? DYN : original
    })
  }

  /** Whether each of `from` may be used where `to` is wanted; if so, what that says about parameters is kept. */
  assignable(from: readonly CelType[], to: readonly CelType[]): boolean {
    if (from.length !== to.length) return false
    const before = new Map(this.#bound)
    if (from.every((type, i) => this.#fits(type, to[i]!))) return true
    this.#bound = before
    return false
  }

  #fits(from: CelType, to: CelType): boolean {
    if (to.kind === 'param') return this.#fitsParam(to, from)
    if (from.kind === 'param') return this.#fitsParam(from, to)
    if (from.kind === 'dyn' || to.kind === 'dyn' || from.kind === 'error' || to.kind === 'error') return true
    if (from.kind === 'null' && NULLABLE.has(to.kind)) return true
    if (from.kind !== to.kind) return false
    switch (from.kind) {
      case 'list':
        return this.#fits(from.elem, (to as typeof from).elem)
      case 'map':
        return this.#fits(from.key, (to as typeof from).key) && this.#fits(from.value, (to as typeof from).value)
      case 'optional':
        return this.#fits(from.of, (to as typeof from).of)
      case 'opaque':
      case 'object':
        return from.name === (to as typeof from).name
      default:
        // a type is a type, whatever of
        return true
    }
  }

  #fitsParam(variable: CelType & { kind: 'param' }, other: CelType): boolean {
    const bound = this.#bound.get(variable.name)
    if (bound) {
      if (!this.#fits(other, bound)) return false
      if (bound.kind !== 'dyn' && this.resolve(other).kind === 'dyn') this.#bound.set(variable.name, DYN)
      return true
    }
    const resolved = this.resolve(other)
    if (resolved.kind === 'param' && resolved.name === variable.name) return true
    if (occurs(variable.name, resolved)) return false
    this.#bound.set(variable.name, resolved)
    return true
  }
}

function mapParams(type: CelType, replace: (name: string, original: CelType) => CelType): CelType {
  switch (type.kind) {
    case 'param':
      return replace(type.name, type)
    case 'list': {
      const elem = mapParams(type.elem, replace)
      return elem === type.elem ? type : { ...type, elem }
    }
    case 'map': {
      const key = mapParams(type.key, replace)
      const value = mapParams(type.value, replace)
      return key === type.key && value === type.value ? type : { ...type, key, value }
    }
    case 'optional': {
      const of = mapParams(type.of, replace)
      return of === type.of ? type : optionalOf(of)
    }
    case 'type': {
      const of = type.of && mapParams(type.of, replace)
      return of === type.of ? type : typeOfType(of)
    }
    default:
      return type
  }
}

function occurs(name: string, type: CelType): boolean {
  let found = false
  mapParams(type, (param, original) => {
    if (param === name) found = true
    return original
  })
  return found
}
