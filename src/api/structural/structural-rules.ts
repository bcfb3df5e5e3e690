// Is a schema structural: does every field have one type, said outside of allOf, anyOf, oneOf and not, so that objects can be pruned and
// given defaults by it? k8s: the rules and their sentences, in alphabetical order.
import { jsonEqual } from '../meta/equality.ts'
import { type FieldError, forbiddenField, invalid, required } from '../meta/errors.ts'
import { compilePattern } from './pattern.ts'
import {
  isEmbedded,
  isFields,
  isIntOrString,
  itemsOf,
  keepsUnknown,
  type Props,
  propertyOf,
  valuesOf,
} from './props.ts'

type Level = 'root' | 'item' | 'field'
const key = (path: string, name: string) => `${path}.properties[${name}]`
const list = (props: Props, name: 'allOf' | 'anyOf' | 'oneOf') => (props[name] ?? []) as readonly Props[]

export function structuralErrors(props: Props, path: string): FieldError[] {
  const errors: FieldError[] = []
  checkNode(props, 'root', path, errors)
  checkComplete(props, props, path, path, errors, true)
  const text = ({ field, message }: FieldError) => `${field}: ${message}`
  return errors.sort((a, b) => (text(a) < text(b) ? -1 : 1))
}

function checkNode(props: Props, level: Level, path: string, errors: FieldError[]): void {
  const items = itemsOf(props)
  if (props.type === 'array' && !items) errors.push(required(`${path}.items`, 'must be specified'))
  if (items) checkNode(items, 'item', `${path}.items`, errors)
  for (const name of Object.keys(props.properties ?? {})) {
    checkNode(propertyOf(props, name)!, 'field', key(path, name), errors)
  }
  if (props.additionalProperties !== undefined && props.additionalProperties !== false) {
    if (level === 'root') errors.push(forbiddenField(`${path}.additionalProperties`, 'must not be used at the root'))
    const values = valuesOf(props)
    if (values && values !== true) checkNode(values, 'field', `${path}.additionalProperties`, errors)
  }
  checkExtensions(props, path, errors)
  const anyOf = isIntOrStringPair(list(props, 'anyOf'))
  const firstAllOf = isIntOrStringPair(list(list(props, 'allOf')[0] ?? {}, 'anyOf'))
  checkRestrictions(props, anyOf, firstAllOf, path, errors)
  checkType(props, level, path, errors)
  checkMetadata(props, level, path, errors)
}

const isIntOrStringPair = (options: readonly Props[]) =>
  options.length === 2 && jsonEqual(options[0], { type: 'integer' }) && jsonEqual(options[1], { type: 'string' })

function checkExtensions(props: Props, path: string, errors: FieldError[]): void {
  if (!isIntOrString(props)) return
  for (const name of ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const) {
    if (props[name])
      errors.push(invalid(`${path}.${name}`, true, 'must be false if x-kubernetes-int-or-string is true'))
  }
}

const NO_TYPE: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
}

function checkType(props: Props, level: Level, path: string, errors: FieldError[]): void {
  const { type } = props
  if (isEmbedded(props) && type !== 'object') {
    const why = 'must be object if x-kubernetes-embedded-resource is true'
    errors.push(type ? invalid(`${path}.type`, type, why) : required(`${path}.type`, why))
  } else if (!type && !isIntOrString(props) && !keepsUnknown(props)) {
    errors.push(required(`${path}.type`, NO_TYPE[level]))
  }
  if (isEmbedded(props) && props.additionalProperties !== undefined) {
    const why = 'must not be used if x-kubernetes-embedded-resource is set'
    errors.push(forbiddenField(`${path}.additionalProperties`, why))
  }
  if (level === 'root' && type && type !== 'object')
    errors.push(invalid(`${path}.type`, type, 'must be object at the root'))
}

function checkMetadata(props: Props, level: Level, path: string, errors: FieldError[]): void {
  const isResource = level === 'root' || isEmbedded(props)
  for (const name of ['kind', 'apiVersion']) {
    const property = propertyOf(props, name)
    if (isResource && property && property.type !== 'string') {
      errors.push(invalid(`${key(path, name)}.type`, property.type ?? '', 'must be string'))
    }
  }
  const metadata = propertyOf(props, 'metadata')
  if (metadata && isResource && metadata.type !== 'object') {
    errors.push(invalid(`${key(path, 'metadata')}.type`, metadata.type ?? '', 'must be object'))
  }
  if (metadata && level === 'root') {
    const { type: _, default: __, properties = {}, description: ___, ...rest } = metadata
    const names = Object.keys(properties)
    const onlyNames = names.every((name) => name === 'name' || name === 'generateName')
    if (!onlyNames || Object.keys(rest).length > 0) {
      const why = 'must not specify anything other than name and generateName, but metadata is implicitly specified'
      errors.push(forbiddenField(key(path, 'metadata'), why))
    }
  }
  if (isEmbedded(props) && !keepsUnknown(props) && Object.keys(props.properties ?? {}).length === 0) {
    const why =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'
    errors.push(required(`${path}.properties`, why))
  }
}

/** allOf, anyOf, oneOf, not and the pattern, at any depth. */
function checkRestrictions(
  props: Props,
  skipAnyOf: boolean,
  skipFirstAllOfAnyOf: boolean,
  path: string,
  errors: FieldError[],
): void {
  if (!skipAnyOf) {
    for (const [i, part] of list(props, 'anyOf').entries()) checkNested(part, false, `${path}.anyOf[${i}]`, errors)
  }
  for (const [i, part] of list(props, 'allOf').entries()) {
    checkNested(part, skipFirstAllOfAnyOf && i === 0, `${path}.allOf[${i}]`, errors)
  }
  for (const [i, part] of list(props, 'oneOf').entries()) checkNested(part, false, `${path}.oneOf[${i}]`, errors)
  if (isFields(props.not)) checkNested(props.not as Props, false, `${path}.not`, errors)
  if (props.pattern) {
    try {
      compilePattern(props.pattern)
    } catch (err) {
      const why = `must be a valid regular expression, but isn't: ${(err as Error).message}`
      errors.push(invalid(`${path}.pattern`, props.pattern, why))
    }
  }
}

const FORBIDDEN: readonly [keyof Props, string][] = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
]
const isSet = (value: unknown) =>
  value !== undefined && value !== false && value !== '' && !(Array.isArray(value) && value.length === 0)

/** What stands inside of allOf, anyOf, oneOf and not may only restrict. */
function checkNested(props: Props, skipAnyOf: boolean, path: string, errors: FieldError[]): void {
  checkRestrictions(props, skipAnyOf, false, path, errors)
  const items = itemsOf(props)
  if (items) checkNested(items, false, `${path}.items`, errors)
  for (const name of Object.keys(props.properties ?? {})) {
    checkNested(propertyOf(props, name)!, false, key(path, name), errors)
  }
  for (const [name, why] of FORBIDDEN) if (isSet(props[name])) errors.push(forbiddenField(`${path}.${name}`, why))
  if (propertyOf(props, 'metadata')) {
    errors.push(forbiddenField(key(path, 'metadata'), 'must not be specified in a nested context'))
  }
}

/** Whatever restrictions speak of must be there in the structure too. */
function checkComplete(
  restricting: Props,
  structure: Props | undefined,
  structurePath: string,
  path: string,
  errors: FieldError[],
  isStructure: boolean,
): void {
  if (!structure) {
    errors.push(required(structurePath, `because it is defined in ${path}`))
    return
  }
  const nested = (part: Props, at: string) => checkComplete(part, structure, structurePath, at, errors, false)
  if (isFields(restricting.not)) nested(restricting.not as Props, `${path}.not`)
  for (const name of ['allOf', 'anyOf', 'oneOf'] as const) {
    for (const [i, part] of list(restricting, name).entries()) nested(part, `${path}.${name}[${i}]`)
  }
  // k8s: restrictions are looked for at the root only, as the real server does.
  if (isStructure) return
  const items = itemsOf(restricting)
  if (items) checkComplete(items, itemsOf(structure), `${structurePath}.items`, `${path}.items`, errors, false)
  for (const name of Object.keys(restricting.properties ?? {})) {
    const own = propertyOf(structure, name)
    checkComplete(propertyOf(restricting, name)!, own, key(structurePath, name), key(path, name), errors, false)
  }
}
