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
    const duration = text.slice(7)
    if (parseDuration(duration) !== undefined) return undefined
    return `failed to parse duration ${text}: time: invalid duration ${JSON.stringify(duration)}`
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
  const [low = '', high, more] = range.split('-')
  const any = low === '*' || low === '?'
  const start = any ? field.min : numberOf(low, field)
  if (typeof start === 'string') return start
  if (!any && more !== undefined) return `too many hyphens: ${text}`
  const written = any ? field.max : high === undefined ? start : numberOf(high, field)
  if (typeof written === 'string') return written
  if (extra !== undefined) return `too many slashes: ${text}`
  const every = step === undefined ? 1 : numberOf(step, { ...field, names: [] })
  if (typeof every === 'string') return every
  const end = step !== undefined && high === undefined ? field.max : written
  if (start < field.min) return `beginning of range (${start}) below minimum (${field.min}): ${text}`
  if (end > field.max) return `end of range (${end}) above maximum (${field.max}): ${text}`
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${text}`
  return every === 0 ? `step of range should be a positive number: ${text}` : undefined
}

/** The number, or what is wrong with it. */
function numberOf(text: string, { min, names }: Field): number | string {
  const at = names?.indexOf(text.toLowerCase()) ?? -1
  if (at >= 0) return at + min
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text)
  return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`
}

const NO_ZONE = 'timeZone must be nil or non-empty string'
const LOCAL_ZONE = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'

/** What is wrong with `Europe/Berlin` or `UTC`: nothing. */
export function timeZoneProblems(name: string): string[] {
  if (name === '') return [NO_ZONE]
  const wellFormed = name
    .split('/')
    .every((part) => part !== '.' && part !== '..' && !part.startsWith('-') && /^[A-Za-z._0-9+-]{1,14}$/.test(part))
  if (!wellFormed) return [`unknown time zone ${name}`]
  // k8s: the machine's own zone is known by this name, and refused.
  if (name === 'Local') return [LOCAL_ZONE]
  const problems = name.toLowerCase() === 'local' ? [LOCAL_ZONE] : []
  return isTimeZone(name) ? problems : [...problems, `unknown time zone ${name}`]
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
