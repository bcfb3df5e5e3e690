// A value as JSON, as patches and messages need it: objects that an expression constructed, maps with string keys, numbers, times.
import { CelError } from './errors.ts'
import { formatDuration, formatTimestamp } from './library/time.ts'
import {
  Double,
  Duration,
  kindOf,
  type MapValue,
  mapEntries,
  Optional,
  Struct,
  Timestamp,
  typeNameOf,
  Uint,
} from './values.ts'

/** @throws CelError for what JSON has no form for */
export function toJson(value: unknown): unknown {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value
  // JSON has one sort of numbers; beyond 2^53 there is no exact one
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof Double) return value.value
  if (value instanceof Uint) return Number(value.value)
  if (value instanceof Timestamp) return formatTimestamp(value)
  if (value instanceof Duration) return formatDuration(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(toJson)
  if (value instanceof Struct) return object(Object.entries(value.fields))
  if (value instanceof Optional || kindOf(value) !== 'map') throw unsupported(value)
  return object(mapEntries(value as MapValue))
}

const unsupported = (value: unknown) => new CelError(`unsupported type conversion from '${typeNameOf(value)}' to JSON`)

function object(entries: Iterable<readonly [unknown, unknown]>): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const [key, value] of entries) {
    if (typeof key !== 'string') throw new CelError(`map key ${JSON.stringify(String(key))} is not a string`)
    // a key may be __proto__
    Object.defineProperty(out, key, { value: toJson(value), enumerable: true, configurable: true, writable: true })
  }
  return out
}
