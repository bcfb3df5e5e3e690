// The string formats that a custom resource's schema may ask for. An unknown format restricts nothing.
import { isIP } from 'node:net'
import { dnsLabel, dnsSubdomain } from '../meta/names.ts'

type Check = (text: string) => boolean

const like =
  (pattern: RegExp): Check =>
  (text) =>
    pattern.test(text)
const uuid = (version: string) =>
  like(new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$`, 'i'))

const DATE_TIME = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:[.,]\d+)?([Zz]|[+-]\d{2}:?\d{2})$/
const CREDIT_CARD =
  /^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})$/
const GO_DURATION =
  /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h)(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*$/
const LONG_DURATION =
  /^\s*\d+(?:\.\d+)?\s*(?:ns|nano|nanos|nanosecond|nanoseconds|us|µs|micro|micros|microsecond|microseconds|ms|milli|millis|millisecond|milliseconds|s|sec|secs|second|seconds|m|min|mins|minute|minutes|h|hr|hrs|hour|hours|d|day|days|w|wk|wks|week|weeks)\s*$/

function isDate(text: string): boolean {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? []
  if (!year) return false
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)))
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day)
}

function isDateTime(text: string): boolean {
  const [, year, month, day, hour, minute, second] = DATE_TIME.exec(text) ?? []
  return !!year && isDate(`${year}-${month}-${day}`) && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 61
}

function isCidr(text: string): boolean {
  const [address = '', bits = '', more] = text.split('/')
  const family = isIP(address)
  return more === undefined && family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
}

function isUri(text: string): boolean {
  if (text === '' || /[\s\p{Cc}]/u.test(text)) return false
  if (text.startsWith('/')) return true
  return /^[A-Za-z][A-Za-z0-9+.-]*:/.test(text)
}

const digits = (text: string) => text.replace(/[\s-]/g, '')
function isIsbn10(text: string): boolean {
  const code = digits(text)
  if (!/^\d{9}[\dX]$/.test(code)) return false
  return [...code].reduce((sum, c, i) => sum + (10 - i) * (c === 'X' ? 10 : Number(c)), 0) % 11 === 0
}
function isIsbn13(text: string): boolean {
  const code = digits(text)
  return /^\d{13}$/.test(code) && [...code].reduce((sum, c, i) => sum + Number(c) * (i % 2 ? 3 : 1), 0) % 10 === 0
}

function isHostname(text: string): boolean {
  if (text.length > 255) return false
  return text.split('.').every((label) => /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label))
}

const FORMATS: Readonly<Record<string, Check>> = {
  bsonobjectid: like(/^[0-9a-fA-F]{24}$/),
  uri: isUri,
  email: like(/^(?:[^<>@\s]+|[^<>@]+<[^<>@\s]+)@[^<>@\s]+>?$/),
  hostname: isHostname,
  ipv4: (text) => isIP(text) === 4,
  ipv6: (text) => isIP(text) === 6 && !text.includes('%'),
  cidr: isCidr,
  mac: like(/^(?:[0-9a-fA-F]{2}([:-])(?:[0-9a-fA-F]{2}\1)*[0-9a-fA-F]{2}|(?:[0-9a-fA-F]{4}\.){2,9}[0-9a-fA-F]{4})$/),
  uuid: uuid('[0-9a-f]'),
  uuid3: uuid('3'),
  uuid4: like(/^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i),
  uuid5: like(/^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i),
  isbn: (text) => isIsbn10(text) || isIsbn13(text),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  creditcard: (text) => CREDIT_CARD.test(text.replace(/[^0-9]+/g, '')),
  ssn: like(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/),
  hexcolor: like(/^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/),
  rgbcolor: like(/^rgb\(\s*(?:\d{1,2}|1\d\d|2[0-4]\d|25[0-5])\s*(?:,\s*(?:\d{1,2}|1\d\d|2[0-4]\d|25[0-5])\s*){2}\)$/),
  byte: like(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/),
  password: () => true,
  date: isDate,
  duration: (text) => text === '0' || GO_DURATION.test(text) || LONG_DURATION.test(text),
  datetime: isDateTime,
  'k8s-short-name': (text) => dnsLabel(text).length === 0,
  'k8s-long-name': (text) => dnsSubdomain(text).length === 0,
}

/** k8s: dashes don't count in the names of formats. */
const normalized = new Map(Object.entries(FORMATS).map(([name, check]) => [name.replaceAll('-', ''), { name, check }]))

/** Undefined when the format is unknown or the text has it; otherwise false. */
export function formatMatches(format: string, text: string): boolean {
  return normalized.get(format.replaceAll('-', ''))?.check(text) ?? true
}
