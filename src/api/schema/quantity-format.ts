// The one canonical text of a Quantity: `1024Mi` → `1Gi`, `0.5` → `500m`, `1000m` → `1`. Exact (big integers in nano units),
// with a fast path for what is canonical already. Arithmetic on quantities is not done here.

export const QUANTITY_FORMAT_ERROR =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
export const QUANTITY_SUFFIX_ERROR = "unable to parse quantity's suffix"

/** One to three digits with any suffix: no power of 1000 or 1024 can be taken out. */
const CANONICAL = /^[1-9][0-9]{0,2}(?:[numkMGTP]|[KMGTP]i)?$/
const PARTS = /^([+-]?)([0-9]*)(?:\.([0-9]*))?((?:[eE][+-]?[0-9]+)|[a-zA-Z]*)$/
const LOOSE = /^[+-]?[0-9.]+[eEinumkKMGTP]*[-+]?[0-9]*$/
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const BINARY: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 }
const DECIMAL_SUFFIX: Readonly<Record<number, string>> = {
  [-9]: 'n',
  [-6]: 'u',
  [-3]: 'm',
  0: '',
  3: 'k',
  6: 'M',
  9: 'G',
  12: 'T',
  15: 'P',
  18: 'E',
}
const BINARY_SUFFIX = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']
const NANO = 1_000_000_000n
const MAX = (2n ** 63n - 1n) * NANO
/** Longest quantity that is read; real ones have a dozen characters. */
const MAX_LENGTH = 256

/** @throws Error with the API's message when `text` is not a quantity. */
export function canonicalQuantity(text: string): string {
  if (CANONICAL.test(text) || text === '0') return text
  if (text.length > MAX_LENGTH) throw new Error(QUANTITY_FORMAT_ERROR)
  const parts = PARTS.exec(text)
  if (!parts || (!parts[2] && !parts[3])) {
    throw new Error(LOOSE.test(text) && /^[+-]?[0-9]+/.test(text) ? QUANTITY_SUFFIX_ERROR : QUANTITY_FORMAT_ERROR)
  }
  const [, sign, whole = '', fraction = '', suffix = ''] = parts
  const binary = BINARY[suffix]
  let exponent = DECIMAL[suffix]
  const scientific = exponent === undefined && /^[eE][+-]?[0-9]+$/.test(suffix)
  if (scientific) exponent = Number(suffix.slice(1))
  if (exponent === undefined && binary === undefined) throw new Error(QUANTITY_SUFFIX_ERROR)

  // nano = digits × 10^(9 + exponent − fraction digits) × 2^binary, rounded away from zero to whole nanos
  const power = 9 + (exponent ?? 0) - fraction.length
  const digits = BigInt(whole + fraction || '0') * 2n ** BigInt(binary ?? 0)
  let nano: bigint
  if (digits === 0n) return '0'
  if (power >= 0) {
    nano = power > 400 ? MAX : digits * 10n ** BigInt(power)
  } else if (-power > MAX_LENGTH + 60) {
    nano = 1n
  } else {
    const unit = 10n ** BigInt(-power)
    nano = digits / unit + (digits % unit === 0n ? 0n : 1n)
  }
  if (nano > MAX) nano = MAX
  const minus = sign === '-' ? '-' : ''
  if (binary !== undefined && nano >= 1024n * NANO && nano % NANO === 0n) {
    let value = nano / NANO
    let step = 0
    while (value % 1024n === 0n && step < BINARY_SUFFIX.length - 1) {
      value /= 1024n
      step++
    }
    return `${minus}${value}${BINARY_SUFFIX[step]}`
  }
  let scale = -9
  while (nano % 1000n === 0n && scale < 18) {
    nano /= 1000n
    scale += 3
  }
  if (!scientific) return `${minus}${nano}${DECIMAL_SUFFIX[scale]}`
  return scale === 0 ? `${minus}${nano}` : `${minus}${nano}e${scale}`
}
