// Lists that are sets or maps: no element, or no key, may be there twice. k8s: the sentences.
import { duplicate, type FieldError, invalid } from '../meta/errors.ts'
import { isFields, itemsOf, type Props, propertyOf, someProps, valuesOf } from './props.ts'

const withLists = new WeakMap<Props, boolean>()

export function listErrors(props: Props, value: unknown): FieldError[] {
  let any = withLists.get(props)
  if (any === undefined) {
    any = someProps(props, (p) => p['x-kubernetes-list-type'] === 'set' || p['x-kubernetes-list-type'] === 'map')
    withLists.set(props, any)
  }
  const errors: FieldError[] = []
  if (any) walk(props, value, '', errors)
  return errors
}

function walk(props: Props | undefined, value: unknown, path: string, errors: FieldError[]): void {
  if (!props || typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    if (props['x-kubernetes-list-type'] === 'set') checkSet(value, path, errors)
    else if (props['x-kubernetes-list-type'] === 'map') checkMap(props, value, path, errors)
    const items = itemsOf(props)
    if (items) for (const [i, item] of value.entries()) walk(items, item, `${path}[${i}]`, errors)
    return
  }
  const values = valuesOf(props)
  for (const [name, inside] of Object.entries(value)) {
    const property = propertyOf(props, name)
    if (property) walk(property, inside, path ? `${path}.${name}` : name, errors)
    else if (values && values !== true) walk(values, inside, `${path}[${name}]`, errors)
  }
}

function checkSet(list: readonly unknown[], path: string, errors: FieldError[]): void {
  const times = new Map<string, number>()
  list.forEach((item, i) => {
    const identity = JSON.stringify(item)
    const before = times.get(identity) ?? 0
    times.set(identity, before + 1)
    if (before === 1) errors.push(duplicate(`${path}[${i}]`, item))
  })
}

function checkMap(props: Props, list: readonly unknown[], path: string, errors: FieldError[]): void {
  for (const [i, item] of list.entries()) {
    if (item === null || isFields(item)) continue
    errors.push(invalid(`${path}[${i}]`, item, 'must be an object for an array of list-type map'))
    return
  }
  const keys = props['x-kubernetes-list-map-keys'] ?? []
  const times = new Map<string, number>()
  list.forEach((item, i) => {
    const identity: Record<string, unknown> = {}
    for (const key of keys) if (isFields(item) && item[key] !== undefined) identity[key] = item[key]
    const text = JSON.stringify(identity)
    const before = times.get(text) ?? 0
    times.set(text, before + 1)
    if (before === 1) errors.push(duplicate(`${path}[${i}]`, identity))
  })
}
