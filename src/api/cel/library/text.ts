// How values look as text: `string(x)`, and the clauses of `format`.
import { CelError } from '../errors.ts'
import {
  Double,
  type Duration,
  doubleOf,
  kindOf,
  type MapValue,
  mapEntries,
  type Timestamp,
  type TypeValue,
  typeNameOf,
  type Uint,
} from '../values.ts'
import { formatDuration, formatTimestamp } from './time.ts'

/** As Go's `%g`: the shortest digits that say the number; an exponent below 1e-4 and from 1e6 on. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const [mantissa, exponentText] = value.toExponential().split('e') as [string, string]
  const exponent = Number(exponentText)
  const digits = mantissa.replace(/[-.]/g, '').length
  if (exponent < -4 || exponent >= 6) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  return value.toFixed(Math.max(0, digits - 1 - exponent))
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new CelError('invalid UTF-8 in bytes, cannot convert to string')
  }
}

/** `%s` of any value; inside lists and maps, text is quoted. */
function shown(value: unknown, nested: boolean): string {
  switch (kindOf(value)) {
    case 'string':
      return nested ? quoteText(value as string) : (value as string)
    case 'bytes':
      return nested
        ? `b${quoteText(Buffer.from(value as Uint8Array).toString())}`
        : Buffer.from(value as Uint8Array).toString()
    case 'null':
      return 'null'
    case 'int':
    case 'bool':
      return String(value)
    case 'uint':
      return String((value as Uint).value)
    case 'double':
      // alone as short as can be, inside others with six digits
      return nested ? fixed(doubleOf(value), 6, true) : shortDouble(doubleOf(value))
    case 'duration':
      return nested ? `duration(${quoteText(formatDuration(value as Duration))})` : formatDuration(value as Duration)
    case 'timestamp':
      return nested
        ? `timestamp(${quoteText(formatTimestamp(value as Timestamp))})`
        : formatTimestamp(value as Timestamp)
    case 'type':
      return (value as TypeValue).name
    case 'list':
      return `[${(value as unknown[]).map((item) => shown(item, true)).join(', ')}]`
    case 'map': {
      const entries = [...mapEntries(value as MapValue)].map(([key, item]) => [shown(key, true), shown(item, true)])
      return `{${entries
        .sort(([a], [b]) => (a! < b! ? -1 : 1))
        .map(([key, item]) => `${key}:${item}`)
        .join(', ')}}`
    }
    default:
      throw new CelError(
        `error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${typeNameOf(value)}`,
      )
  }
}

function fixed(value: number, precision: number, nested = false): string {
  if (Number.isNaN(value)) return nested ? '"NaN"' : 'NaN'
  if (!Number.isFinite(value)) {
    const text = value > 0 ? 'Infinity' : '-Infinity'
    return nested ? `"${text}"` : text
  }
  return value.toFixed(precision)
}

const shortDouble = (value: number) => (Number.isFinite(value) ? String(value) : fixed(value, 0))

const SUPERSCRIPT = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹']
function scientific(value: number, precision: number): string {
  if (!Number.isFinite(value)) return fixed(value, precision)
  const [mantissa, exponent] = value.toExponential(precision).split('e') as [string, string]
  const digits = exponent.replace(/^[+-]/, '').padStart(2, '0')
  return `${mantissa}×10${exponent.startsWith('-') ? '⁻' : ''}${[...digits].map((d) => SUPERSCRIPT[Number(d)]).join('')}`
}

export const quoteText = (text: string): string => `"${text.replace(/["\\\p{Cc}]/gu, (c) => QUOTED[c] ?? c)}"`
const QUOTED: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

const integer = (value: unknown): bigint | undefined => {
  const kind = kindOf(value)
  if (kind === 'int') return BigInt(value as number)
  return kind === 'uint' ? (value as Uint).value : undefined
}
const wrong = (clause: string, wanted: string, value: unknown) =>
  new CelError(
    `error during formatting: ${clause} clause can only be used on ${wanted}, was given ${typeNameOf(value)}`,
  )

function clause(letter: string, precision: number | undefined, value: unknown): string {
  switch (letter) {
    case 's':
      return shown(value, false)
    case 'd': {
      const whole = integer(value)
      if (whole !== undefined) return String(whole)
      if (kindOf(value) === 'double' && !Number.isFinite(Number((value as Double).value))) {
        return fixed((value as Double).value, 0)
      }
      throw wrong('decimal', 'integers', value)
    }
    case 'f':
    case 'e': {
      if (kindOf(value) !== 'double') throw wrong(letter === 'f' ? 'fixed-point' : 'scientific', 'doubles', value)
      const number = value instanceof Double ? value.value : (value as number)
      return letter === 'f' ? fixed(number, precision ?? 6) : scientific(number, precision ?? 6)
    }
    case 'b': {
      if (typeof value === 'boolean') return value ? '1' : '0'
      const whole = integer(value)
      if (whole === undefined) throw wrong('binary', 'integers and bools', value)
      return whole.toString(2)
    }
    case 'o': {
      const whole = integer(value)
      if (whole === undefined) throw wrong('octal', 'integers', value)
      return whole.toString(8)
    }
    case 'x':
    case 'X': {
      const whole = integer(value)
      const text =
        whole !== undefined
          ? whole.toString(16)
          : typeof value === 'string' || value instanceof Uint8Array
            ? Buffer.from(value as string).toString('hex')
            : undefined
      if (text === undefined) throw wrong('hex', 'integers, byte buffers, and strings', value)
      return letter === 'X' ? text.toUpperCase() : text
    }
    default:
      throw new CelError(`could not parse formatting clause: unrecognized formatting clause "${letter}"`)
  }
}

const MAX_PRECISION = 100
/** Goes through a format text; `item` gives the text of each clause. */
export function walkFormat(text: string, item: (letter: string, precision: number | undefined) => string): string {
  let out = ''
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (c !== '%') {
      out += c
      continue
    }
    i++
    if (i >= text.length) throw new CelError('unexpected end of string')
    if (text[i] === '%') {
      out += '%'
      continue
    }
    let precision: number | undefined
    if (text[i] === '.') {
      const digits = /^\d*/.exec(text.slice(i + 1, i + 12))![0]
      if (digits === '')
        throw new CelError(
          'could not parse formatting clause: error while parsing precision: could not convert precision to integer',
        )
      precision = Math.min(Number(digits), MAX_PRECISION)
      i += 1 + digits.length
      if (i >= text.length)
        throw new CelError(
          'could not parse formatting clause: error while parsing precision: could not find end of precision specifier',
        )
    }
    out += item(text[i]!, precision)
  }
  return out
}

export function formatText(text: string, args: readonly unknown[]): string {
  let next = 0
  return walkFormat(text, (letter, precision) => {
    if (!'sdfeboxX'.includes(letter)) clause(letter, precision, null)
    if (next >= args.length) throw new CelError(`index ${next} out of range`)
    return clause(letter, precision, args[next++])
  })
}
