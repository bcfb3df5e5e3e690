// IntOrString values that may be a percentage of something: maxSurge, maxUnavailable, minAvailable.
import { percent } from './names.ts'

/** `25%` of 10 is 3 rounded up, 2 rounded down. Numbers are themselves. @throws Error for a text that is not a percentage. */
export function resolveIntOrPercent(value: number | string, total: number, round: 'up' | 'down'): number {
  if (typeof value === 'number') return value
  const share = percentOf(value)
  if (share === undefined) throw new Error(`invalid value for IntOrString: ${percent(value).join('; ')}`)
  return round === 'up' ? Math.ceil((share * total) / 100) : Math.floor((share * total) / 100)
}

/** The number before the `%`; undefined for a number or another text. */
export function percentOf(value: number | string | undefined): number | undefined {
  return typeof value === 'string' && percent(value).length === 0 ? Number(value.slice(0, -1)) : undefined
}
