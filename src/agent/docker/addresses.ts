// Which pod has which address of the node's subnet: a set in memory, filled from the labels of what runs. Synchronous, so two pods
// never get the same one. Addresses are handed out in turn, so that one that was just freed rests as long as possible.
import { RuntimeError } from '../cri/runtime.ts'

export class AddressPool {
  readonly #first: number
  readonly #last: number
  readonly #used = new Set<number>()
  #next: number

  /** @param subnet like `10.244.0.0/24`; its first and last address and the `reserved` ones are never given. */
  constructor(subnet: string, reserved: readonly string[]) {
    const [base = '', bits = ''] = subnet.split('/')
    const mask = (2 ** 32 - 2 ** (32 - Number(bits))) >>> 0
    const network = (numberOf(base) & mask) >>> 0
    this.#first = network + 1
    this.#last = ((network | ~mask) >>> 0) - 1
    this.#next = this.#first
    for (const address of reserved) this.take(address)
  }

  allocate(): string {
    for (let tried = this.#first; tried <= this.#last; tried++) {
      const candidate = this.#next
      this.#next = candidate >= this.#last ? this.#first : candidate + 1
      if (!this.#used.has(candidate)) {
        this.#used.add(candidate)
        return textOf(candidate)
      }
    }
    throw new RuntimeError('Unknown', "no pod address is free in this node's range")
  }

  /** Marks it as used; what lies outside the range is ignored. The next allocation starts behind it. */
  take(address: string): void {
    const n = numberOf(address)
    if (n < this.#first || n > this.#last) return
    this.#used.add(n)
    this.#next = n >= this.#last ? this.#first : n + 1
  }

  release(address: string): void {
    if (address) this.#used.delete(numberOf(address))
  }
}

const numberOf = (address: string) => address.split('.').reduce((n, part) => n * 256 + Number(part), 0)
const textOf = (n: number) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join('.')
export const prefixLength = (subnet: string) => Number(subnet.split('/')[1])

/** As Docker makes them: the same address always has the same one, so neighbours' caches stay true when it is used again. */
export const macOf = (address: string) =>
  `02:42:${address
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join(':')}`
