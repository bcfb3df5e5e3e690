// A range of IPv4 or IPv6 addresses as numbers: what is in it, and its n-th address. Pure.
import { isIP } from 'node:net'

export class AddressRange {
  readonly cidr: string
  readonly family: 4 | 6
  readonly #first: bigint
  readonly #count: bigint

  /** @throws Error when the text isn't a CIDR */
  constructor(cidr: string) {
    const [address = '', bits = ''] = cidr.split('/')
    const family = isIP(address)
    const width = family === 4 ? 32 : 128
    const prefix = Number(bits)
    if (family === 0 || !/^\d+$/.test(bits) || prefix > width) throw new Error(`${JSON.stringify(cidr)} is not a CIDR`)
    this.family = family as 4 | 6
    this.#count = 1n << BigInt(width - prefix)
    this.#first = (toNumber(address) / this.#count) * this.#count
    this.cidr = `${toText(this.#first, this.family)}/${prefix}`
  }

  /** How many addresses can be given away: the first is the network's, IPv4's last the broadcast. At most 2^24 are used. */
  get usable(): number {
    const usable = this.#count - (this.family === 4 ? 2n : 1n)
    const most = 1n << 24n
    return Number(usable < 0n ? 0n : usable > most ? most : usable)
  }

  /** @param n from 1 */
  at(n: number): string {
    return toText(this.#first + BigInt(n), this.family)
  }

  contains(address: string): boolean {
    if (isIP(address) !== this.family) return false
    const n = toNumber(address) - this.#first
    const last = this.family === 4 ? this.#count - 2n : this.#count - 1n
    return n >= 1n && n <= last
  }
}

function toNumber(address: string): bigint {
  if (isIP(address) === 4) return address.split('.').reduce((n, part) => n * 256n + BigInt(part), 0n)
  const expanded = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const hex = (high: string, low: string) => (Number(high) * 256 + Number(low)).toString(16)
    return `${hex(a, b)}:${hex(c, d)}`
  })
  const [head = '', tail] = expanded.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const middle = tail === undefined ? [] : new Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...middle, ...right].reduce((n, part) => n * 65536n + BigInt(`0x${part}`), 0n)
}

function toText(n: bigint, family: 4 | 6): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((n >> shift) & 255n)).join('.')
  const parts = [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((shift) => ((n >> shift) & 65535n).toString(16))
  const zeros = /(?:^|:)(?:0(?::|$)){2,}/.exec(parts.join(':'))
  return zeros ? parts.join(':').replace(zeros[0], '::') : parts.join(':')
}
