// Quantities (`500m`, `1.5Gi`, `2e3`) as the numbers that the kernel and the downward API want. Rounding is always up, as in the
// standard: a limit is never made smaller than it was written.
const SUFFIX: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}
const FORM = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/

/** The number that a quantity stands for; 0 for what is absent or no quantity (the server validated it). */
export function amount(quantity: string | number | undefined): number {
  if (quantity === undefined) return 0
  const match = FORM.exec(String(quantity))
  if (!match) return 0
  const [, digits = '0', exponent, suffix = ''] = match
  return exponent ? Number(digits + exponent) : Number(digits) * (SUFFIX[suffix] ?? 1)
}

/** Division that rounds up and forgives the dust of binary fractions: 0.1 / 0.001 is 100, not 101. */
export function divideUp(value: number, divisor: number): number {
  const quotient = value / divisor
  const nearest = Math.round(quotient)
  return Math.abs(quotient - nearest) < 1e-9 * Math.max(1, Math.abs(nearest)) ? nearest : Math.ceil(quotient)
}

export const whole = (quantity: string | number | undefined) => divideUp(amount(quantity), 1)
export const milli = (quantity: string | number | undefined) => divideUp(amount(quantity), 1e-3)
