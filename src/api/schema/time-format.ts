// Times and durations as they stand in JSON: read in any RFC 3339 form, written in the one form of the API: UTC, whole seconds for
// Time, six decimals for MicroTime. Errors carry the sentences that clients know from the real server.

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,](\d+))?(?:Z|([+-])(\d{2}):(\d{2}))$/
const CANONICAL = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/
const CANONICAL_MICRO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/
const LAYOUT = '2006-01-02T15:04:05Z07:00'
const MICRO_LAYOUT = '2006-01-02T15:04:05.000000Z07:00'

/** `2026-01-02T03:04:05Z`. @throws Error with the API's message. */
export function canonicalTime(text: string): string {
  if (CANONICAL.test(text) && inRange(text)) return text
  const { ms } = parse(text, LAYOUT)
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

/** `2026-01-02T03:04:05.000006Z`; fewer decimals are accepted. @throws Error with the API's message. */
export function canonicalMicroTime(text: string): string {
  if (CANONICAL_MICRO.test(text) && inRange(text)) return text
  const { ms, fraction } = parse(text, MICRO_LAYOUT)
  return `${new Date(ms).toISOString().slice(0, 19)}.${fraction.slice(0, 6).padEnd(6, '0')}Z`
}

/** Two digits at `at`. */
const two = (text: string, at: number) => text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528

function inRange(text: string): boolean {
  const month = two(text, 5)
  const day = two(text, 8)
  return (
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    (day <= 28 || day <= daysIn(Number(text.slice(0, 4)), month)) &&
    two(text, 11) < 24 &&
    two(text, 14) < 60 &&
    two(text, 17) < 60
  )
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Whole seconds since the epoch in ms, and the decimals of the second. */
function parse(text: string, layout: string): { ms: number; fraction: string } {
  const m = RFC3339.exec(text)
  if (!m) throw new Error(`parsing time ${quoted(text)} as "${layout}": ${mismatch(text, layout)}`)
  if (!inRange(text)) {
    const month = two(text, 5)
    const what =
      month < 1 || month > 12
        ? 'month'
        : two(text, 11) > 23
          ? 'hour'
          : two(text, 14) > 59
            ? 'minute'
            : two(text, 17) > 59
              ? 'second'
              : 'day'
    throw new Error(`parsing time ${quoted(text)}: ${what} out of range`)
  }
  const date = new Date(0)
  date.setUTCFullYear(Number(m[1]), Number(m[2]) - 1, Number(m[3]))
  date.setUTCHours(Number(m[4]), Number(m[5]), Number(m[6]))
  const offsetMs = m[8] ? (Number(m[9]) * 60 + Number(m[10])) * 60_000 * (m[8] === '-' ? -1 : 1) : 0
  const ms = date.getTime() - offsetMs
  const year = new Date(ms).getUTCFullYear()
  if (year < 0 || year > 9999) throw new Error(`parsing time ${quoted(text)}: year out of range`)
  return { ms, fraction: m[7] ?? '' }
}

/** k8s: which piece of the layout the text stopped fitting. */
function mismatch(text: string, layout: string): string {
  const pieces: [RegExp, string][] = [
    [/^\d{4}/, '2006'],
    [/^-/, '-'],
    [/^\d{2}/, '01'],
    [/^-/, '-'],
    [/^\d{2}/, '02'],
    [/^T/, 'T'],
    [/^\d{2}/, '15'],
    [/^:/, ':'],
    [/^\d{2}/, '04'],
    [/^:/, ':'],
    [/^\d{2}/, '05'],
    ...(layout === MICRO_LAYOUT ? ([[/^[.,]\d{6}/, '.000000']] as [RegExp, string][]) : []),
    [/^(?:[.,]\d+)?(?:Z|[+-]\d{2}:\d{2})/, 'Z07:00'],
  ]
  let rest = text
  for (const [pattern, piece] of pieces) {
    const found = pattern.exec(rest)
    if (!found) return `cannot parse ${quoted(rest)} as "${piece}"`
    rest = rest.slice(found[0].length)
  }
  return `extra text: ${quoted(rest)}`
}

/** Never echoes more than a line's worth of a client's text. */
const quoted = (text: string) => JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}...` : text)

const UNIT_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
}

/** `1.5h` → `1h30m0s`. @throws Error with the API's message. */
export function canonicalDuration(text: string): string {
  const sign = /^[+-]/.exec(text)?.[0] ?? ''
  const body = text.slice(sign.length)
  if (body === '0') return '0s'
  if (text.length > 64 || !/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) {
    const missing = /^(?:\d+\.?\d*|\.\d+)$/.test(body)
    throw new Error(`time: ${missing ? 'missing unit in' : 'invalid'} duration ${quoted(text)}`)
  }
  let ns = 0
  for (const [, number, unit] of body.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    ns += Number(number) * UNIT_NS[unit as string]!
  }
  ns = Math.round(ns)
  if (ns === 0) return '0s'
  const minus = sign === '-' ? '-' : ''
  if (ns < 1e3) return `${minus}${ns}ns`
  if (ns < 1e6) return `${minus}${ns / 1e3}µs`
  if (ns < 1e9) return `${minus}${ns / 1e6}ms`
  const hours = Math.floor(ns / 3600e9)
  const minutes = Math.floor((ns % 3600e9) / 60e9)
  const seconds = (ns % 60e9) / 1e9
  return `${minus}${hours ? `${hours}h` : ''}${hours || minutes ? `${minutes}m` : ''}${seconds}s`
}
