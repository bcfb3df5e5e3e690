// Quantities: `100m`, `1.5Gi`, `2e3`. Exact: a value is a whole number of nano-units, the API's finest step; what is finer is rounded
// away from zero. Results are written in canonical form: no fraction, the largest suffix that keeps the value whole.

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent'
export interface Quantity {
  readonly nano: bigint
  readonly format: QuantityFormat
}

const NANO = 1_000_000_000n
const MAX_NANO = (2n ** 63n - 1n) * NANO
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const DECIMAL_SUFFIXES = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E']
const BINARY_SUFFIXES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']
const SHAPE = /^([+-]?)(\d*)(?:\.(\d*))?([a-zA-Z]*)([+-]?\d*)$/
const MAX_LENGTH = 64

export class QuantityError extends Error {}

/** @throws QuantityError with the standard sentence. */
export function parseQuantity(text: string): Quantity {
  const shape = text.length <= MAX_LENGTH ? SHAPE.exec(text) : null
  const [, sign = '', whole = '', fraction = '', suffix = '', exponentText = ''] = shape ?? []
  if (!shape || (whole === '' && fraction === '')) {
    throw new QuantityError(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    )
  }
  const { exponent, binary, format } = scaleOf(suffix, exponentText)
  // digits × 10^scale × 2^binary, in nano-units
  const digits = BigInt(whole + fraction || '0')
  const scale = exponent - fraction.length + 9
  let nano = digits << BigInt(binary)
  if (scale >= 0) nano = digits === 0n ? 0n : scale > 64 ? MAX_NANO : nano * 10n ** BigInt(scale)
  else {
    const divisor = 10n ** BigInt(Math.min(-scale, 256))
    nano = (nano + divisor - 1n) / divisor
  }
  if (nano > MAX_NANO) nano = MAX_NANO
  return { nano: sign === '-' ? -nano : nano, format }
}

function scaleOf(suffix: string, digits: string): { exponent: number; binary: number; format: QuantityFormat } {
  if ((suffix === 'e' || suffix === 'E') && /\d/.test(digits)) {
    return { exponent: Math.max(-400, Math.min(400, Number(digits))), binary: 0, format: 'DecimalExponent' }
  }
  if (digits === '') {
    const decimal = Object.hasOwn(DECIMAL, suffix) ? DECIMAL[suffix] : undefined
    if (decimal !== undefined) return { exponent: decimal, binary: 0, format: 'DecimalSI' }
    const power = BINARY_SUFFIXES.indexOf(suffix)
    if (power > 0) return { exponent: 0, binary: power * 10, format: 'BinarySI' }
  }
  throw new QuantityError("unable to parse quantity's suffix")
}

/** Canonical text. */
export function formatQuantity({ nano, format }: Quantity): string {
  if (nano === 0n) return '0'
  const binary = format === 'BinarySI' && nano % NANO === 0n && (nano >= 1024n * NANO || nano <= -1024n * NANO)
  if (binary) {
    const [mantissa, power] = stripped(nano / NANO, 1024n, BINARY_SUFFIXES.length - 1)
    return `${mantissa}${BINARY_SUFFIXES[power]}`
  }
  const [mantissa, power] = stripped(nano, 1000n, DECIMAL_SUFFIXES.length - 1)
  if (format !== 'DecimalExponent') return `${mantissa}${DECIMAL_SUFFIXES[power]}`
  const exponent = power * 3 - 9
  return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`
}

function stripped(value: bigint, base: bigint, maxPower: number): [bigint, number] {
  let power = 0
  let mantissa = value
  while (power < maxPower && mantissa % base === 0n) {
    mantissa /= base
    power++
  }
  return [mantissa, power]
}

/** The text as the server shows it again: `1000m` → `1`, `0.5` → `500m`. @throws QuantityError. */
export function canonicalQuantity(text: string): string {
  return /^[1-9]\d{0,2}[kMGTPEm]?$/.test(text) || /^[1-9]\d{0,2}[KMGTPE]i$/.test(text)
    ? text
    : formatQuantity(parseQuantity(text))
}

export function isQuantity(text: string): boolean {
  try {
    parseQuantity(text)
    return true
  } catch {
    return false
  }
}

/** Negative, 0 or positive. */
export function compareQuantities(a: string, b: string): number {
  if (a === b) return 0
  const difference = parseQuantity(a).nano - parseQuantity(b).nano
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

const combined = (a: string, b: string, sign: 1n | -1n): string => {
  const [left, right] = [parseQuantity(a), parseQuantity(b)]
  return formatQuantity({ nano: left.nano + sign * right.nano, format: left.nano === 0n ? right.format : left.format })
}
/** k8s: the sum is written in the format of the first operand, unless that is zero. */
export const addQuantities = (a: string, b: string): string => combined(a, b, 1n)
export const subQuantities = (a: string, b: string): string => combined(a, b, -1n)
export const maxQuantity = (a: string, b: string): string => (compareQuantities(a, b) >= 0 ? a : b)

const ceilDiv = (value: bigint, by: bigint) => (value > 0n ? (value + by - 1n) / by : value / by)

/** Texts repeat (every replica asks for the same): the last few hundred results are kept. */
const milliCache = new Map<string, number>()
const CACHE_LIMIT = 512

/** Thousandths, rounded up: CPU arithmetic. */
export function toMilli(text: string): number {
  const known = milliCache.get(text)
  if (known !== undefined) return known
  const milli = Number(ceilDiv(parseQuantity(text).nano, 1_000_000n))
  if (milliCache.size >= CACHE_LIMIT) milliCache.clear()
  milliCache.set(text, milli)
  return milli
}

/** Whole units, rounded up: bytes, pods. */
export function toWhole(text: string): number {
  return Number(ceilDiv(parseQuantity(text).nano, NANO))
}

/** The nearest number, fractions kept. */
export function toNumber(text: string): number {
  return Number(parseQuantity(text).nano) / 1e9
}

/** `1500` → `1500m`, `2000` → `2`. */
export const fromMilli = (milli: number): string =>
  formatQuantity({ nano: BigInt(Math.round(milli)) * 1_000_000n, format: 'DecimalSI' })
/** 1073741824 → `1Gi`. */
export const fromBytes = (sizeBytes: number): string =>
  formatQuantity({ nano: BigInt(Math.round(sizeBytes)) * NANO, format: 'BinarySI' })
