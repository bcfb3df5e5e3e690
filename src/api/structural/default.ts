// Defaults of a custom resource's schema, and nulls that stand for nothing. Changes the object that it is given. Schemas without any
// default cost one look.
import { cloneJson, setKey } from '../schema/clone.ts'
import { type Fields, itemsOf, type Props, propertyOf, someProps, valuesOf } from './props.ts'

const withDefaults = new WeakMap<Props, boolean>()

function hasDefaults(props: Props): boolean {
  let known = withDefaults.get(props)
  if (known === undefined) {
    known = someProps(props, (p) => p.default !== undefined)
    withDefaults.set(props, known)
  }
  return known
}

const isEmptyNull = (value: unknown, props: Props | undefined) =>
  value === null && props !== undefined && props.nullable !== true

/** Leaves out nulls where the schema allows none and has no default, then fills in what is absent. Idempotent. */
export function applySchemaDefaults(props: Props, object: Fields): void {
  pruneNulls(props, object)
  if (hasDefaults(props)) fill(props, object)
}

function fill(props: Props | undefined, value: unknown): void {
  if (!props || typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    const items = itemsOf(props)
    if (!items) return
    for (let i = 0; i < value.length; i++) {
      if (isEmptyNull(value[i], items) && items.default !== undefined) value[i] = cloneJson(items.default)
      fill(items, value[i])
    }
    return
  }
  const object = value as Fields
  for (const name in props.properties) {
    const property = propertyOf(props, name)
    if (property?.default === undefined) continue
    if (!Object.hasOwn(object, name) || isEmptyNull(object[name], property))
      setKey(object, name, cloneJson(property.default))
  }
  const values = valuesOf(props)
  for (const name in object) {
    const property = propertyOf(props, name)
    if (property) fill(property, object[name])
    else if (values && values !== true) {
      if (isEmptyNull(object[name], values) && values.default !== undefined)
        setKey(object, name, cloneJson(values.default))
      fill(values, object[name])
    }
  }
}

function pruneNulls(props: Props | undefined, value: unknown): void {
  if (typeof value !== 'object' || value === null || !props) return
  if (Array.isArray(value)) {
    const items = itemsOf(props)
    if (items) for (const item of value) pruneNulls(items, item)
    return
  }
  const object = value as Fields
  const values = valuesOf(props)
  for (const name of Object.keys(object)) {
    const schema = propertyOf(props, name) ?? (values === true ? undefined : values)
    if (isEmptyNull(object[name], schema) && schema?.default === undefined) delete object[name]
    else pruneNulls(schema, object[name])
  }
}
