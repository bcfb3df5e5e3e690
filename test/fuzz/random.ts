// Seeded randomness for the fuzz suite, and what makes programs stumble: odd strings, odd numbers, names of the language.
// SKIFF_FUZZ_SEED chooses the seed, SKIFF_FUZZ_ROUNDS how much is done; a failure names the seed that brings it back.

export const SEED = Number(process.env['SKIFF_FUZZ_SEED'] ?? 1)
export const rounds = (ordinary: number) => Number(process.env['SKIFF_FUZZ_ROUNDS'] ?? ordinary)

export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 0
  }

  /** In [0, 1). mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  /** From 0 up to, and without, `bound`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound)
  }

  chance(of: number): boolean {
    return this.next() < of
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)))
  }

  shuffled<T>(list: readonly T[]): T[] {
    return list
      .map((item) => ({ item, at: this.next() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item)
  }

  text(): string {
    const word = this.pick(ODD_STRINGS)
    switch (this.below(12)) {
      case 0:
        return word + this.pick(ODD_STRINGS)
      case 1:
        return word.repeat(1 + this.below(40))
      case 2:
        return String.fromCodePoint(...Array.from({ length: 1 + this.below(12) }, () => this.below(0x110000)))
      case 3:
        return 'a'.repeat(this.pick([62, 63, 64, 252, 253, 254, 1024, 5000]))
      default:
        return word
    }
  }
}

/** What every object of the language has, and more that has a meaning somewhere. */
export const PROTOTYPE_NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf']

export const ODD_STRINGS = [
  '',
  ' ',
  '.',
  '..',
  '/',
  '-',
  '~1',
  '~0',
  '%',
  '%00',
  '*',
  'a',
  'x',
  'kept',
  'default',
  'null',
  'true',
  '0',
  '1',
  '-1',
  '1e3',
  '1Gi',
  '100m',
  '0.1',
  '1e400',
  '999999999999999999999',
  '99999999999999999999Ei',
  '1.2.3.4',
  '::1',
  '10.96.0.1/32',
  '50%',
  '101%',
  'example.com/x',
  'a=b,c!=d',
  'a in (b',
  '2026-01-01T00:00:00Z',
  '2026-13-45T99:99:99Z',
  '0001-01-01T00:00:00Z',
  'YWJj',
  'not base64!',
  '* * * * *',
  '@every 1s',
  'self.a == oldSelf.a',
  'self.all(x, x.all(y, y == x))',
  '(a+)+$',
  '[',
  '$patch',
  '{"a":',
  '\u0000',
  '\ud800',
  '\udfff\ud800',
  '\ufeff',
  '\u202e',
  '\u2028',
  'é',
  'e\u0301',
  'İ',
  '😀',
  '\r\nx: y',
  '<script>',
  '../../etc/passwd',
  ...PROTOTYPE_NAMES,
]

/** As they stand in JSON. */
export const ODD_NUMBERS = [
  '0',
  '-0',
  '1',
  '-1',
  '2',
  '65535',
  '65536',
  '2147483647',
  '2147483648',
  '-2147483649',
  '9007199254740993',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775809',
  '123456789012345678901234567890',
  '1e400',
  '-1e400',
  '1e-400',
  '1.5',
  '0.1',
  '1E3',
  '1.7976931348623157e308',
]
