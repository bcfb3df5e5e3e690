// From JSON to values by declared type: a number field is a double even when it reads `1`, a date-time string is a timestamp. Types for
// which JSON is already the value have no adapter.
import { CelError } from './errors.ts'
import { parseDurationText, parseTimestamp, zoneOf } from './library/time.ts'
import type { CelType } from './types.ts'
import { Double, Duration, listSemantics, Timestamp } from './values.ts'

export type Adapter = (value: unknown) => unknown

const known = new WeakMap<CelType, Adapter | null>()

export function adapterOf(type: CelType): Adapter | undefined {
  const found = known.get(type)
  if (found !== undefined) return found ?? undefined
  const made = make(type)
  known.set(type, made ?? null)
  return made
}

function make(type: CelType): Adapter | undefined {
  switch (type.kind) {
    case 'double':
      return (value) => (typeof value === 'number' ? new Double(value) : value)
    case 'timestamp':
      return (value) => (typeof value === 'string' ? timestampOf(value) : value)
    case 'duration':
      return (value) => (typeof value === 'string' ? durationOf(value) : value)
    case 'bytes':
      return (value) => (typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'base64')) : value)
    case 'list': {
      const { semantics } = type
      const elem = adapterOf(type.elem)
      if (!elem && !semantics) return undefined
      return (value) => {
        if (!Array.isArray(value)) return value
        const list = elem ? value.map(elem) : value
        if (semantics) listSemantics.set(list, semantics)
        return list
      }
    }
    case 'map': {
      const values = adapterOf(type.value)
      if (!values) return undefined
      return (value) =>
        value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype
          ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, values(item)]))
          : value
    }
    default:
      return undefined
  }
}

const DATE = /^\d{4}-\d\d-\d\d$/
function timestampOf(text: string): Timestamp {
  const ns = parseTimestamp(DATE.test(text) ? `${text}T00:00:00Z` : text)
  if (ns === undefined) throw new CelError(`Invalid timestamp: ${JSON.stringify(text)}`)
  return new Timestamp(ns, zoneOf(text))
}
function durationOf(text: string): Duration {
  const ns = parseDurationText(text)
  if (ns === undefined) throw new CelError(`Invalid duration: ${JSON.stringify(text)}`)
  return new Duration(ns)
}
