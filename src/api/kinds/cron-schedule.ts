// The rules of cron schedules: five fields with lists, ranges and steps, or one of the named ones (`@daily`, `@every 1h`).
import { parseDuration } from '../meta/time.ts'

interface Field {
  min: number
  max: number
  names?: readonly string[]
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const FIELDS: readonly Field[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 6, names: DAYS },
]
const NAMED = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']

/** What is wrong with a schedule, or undefined. */
export function cronProblem(schedule: string): string | undefined {
  const text = schedule.replace(/^(?:CRON_)?TZ=\S+\s+/, '').trim()
  if (text.startsWith('@every ')) {
    return parseDuration(text.slice(7)) === undefined ? `failed to parse duration ${text}` : undefined
  }
  if (text.startsWith('@')) return NAMED.includes(text) ? undefined : `unrecognized descriptor: ${text}`
  const parts = text.split(/\s+/).filter(Boolean)
  if (parts.length !== FIELDS.length) {
    return `expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`
  }
  for (const [i, part] of parts.entries()) {
    for (const range of part.split(',')) {
      const problem = rangeProblem(range, FIELDS[i]!)
      if (problem) return problem
    }
  }
  return undefined
}

function rangeProblem(text: string, field: Field): string | undefined {
  const [range = '', step, extra] = text.split('/')
  if (extra !== undefined) return `too many slashes: ${text}`
  if (step !== undefined && !/^[1-9]\d*$/.test(step)) return `step of range should be a positive number: ${text}`
  if (range === '*' || range === '?') return undefined
  const [low = '', high, more] = range.split('-')
  if (more !== undefined) return `too many hyphens: ${text}`
  const [start, end] = [numberOf(low, field), high === undefined ? numberOf(low, field) : numberOf(high, field)]
  if (start === undefined || end === undefined) return `failed to parse int from ${text}`
  if (start < field.min) return `beginning of range (${start}) below minimum (${field.min}): ${text}`
  if (end > field.max) return `end of range (${end}) above maximum (${field.max}): ${text}`
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${text}`
  return undefined
}

function numberOf(text: string, { min, names }: Field): number | undefined {
  if (/^\d{1,4}$/.test(text)) return Number(text)
  const at = names?.indexOf(text.toLowerCase()) ?? -1
  return at < 0 ? undefined : at + min
}

/** `Europe/Berlin`, `UTC`. k8s: `Local` is refused. */
export function isTimeZone(name: string): boolean {
  if (name === '' || name.toLowerCase() === 'local') return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
