// The rules that a schema in a definition follows beyond being structural: what OpenAPI features may be used, how the extensions may be
// combined, where defaults may stand. k8s: the sentences and their order.
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../meta/errors.ts'
import { isEmbedded, isFields, itemsOf, type Props, propertyOf, someProps, valuesOf } from './props.ts'
import { ruleTextErrors } from './rule-text.ts'

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string']
const META_FIELDS: ReadonlySet<string> = new Set(['metadata', 'kind', 'apiVersion'])

interface Context {
  /** Why there may be no default here; undefined: there may. */
  readonly noDefaults: string | undefined
  readonly insideMeta: boolean
}

export function definitionErrors(props: Props, path: string): FieldError[] {
  const errors: FieldError[] = []
  check(props, path, { noDefaults: undefined, insideMeta: false }, true, errors)
  return errors
}

const UNSUPPORTED: readonly [keyof Props, string][] = [
  ['id', 'id is not supported'],
  ['additionalItems', 'additionalItems is not supported'],
  ['patternProperties', 'patternProperties is not supported'],
  ['definitions', 'definitions is not supported'],
  ['dependencies', 'dependencies is not supported'],
  ['$ref', '$ref is not supported'],
]

const isUsed = (value: unknown) =>
  value !== undefined && value !== '' && !(isFields(value) && Object.keys(value).length === 0)

/** Says anything that is not supported anywhere. */
export const usesUnsupported = (props: Props): boolean =>
  someProps(props, (p) => UNSUPPORTED.some(([name]) => isUsed(p[name])) || Array.isArray(p.items))

function check(props: Props, path: string, context: Context, isRoot: boolean, errors: FieldError[]): void {
  const before = errors.length
  checkFeatures(props, path, context, errors)
  const values = valuesOf(props)
  if (props.additionalProperties !== undefined) {
    const hasProperties = Object.keys(props.properties ?? {}).length > 0
    if (hasProperties && props.additionalProperties !== true) {
      const why = 'additionalProperties and properties are mutual exclusive'
      errors.push(forbiddenField(`${path}.additionalProperties`, why))
    }
    const noDefaults = context.insideMeta
      ? 'inside additionalProperties applying to object metadata'
      : context.noDefaults
    if (values && values !== true) {
      check(values, `${path}.additionalProperties`, { ...context, noDefaults }, false, errors)
    }
  }
  for (const name of Object.keys(props.properties ?? {})) {
    const isMeta = (isRoot || isEmbedded(props)) && META_FIELDS.has(name)
    const inside: Context = isMeta
      ? { insideMeta: true, noDefaults: isRoot ? `in top-level ${name}` : context.noDefaults }
      : context
    check(propertyOf(props, name)!, `${path}.properties[${name}]`, inside, false, errors)
  }
  if (isFields(props.not)) check(props.not as Props, `${path}.not`, context, false, errors)
  for (const name of ['allOf', 'oneOf', 'anyOf'] as const) {
    const parts = (props[name] ?? []) as readonly Props[]
    for (const [i, part] of parts.entries()) check(part, `${path}.${name}[${i}]`, context, false, errors)
  }
  const items = itemsOf(props)
  if (items) check(items, `${path}.items`, context, false, errors)
  checkExtensions(props, path, errors)
  errors.push(...ruleTextErrors(props, path, errors.length === before))
}

function checkFeatures(props: Props, path: string, { noDefaults, insideMeta }: Context, errors: FieldError[]): void {
  if (props.type && props.type !== 'null' && !TYPES.includes(props.type)) {
    errors.push(notSupported(`${path}.type`, props.type, TYPES))
  }
  if (props.type === 'null') errors.push(notSupported(`${path}.type`, props.type, TYPES))
  if (props.default !== undefined && noDefaults !== undefined) {
    errors.push(forbiddenField(`${path}.default`, `must not be set ${noDefaults}`))
  }
  for (const [name, why] of UNSUPPORTED) {
    if (isUsed(props[name])) errors.push(forbiddenField(`${path}.${name}`, why))
  }
  if (props.type === 'null') {
    errors.push(forbiddenField(`${path}.type`, 'type cannot be set to null, use nullable as an alternative'))
  }
  if (Array.isArray(props.items) && props.items.length > 0) {
    errors.push(forbiddenField(`${path}.items`, 'items must be a schema object and not an array'))
  }
  if (insideMeta && isEmbedded(props)) {
    errors.push(forbiddenField(`${path}.x-kubernetes-embedded-resource`, 'must not be used inside of resource meta'))
  }
  if (props.uniqueItems) {
    const why = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'
    errors.push(forbiddenField(`${path}.uniqueItems`, why))
  }
}

function checkExtensions(props: Props, path: string, errors: FieldError[]): void {
  const { type } = props
  const mapType = props['x-kubernetes-map-type']
  const listType = props['x-kubernetes-list-type']
  const must = (wanted: string, extension: string) => {
    const why = `must be ${wanted} if ${extension} is specified`
    errors.push(type ? invalid(`${path}.type`, type, why) : required(`${path}.type`, why))
  }
  if (props['x-kubernetes-preserve-unknown-fields'] === false) {
    errors.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'))
  }
  if (mapType !== undefined && type !== 'object') must('object', 'x-kubernetes-map-type')
  if (mapType !== undefined && mapType !== 'atomic' && mapType !== 'granular') {
    errors.push(notSupported(`${path}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']))
  }
  if (listType !== undefined && type !== 'array') must('array', 'x-kubernetes-list-type')
  else if (listType === 'set') checkSetItems(props, path, errors)
  if (listType !== undefined && !['atomic', 'set', 'map'].includes(listType)) {
    errors.push(notSupported(`${path}.x-kubernetes-list-type`, listType, ['atomic', 'set', 'map']))
  }
  const keys = props['x-kubernetes-list-map-keys'] ?? []
  if (keys.length > 0 && listType !== 'map') {
    const [field, why] = [`${path}.x-kubernetes-list-type`, 'must be map if x-kubernetes-list-map-keys is non-empty']
    errors.push(listType === undefined ? required(field, why) : invalid(field, listType, why))
  }
  if (listType === 'map') checkMapKeys(props, keys, path, errors)
  if (listType === 'map' || listType === 'set') checkItemsNotNull(props, listType, keys, path, errors)
}

function checkSetItems(props: Props, path: string, errors: FieldError[]): void {
  const items = itemsOf(props)
  const why = 'must be atomic as item of a list with x-kubernetes-list-type=set'
  const listType = items?.['x-kubernetes-list-type']
  if (items?.type === 'array' && listType !== undefined && listType !== 'atomic') {
    errors.push(invalid(`${path}.items.x-kubernetes-list-type`, listType, why))
  } else if (items?.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic') {
    errors.push(invalid(`${path}.items.x-kubernetes-map-type`, listType ?? null, why))
  }
}

function checkMapKeys(props: Props, keys: readonly string[], path: string, errors: FieldError[]): void {
  const field = `${path}.x-kubernetes-list-map-keys`
  if (keys.length === 0) errors.push(required(field, 'must not be empty if x-kubernetes-list-type is map'))
  if (props.items === undefined) {
    errors.push(required(`${path}.items`, 'must have a schema if x-kubernetes-list-type is map'))
    return
  }
  const items = itemsOf(props)
  if (!items) {
    errors.push(
      invalid(`${path}.items`, props.items, 'must only have a single schema if x-kubernetes-list-type is map'),
    )
    return
  }
  if (items.type !== 'object') {
    const why = "must be object if parent array's x-kubernetes-list-type is map"
    errors.push(invalid(`${path}.items.type`, items.type ?? '', why))
    return
  }
  const seen = new Set<string>()
  for (const key of keys) {
    const property = propertyOf(items, key)
    if (!property) errors.push(invalid(field, keys, 'entries must all be names of item properties'))
    else if (property.type === 'array' || property.type === 'object') {
      const why = "must be a scalar type if parent array's x-kubernetes-list-type is map"
      errors.push(invalid(`${path}.items.properties[${key}].type`, items.type, why))
    }
    if (seen.has(key)) errors.push(invalid(field, keys, 'must not contain duplicate entries'))
    seen.add(key)
  }
}

function checkItemsNotNull(
  props: Props,
  listType: string,
  keys: readonly string[],
  path: string,
  errors: FieldError[],
): void {
  const items = itemsOf(props)
  if (!items) return
  if (items.nullable) {
    errors.push(
      forbiddenField(`${path}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${listType}`),
    )
  }
  if (listType !== 'map') return
  for (const key of keys) {
    const property = propertyOf(items, key)
    if (!property) continue
    const at = `${path}.items.properties[${key}]`
    if (!items.required?.includes(key) && property.default === undefined) {
      const why = 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property'
      errors.push(required(`${at}.default`, why))
    }
    if (property.nullable) {
      const why = 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable'
      errors.push(forbiddenField(`${at}.nullable`, why))
    }
  }
}
