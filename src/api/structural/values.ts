// Does a value satisfy its schema? Every way in which it doesn't becomes a field error. k8s: the sentences, their order, and what an
// update may leave as wrong as it was (ratcheting: a part that is equal to its old value is not held against the update).
import { jsonEqual } from '../meta/equality.ts'
import { type FieldError, invalid, notSupported, required, tooMany } from '../meta/errors.ts'
import { formatMatches } from './formats.ts'
import { patternMatches } from './pattern.ts'
import { isFields, isIntOrString, itemsOf, type Props, propertyOf, valuesOf } from './props.ts'

/** There is no old value to compare with: not the same as an old value that is absent. */
export const NO_OLD: unique symbol = Symbol('no old value')
type Old = unknown

/** @param path of the value, as in messages; empty for the whole resource */
export function validateValue(props: Props, value: unknown, old: Old | typeof NO_OLD, path = ''): FieldError[] {
  return check(props, value, old, path).errors
}

interface Result {
  errors: FieldError[]
  /** How much was looked at: of several failed alternatives, the one that got furthest explains. */
  score: number
}

function check(props: Props, value: unknown, old: Old, path: string): Result {
  const result = checkAll(props, value, old, path)
  if (result.errors.length > 0 && old !== NO_OLD && jsonEqual(value, old)) return { errors: [], score: result.score }
  return result
}

function checkAll(props: Props, value: unknown, old: Old, path: string): Result {
  const result: Result = { errors: [], score: 1 }
  checkType(props, value, path, result.errors)
  if (value === null || value === undefined) {
    checkEnum(props, value, path, result.errors)
    return result
  }
  checkCombinations(props, value, old, path, result)
  if (typeof value === 'string') checkString(props, value, path, result.errors)
  else if (typeof value === 'number') checkNumber(props, value, path, result.errors)
  else if (Array.isArray(value)) checkList(props, value, old, path, result)
  checkEnum(props, value, path, result.errors)
  if (isFields(value)) checkObject(props, value, old, path, result)
  return result
}

const say = (path: string, value: unknown, sentence: string): FieldError =>
  invalid(path || '<nil>', value, `${path} in body ${sentence}`)

function jsonType(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function checkType(props: Props, value: unknown, path: string, errors: FieldError[]): void {
  const types = isIntOrString(props) ? ['integer', 'string'] : props.type ? [props.type] : []
  if (types.length === 0) return
  const given = jsonType(value)
  if (given === 'null' ? props.nullable : types.includes(given)) return
  if (given === 'integer' && types.includes('number')) return
  const message = `must be of type ${types.join(',')}: ${JSON.stringify(given)}`
  errors.push({ ...say(path, given, message), type: 'FieldValueTypeInvalid' })
}

function checkEnum(props: Props, value: unknown, path: string, errors: FieldError[]): void {
  if (!props.enum || props.enum.some((known) => known !== null && jsonEqual(known, value))) return
  const known = props.enum.map((item) => (typeof item === 'string' ? item : JSON.stringify(item)))
  errors.push(notSupported(path, value, known))
}

function checkString(props: Props, value: string, path: string, errors: FieldError[]): void {
  const length = props.maxLength === undefined && props.minLength === undefined ? 0 : [...value].length
  if (props.maxLength !== undefined && length > props.maxLength) {
    const message = `Too long: may not be more than ${props.maxLength} bytes`
    errors.push({ type: 'FieldValueTooLong', field: path, message })
  }
  if (props.minLength !== undefined && length < props.minLength) {
    errors.push(say(path, value, `should be at least ${props.minLength} chars long`))
  }
  if (props.pattern && !patternMatches(props.pattern, value)) {
    errors.push(say(path, value, `should match '${props.pattern}'`))
  }
  if (props.format && !formatMatches(props.format, value)) {
    const message = `must be of type ${props.format}: ${JSON.stringify(value)}`
    errors.push({ ...say(path, value, message), type: 'FieldValueTypeInvalid' })
  }
}

const INTEGER_RANGES: Readonly<Record<string, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 63), 2 ** 63],
  uint32: [0, 2 ** 32 - 1],
  uint64: [0, 2 ** 64],
}

function checkNumber(props: Props, value: number, path: string, errors: FieldError[]): void {
  const { multipleOf, maximum, minimum, format } = props
  const range = format === undefined ? undefined : INTEGER_RANGES[format]
  if (range && Number.isInteger(value) && (value < range[0] || value > range[1])) {
    errors.push(say(path, value, `must be of type ${format}: ${JSON.stringify(String(value))}`))
  }
  if (multipleOf !== undefined && multipleOf !== 0) {
    const times = value / multipleOf
    if (Math.abs(times - Math.round(times)) > 1e-9)
      errors.push(say(path, value, `should be a multiple of ${multipleOf}`))
  }
  if (maximum !== undefined) {
    if (props.exclusiveMaximum ? value >= maximum : value > maximum) {
      errors.push(say(path, value, `should be less than ${props.exclusiveMaximum ? '' : 'or equal to '}${maximum}`))
    }
  }
  if (minimum !== undefined) {
    if (props.exclusiveMinimum ? value <= minimum : value < minimum) {
      errors.push(say(path, value, `should be greater than ${props.exclusiveMinimum ? '' : 'or equal to '}${minimum}`))
    }
  }
}

function merge(into: Result, from: Result): void {
  for (const error of from.errors) into.errors.push(error)
  into.score += from.score
}

function checkList(props: Props, value: readonly unknown[], old: Old, path: string, result: Result): void {
  const items = itemsOf(props)
  if (items) {
    const oldItem = correlatedItems(props, old)
    value.forEach((item, i) => {
      merge(result, check(items, item, oldItem(item), `${path}[${i}]`))
    })
  }
  if (props.maxItems !== undefined && value.length > props.maxItems) {
    result.errors.push(tooMany(path, value.length, props.maxItems))
  }
  if (props.minItems !== undefined && value.length < props.minItems) {
    result.errors.push(say(path, value.length, `should have at least ${props.minItems} items`))
  }
}

/** Only the elements of map lists have an identity by which they can be found in the old list. */
function correlatedItems(props: Props, old: Old): (item: unknown) => Old {
  const keys = props['x-kubernetes-list-map-keys']
  if (!Array.isArray(old) || props['x-kubernetes-list-type'] !== 'map' || !keys) return () => NO_OLD
  const identity = (item: unknown) =>
    isFields(item) ? JSON.stringify(keys.map((key) => item[key] ?? null)) : undefined
  const known = new Map(old.map((item) => [identity(item), item]))
  return (item) => {
    const id = identity(item)
    return id !== undefined && known.has(id) ? known.get(id) : NO_OLD
  }
}

const isTypeMeta = (path: string, name: string) => path === '' && (name === 'apiVersion' || name === 'kind')

function checkObject(
  props: Props,
  value: Readonly<Record<string, unknown>>,
  old: Old,
  path: string,
  result: Result,
): void {
  const at = (name: string) => (path ? `${path}.${name}` : name)
  const before = (name: string): Old =>
    isFields(old) && props['x-kubernetes-map-type'] !== 'atomic' && Object.hasOwn(old, name) && !isTypeMeta(path, name)
      ? old[name]
      : NO_OLD
  const names = Object.keys(value)
  if (props.minProperties !== undefined && names.length < props.minProperties) {
    result.errors.push(say(path, names.length, `should have at least ${props.minProperties} properties`))
  }
  if (props.maxProperties !== undefined && names.length > props.maxProperties) {
    result.errors.push(tooMany(path, names.length, props.maxProperties))
  }
  const values = valuesOf(props)
  for (const name of names) {
    const property = propertyOf(props, name)
    if (!property && props.additionalProperties === false) {
      result.errors.push(invalid(path || '<nil>', '', `${path}.${name} in body is a forbidden property`))
    } else if (!property && values && values !== true) {
      merge(result, check(values, value[name], before(name), at(name)))
    }
  }
  for (const name in props.properties) {
    const property = propertyOf(props, name)
    if (property && Object.hasOwn(value, name)) merge(result, check(property, value[name], before(name), at(name)))
  }
  for (const name of props.required ?? []) {
    if (!Object.hasOwn(value, name)) result.errors.push(required(at(name)))
  }
}

const about = (sentence: string) => invalid('<nil>', '', sentence)

function checkCombinations(props: Props, value: unknown, old: Old, path: string, result: Result): void {
  const { anyOf, oneOf, allOf, not } = props as Props &
    Record<'anyOf' | 'oneOf' | 'allOf', readonly Props[] | undefined>
  const name = JSON.stringify(path)
  const best = (failed: readonly Result[]) => failed.reduce((a, b) => (b.score > a.score ? b : a))
  if (anyOf && anyOf.length > 0) {
    const failed: Result[] = []
    const matches = anyOf.some((option) => {
      const tried = check(option, value, old, path)
      if (tried.errors.length > 0) failed.push(tried)
      return tried.errors.length === 0
    })
    if (!matches) {
      result.errors.push(about(`${name} must validate at least one schema (anyOf)`))
      merge(result, best(failed))
    }
  }
  if (oneOf && oneOf.length > 0) {
    const tried = oneOf.map((option) => check(option, value, old, path))
    const valid = tried.filter(({ errors }) => errors.length === 0).length
    if (valid !== 1) {
      const found = valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`
      result.errors.push(about(`${name} must validate one and only one schema (oneOf). ${found}`))
      if (valid === 0) merge(result, best(tried))
    }
  }
  if (allOf && allOf.length > 0) {
    const tried = allOf.map((part) => check(part, value, old, path))
    const valid = tried.filter(({ errors }) => errors.length === 0).length
    for (const part of tried) merge(result, part)
    if (valid !== tried.length) {
      const none = valid === 0 ? '. None validated' : ''
      result.errors.push(about(`${name} must validate all the schemas (allOf)${none}`))
    }
  }
  if (not && check(not as Props, value, NO_OLD, path).errors.length === 0) {
    result.errors.push(about(`${name} must not validate the schema (not)`))
  }
}
