// IP addresses and networks as the API reads them: leading zeros are read as decimal, and told of; the canonical form is that of
// RFC 5952. Pure. k8s: fields older than the strict rules still know a value that they were allowed to hold once.
import { isIP } from 'node:net'

export interface Address {
  /** Of an IPv4 address in IPv6 clothes: 4. */
  readonly family: 4 | 6
  readonly canonical: string
  readonly leadingZeros: boolean
  /** `::ffff:1.2.3.4` */
  readonly mapped: boolean
}

export interface Network {
  readonly canonical: string
  readonly family: 4 | 6
  readonly bits: number
  readonly address: Address
  readonly leadingZeros: boolean
  /** Bits are set beyond the prefix length. */
  readonly hostBits: boolean
}

const DOTTED = /^\d+\.\d+\.\d+\.\d+$/
const MAPPED = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/

/** Undefined when it is no address. */
export function parseAddress(text: string): Address | undefined {
  if (DOTTED.test(text)) {
    const parts = text.split('.')
    const octets = parts.map(Number)
    if (octets.some((octet) => octet > 255)) return undefined
    const leadingZeros = parts.some((part) => part.length > 1 && part.startsWith('0'))
    return { family: 4, canonical: octets.join('.'), leadingZeros, mapped: false }
  }
  if (isIP(text) !== 6 || text.includes('%')) return undefined
  const canonical = new URL(`http://[${text}]`).hostname.slice(1, -1)
  const [, high, low] = MAPPED.exec(canonical) ?? []
  if (high === undefined || low === undefined) return { family: 6, canonical, leadingZeros: false, mapped: false }
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return { family: 4, canonical: [a >> 8, a & 255, b >> 8, b & 255].join('.'), leadingZeros: false, mapped: true }
}

/** Undefined when it is no network. */
export function parseNetwork(text: string): Network | undefined {
  const [left = '', bitsText = '', more] = text.split('/')
  const address = parseAddress(left)
  if (more !== undefined || !address || !/^\d+$/.test(bitsText)) return undefined
  const width = address.family === 4 && !address.mapped ? 32 : 128
  const written = Number(bitsText)
  if (written > width) return undefined
  const bits = address.mapped ? Math.max(written - 96, 0) : written
  const base = masked(address, bits)
  return {
    address,
    family: address.family,
    bits,
    canonical: `${base}/${bits}`,
    leadingZeros: address.leadingZeros || (bitsText.length > 1 && bitsText.startsWith('0')),
    hostBits: base !== address.canonical,
  }
}

function masked({ family, canonical }: Address, bits: number): string {
  const hextets = family === 4 ? canonical.split('.').map(Number) : expanded(canonical)
  const width = family === 4 ? 8 : 16
  const kept = hextets.map((part, i) => {
    const left = Math.min(Math.max(bits - i * width, 0), width)
    return part & ~((1 << (width - left)) - 1)
  })
  if (family === 4) return kept.join('.')
  return parseAddress(kept.map((part) => part.toString(16)).join(':'))?.canonical ?? canonical
}

function expanded(address: string): number[] {
  const [head = '', tail] = address.split('::')
  const numbers = (part: string | undefined) =>
    part === undefined || part === '' ? [] : part.split(':').map((hextet) => Number.parseInt(hextet, 16))
  const [left, right] = [numbers(head), numbers(tail)]
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right]
}

/** One of each family at least; false when any of them is no address. */
export function areDualStack(texts: readonly string[]): boolean {
  const families = texts.map((text) => parseAddress(text)?.family)
  return !families.includes(undefined) && families.includes(4) && families.includes(6)
}

/** What is said of an address that is let in though it could be written better. */
export function addressWarnings(field: string, text: string): string[] {
  const address = parseAddress(text)
  if (!address) return []
  if (address.leadingZeros || address.mapped) {
    return [
      `${field}: non-standard IP address ${JSON.stringify(text)} is invalid: use ${JSON.stringify(address.canonical)}`,
    ]
  }
  if (address.family === 4 || address.canonical === text) return []
  return [
    `${field}: IPv6 address ${JSON.stringify(text)} should be in RFC 5952 canonical format (${JSON.stringify(address.canonical)})`,
  ]
}

export function networkWarnings(field: string, text: string): string[] {
  const network = parseNetwork(text)
  if (!network) return []
  const { address, canonical, hostBits, leadingZeros } = network
  const warnings: string[] = []
  if (hostBits) {
    const single = `${address.canonical}/${address.family === 4 ? 32 : 128}`
    warnings.push(
      `${field}: CIDR value ${JSON.stringify(text)} is ambiguous in this context (should be ${JSON.stringify(canonical)} or ${JSON.stringify(single)}?)`,
    )
  }
  if (leadingZeros || address.mapped) {
    warnings.push(
      `${field}: non-standard CIDR value ${JSON.stringify(text)} is invalid: use ${JSON.stringify(canonical)}`,
    )
  }
  if (warnings.length === 0 && address.family === 6 && canonical !== text) {
    warnings.push(
      `${field}: IPv6 CIDR value ${JSON.stringify(text)} should be in RFC 5952 canonical format (${JSON.stringify(canonical)})`,
    )
  }
  return warnings
}
