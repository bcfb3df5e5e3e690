// How long to wait before trying again: doubles from `firstMs` to `maxMs`, with jitter so that many clients don't return at once.

export interface BackOffOptions {
  firstMs: number
  maxMs: number
  /** The share of the delay that is random: 0.5 spreads 1 s over 1 to 1.5 s. None unless set. */
  jitter?: number
  random?: () => number
}

export class BackOff {
  readonly #options: BackOffOptions
  #failures = 0

  constructor(options: BackOffOptions) {
    this.#options = options
  }

  /** The delay before the next attempt, after one more failure. */
  nextMs(): number {
    const { jitter = 0, random = Math.random } = this.#options
    return backOffMs(this.#options, this.#failures++) * (1 + jitter * random())
  }

  reset(): void {
    this.#failures = 0
  }
}

/** The delay after `failures` earlier ones, without jitter. */
export function backOffMs({ firstMs, maxMs }: { firstMs: number; maxMs: number }, failures: number): number {
  return Math.min(firstMs * 2 ** Math.min(failures, 50), maxMs)
}
