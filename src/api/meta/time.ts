// Times and durations in the API's texts: Time (RFC 3339, whole seconds, UTC), MicroTime, Go durations (`1h2m3s`), and the ages that
// `kubectl get` prints. All arithmetic is in milliseconds.

let lastSecond = Number.NaN
let lastText = ''

/** `2026-01-31T12:00:00Z`. Thousands of objects are made in one second: its text is kept until the next one is asked for. */
export function formatTime(ms: number): string {
  const second = Math.floor(ms / 1000)
  if (second !== lastSecond) {
    lastText = `${new Date(ms).toISOString().slice(0, 19)}Z`
    lastSecond = second
  }
  return lastText
}
/** `2026-01-31T12:00:00.123000Z` */
export const formatMicroTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 23)}000Z`

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

/** Milliseconds since the epoch, or undefined when the text is not an RFC 3339 time. */
export function parseTime(text: string | null | undefined): number | undefined {
  if (!text || !RFC3339.test(text)) return undefined
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}

/** As `kubectl get` shows an age: `45s`, `5m30s`, `3h`, `2d4h`. */
export function formatAge(ms: number): string {
  const seconds = Math.trunc(ms / 1000)
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.trunc(seconds / 60)
  if (minutes < 10) return joined(minutes, 'm', seconds % 60, 's')
  if (minutes < 180) return `${minutes}m`
  const hours = Math.trunc(minutes / 60)
  if (hours < 8) return joined(hours, 'h', minutes % 60, 'm')
  if (hours < 48) return `${hours}h`
  const days = Math.trunc(hours / 24)
  if (hours < 192) return joined(days, 'd', hours % 24, 'h')
  if (hours < 24 * 365 * 2) return `${days}d`
  const years = Math.trunc(days / 365)
  if (hours < 24 * 365 * 8) return joined(years, 'y', days % 365, 'd')
  return `${years}y`
}

const joined = (big: number, bigUnit: string, small: number, smallUnit: string) =>
  small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`

/** The age of a timestamp; `<unknown>` without one. */
export function ageOf(timestamp: string | null | undefined, nowMs: number): string {
  const ms = parseTime(timestamp)
  return ms === undefined ? '<unknown>' : formatAge(nowMs - ms)
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** Go's duration text to milliseconds; undefined when it is not one. */
export function parseDuration(text: string): number | undefined {
  const [, sign, body = ''] = /^([+-]?)(.*)$/s.exec(text) ?? []
  if (body === '0') return 0
  let [total, at] = [0, 0]
  const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y
  for (let match = part.exec(body); match; match = part.exec(body)) {
    total += Number(match[1]) * UNIT_MS[match[2]!]!
    at = part.lastIndex
  }
  if (at === 0 || at !== body.length) return undefined
  return sign === '-' ? -total : total
}

/** Milliseconds as Go prints a duration: `1h2m3s`, `1.5s`, `250ms`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  const sign = ms < 0 ? '-' : ''
  const positive = Math.abs(ms)
  if (positive < 1e-3) return `${sign}${Math.round(positive * 1e6)}ns`
  if (positive < 1) return `${sign}${trimmed(positive * 1e3, 3)}µs`
  if (positive < 1000) return `${sign}${trimmed(positive, 6)}ms`
  const hours = Math.trunc(positive / 3_600_000)
  const minutes = Math.trunc((positive % 3_600_000) / 60_000)
  const seconds = `${trimmed((positive % 60_000) / 1000, 9)}s`
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`
}

const trimmed = (value: number, digits: number) => String(Number(value.toFixed(digits)))
