// Amounts of several resources, by name, as sums that stay exact. Pure.
import { formatQuantity, parseQuantity, type Quantity } from '../../api/meta/quantity.ts'

export type Amounts = ReadonlyMap<string, Quantity>

export const NOTHING: Amounts = new Map()
const ONE: Quantity = { nano: 1_000_000_000n, format: 'DecimalSI' }

export const whole = (count: number): Quantity =>
  count === 1 ? ONE : { nano: BigInt(count) * 1_000_000_000n, format: 'DecimalSI' }

/** k8s: a sum is written as its first part is, unless that is zero. */
export function addTo(total: Map<string, Quantity>, more: Amounts, sign: 1n | -1n = 1n): void {
  for (const [name, { nano, format }] of more) {
    const before = total.get(name)
    total.set(name, {
      nano: (before?.nano ?? 0n) + sign * nano,
      format: before && before.nano !== 0n ? before.format : format,
    })
  }
}

/** What of it is more than before; names that stay or fall are left out. */
export function increase(next: Amounts, before: Amounts): Amounts {
  if (before.size === 0) return next
  const more = new Map<string, Quantity>()
  for (const [name, { nano, format }] of next) {
    const rise = nano - (before.get(name)?.nano ?? 0n)
    if (rise > 0n) more.set(name, { nano: rise, format })
  }
  return more
}

export const masked = (amounts: Amounts, names: Readonly<Record<string, unknown>>): Amounts =>
  new Map([...amounts].filter(([name]) => Object.hasOwn(names, name)))

export function parseAmounts(list: Readonly<Record<string, string>> | undefined): Amounts {
  return new Map(Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(text)]))
}

/** `cpu=2,pods=1` */
export const formatAmounts = (amounts: Amounts, names: readonly string[]): string =>
  [...names]
    .sort()
    .map((name) => `${name}=${formatQuantity(amounts.get(name) ?? { nano: 0n, format: 'DecimalSI' })}`)
    .join(',')
