// Fields, keys and indices: what `a.b`, `a[b]`, `a.?b` and `has(a.b)` find in a value, and the sentences for what they do not find.
import type { Adapter } from './adapt.ts'
import { CelError, noSuchKey } from './errors.ts'
import { charge, type Step } from './frame.ts'
import { formatDouble } from './library/text.ts'
import { Double, kindOf, type MapValue, mapGet, NONE, Optional, Struct, Uint } from './values.ts'

/** The field or key; undefined when there is none. Throws where the value can have no such key. */
export function find(value: unknown, key: unknown): { value: unknown } | undefined {
  if (Array.isArray(value)) return item(value, key)
  if (value instanceof Struct) {
    return typeof key === 'string' && Object.hasOwn(value.fields, key) ? { value: value.fields[key] } : undefined
  }
  return kindOf(value) === 'map' ? mapGet(value as MapValue, key) : undefined
}
function item(list: readonly unknown[], key: unknown): { value: unknown } | undefined {
  const index = indexOf(key)
  return index >= 0 && index < list.length ? { value: list[index] } : undefined
}
function indexOf(key: unknown): number {
  if (typeof key === 'number' && Number.isInteger(key)) return key
  if (key instanceof Uint || typeof key === 'bigint') return Number(key instanceof Uint ? key.value : key)
  if (key instanceof Double || typeof key === 'number') {
    const value = key instanceof Double ? key.value : key
    if (Number.isInteger(value)) return value
    throw new CelError(`unsupported index value ${formatDouble(value)} in list`)
  }
  throw new CelError(`unsupported index type '${kindOf(key)}' in list`)
}
const keyText = (key: unknown): string =>
  key instanceof Double || key instanceof Uint ? String(key.value) : typeof key === 'object' ? kindOf(key) : String(key)

export function indexStep(operand: Step, index: Step): Step {
  return (frame) => {
    const value = operand(frame)
    const key = index(frame)
    charge(frame, 1)
    if (value instanceof Optional) return value.present ? wrap(find(value.value, key)) : NONE
    const found = find(value, key)
    if (found) return found.value
    if (Array.isArray(value)) throw new CelError(`index out of bounds: ${indexOf(key)}`)
    throw noSuchKey(keyText(key))
  }
}
const wrap = (found: { value: unknown } | undefined, adapt?: Adapter) =>
  found ? new Optional(true, adapt ? adapt(found.value) : found.value) : NONE

/** `a.?b`, `a[?b]`, and whatever follows an optional: absent is none. */
export function optionalStep(operand: Step, index: Step, adapt?: Adapter): Step {
  return (frame) => {
    const value = operand(frame)
    const key = index(frame)
    const present = value instanceof Optional ? value.present : true
    const found = present ? wrap(find(value instanceof Optional ? value.value : value, key), adapt) : NONE
    if (found.present) charge(frame, 1)
    return found
  }
}
export const optionalField = (value: Optional, key: string, adapt?: Adapter) =>
  value.present ? wrap(find(value.value, key), adapt) : NONE
