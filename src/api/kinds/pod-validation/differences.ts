// What differs between two values, as lines for people: `- path: old` and `+ path: new` for every leaf.
import { semanticEqual } from '../../meta/equality.ts'

const MAX_LINES = 20

export function differences(before: unknown, now: unknown, path: string): string[] {
  if (semanticEqual(before, now)) return []
  const bothObjects = [before, now].every((value) => typeof value === 'object' && value !== null)
  if (!bothObjects || Array.isArray(before) !== Array.isArray(now)) {
    const line = (sign: string, value: unknown) =>
      value === undefined ? [] : [`${sign} ${path}: ${JSON.stringify(value)}`]
    return [...line('-', before), ...line('+', now)]
  }
  const [left, right] = [before as Record<string, unknown>, now as Record<string, unknown>]
  const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])]
  const at = (key: string) => (Array.isArray(before) ? `${path}[${key}]` : `${path}.${key}`)
  return keys.flatMap((key) => differences(left[key], right[key], at(key))).slice(0, MAX_LINES)
}
