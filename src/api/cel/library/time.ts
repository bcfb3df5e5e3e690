// Timestamps and durations: whole nanoseconds as bigints. Time zones are names known to the platform, or offsets like `+05:30`.
import { CelError } from '../errors.ts'
import { type Library, overload } from '../functions.ts'
import { Duration, Timestamp, toInt } from '../values.ts'

const SECOND = 1_000_000_000n
/** 0001-01-01 and the last nanosecond of 9999. */
const MIN_TIME = -62_135_596_800n * SECOND
const MAX_TIME = 253_402_300_800n * SECOND - 1n
const MAX_DURATION = 2n ** 63n - 1n

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:[Zz]|([+-])(\d\d):(\d\d))$/

/** Nanoseconds since 1970; undefined when the text is no RFC 3339 time. */
export function parseTimestamp(text: string): bigint | undefined {
  const found = RFC3339.exec(text)
  if (!found) return undefined
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return undefined
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCDate() !== day) return undefined
  const [, , , , , , , fraction = '', sign, zoneHours = '0', zoneMinutes = '0'] = found
  if (Number(zoneHours) > 23 || Number(zoneMinutes) > 59) return undefined
  const offset = (Number(zoneHours) * 60 + Number(zoneMinutes)) * (sign === '-' ? -60 : 60)
  const seconds = date.getTime() / 1000 + hour * 3600 + minute * 60 + second - offset
  return BigInt(seconds) * SECOND + BigInt(fraction.padEnd(9, '0'))
}

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: SECOND,
  m: 60n * SECOND,
  h: 3600n * SECOND,
}
const PART = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/y

/** Go's text of a duration in nanoseconds: `1h30m`, `-1.5s`, `0`. */
export function parseDurationText(text: string): bigint | undefined {
  const negative = text.startsWith('-')
  const body = /^[+-]/.test(text) ? text.slice(1) : text
  if (body === '0') return 0n
  if (body === '' || body.length > 128) return undefined
  let total = 0n
  PART.lastIndex = 0
  while (PART.lastIndex < body.length) {
    const part = PART.exec(body)
    if (!part) return undefined
    const [, whole = '', fraction = '', unit] = part
    if (whole === '' && fraction === '') return undefined
    const size = UNITS[unit!]!
    total += BigInt(whole || '0') * size
    if (fraction) total += (BigInt(fraction) * size) / 10n ** BigInt(fraction.length)
  }
  if (total > MAX_DURATION) return undefined
  return negative ? -total : total
}

const fractionText = (ns: bigint) => (ns === 0n ? '' : `.${String(ns).padStart(9, '0').replace(/0+$/, '')}`)

export function formatTimestamp({ ns, zoneMinutes }: Timestamp): string {
  const fraction = ((ns % SECOND) + SECOND) % SECOND
  const date = new Date(Number((ns - fraction) / 1_000_000n) + zoneMinutes * 60_000)
  const year = String(date.getUTCFullYear()).padStart(4, '0')
  return `${year}${date.toISOString().slice(-20, -5)}${fractionText(fraction)}${zoneText(zoneMinutes)}`
}

function zoneText(minutes: number): string {
  if (minutes === 0) return 'Z'
  const size = Math.abs(minutes)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}

/** Of an RFC 3339 time, in minutes east of UTC. */
export function zoneOf(text: string): number {
  const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)$/.exec(text) ?? []
  return sign ? (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1) : 0
}
/** Seconds: `5400s`, `-1.5s`. */
export function formatDuration({ ns }: Duration): string {
  const size = ns < 0n ? -ns : ns
  return `${ns < 0n ? '-' : ''}${size / SECOND}${fractionText(size % SECOND)}s`
}

export function timestamp(ns: bigint, zoneMinutes = 0): Timestamp {
  if (ns < MIN_TIME || ns > MAX_TIME) throw new CelError('timestamp overflow')
  return new Timestamp(ns, zoneMinutes)
}
export function duration(ns: bigint): Duration {
  if (ns > MAX_DURATION || ns < -MAX_DURATION - 1n) throw new CelError('duration overflow')
  return new Duration(ns)
}
export function timestampOf(text: string): Timestamp {
  const ns = parseTimestamp(text)
  if (ns === undefined) throw new CelError(`invalid RFC 3339 timestamp ${JSON.stringify(text)}`)
  return timestamp(ns, zoneOf(text))
}
export function durationOf(text: string): Duration {
  const ns = parseDurationText(text)
  if (ns === undefined) throw new CelError("type conversion error from 'string' to 'google.protobuf.Duration'")
  return duration(ns)
}

interface Parts {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  ms: number
  weekday: number
  yearDay: number
}
const DAY_MS = 86_400_000

function partsOf(at: Timestamp, zone = 'UTC'): Parts {
  const sub = ((at.ns % SECOND) + SECOND) % SECOND
  const utc = Number((at.ns - sub) / 1_000_000n)
  const date = new Date(utc + zoneOffsetMs(utc, zone))
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth(),
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    ms: Number(sub / 1_000_000n),
    weekday: date.getUTCDay(),
    yearDay: Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS),
  }
}

const OFFSET = /^([+-]?)(\d{1,2}):(\d{1,2})$/
function zoneOffsetMs(utc: number, zone: string): number {
  if (zone === 'UTC' || zone === '') return 0
  const offset = OFFSET.exec(zone)
  if (offset) return (Number(offset[2]) * 60 + Number(offset[3])) * (offset[1] === '-' ? -60_000 : 60_000)
  if (zone.length > 64 || !/^[A-Za-z]/.test(zone)) throw new CelError(`unknown time zone ${zone}`)
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    const found = Object.fromEntries(format.formatToParts(utc).map((part) => [part.type, Number(part.value)]))
    return Date.UTC(found.year!, found.month! - 1, found.day, found.hour, found.minute, found.second) - utc
  } catch (err) {
    if (err instanceof RangeError) throw new CelError(`unknown time zone ${zone}`)
    throw err
  }
}

const getter = (pick: (parts: Parts) => number) => [
  overload('timestamp.() int', (at: Timestamp) => pick(partsOf(at))),
  overload('timestamp.(string) int', (at: Timestamp, zone: string) => pick(partsOf(at, zone))),
]
const inDuration = (unit: bigint) => overload('duration.() int', ({ ns }: Duration) => toInt(ns / unit))

export const timeLibrary: Library = {
  getFullYear: getter((p) => p.year),
  getMonth: getter((p) => p.month),
  getDate: getter((p) => p.day),
  getDayOfMonth: getter((p) => p.day - 1),
  getDayOfWeek: getter((p) => p.weekday),
  getDayOfYear: getter((p) => p.yearDay),
  getHours: [...getter((p) => p.hour), inDuration(3600n * SECOND)],
  getMinutes: [...getter((p) => p.minute), inDuration(60n * SECOND)],
  getSeconds: [...getter((p) => p.second), inDuration(SECOND)],
  getMilliseconds: [
    ...getter((p) => p.ms),
    overload('duration.() int', ({ ns }: Duration) => toInt((ns / 1_000_000n) % 1000n)),
  ],
  timestamp: [
    overload('(timestamp) timestamp', (at: Timestamp) => at),
    overload('(string) timestamp', timestampOf),
    overload('(int) timestamp', (seconds: number | bigint) => timestamp(BigInt(seconds) * SECOND)),
  ],
  duration: [
    overload('(duration) duration', (d: Duration) => d),
    overload('(string) duration', durationOf),
    overload('(int) duration', (ns: number | bigint) => duration(BigInt(ns))),
  ],
}

export const secondsOf = ({ ns }: Timestamp) => toInt((ns - (((ns % SECOND) + SECOND) % SECOND)) / SECOND)
