// Keys waiting to be worked on, one at a time each: a key that is added while it is waiting is there once, one that is added while it
// is being worked on comes again afterwards. Keys can be added for later, or with a delay that grows with their failures; taking a key
// cancels what was planned for it, because whoever works on it plans anew.
import type { Clock, Timer } from '../base/clock.ts'
import { backOffMs } from './back-off.ts'

export interface WorkQueueOptions {
  /** The delay after a key's first failure; doubles up to `maxMs`. 5 ms and 1000 s unless set. */
  firstMs?: number
  maxMs?: number
}

export class WorkQueue {
  readonly #clock: Clock
  readonly #backOff: { firstMs: number; maxMs: number }
  /** In order of arrival. */
  readonly #waiting = new Set<string>()
  readonly #working = new Set<string>()
  /** Added while being worked on. */
  readonly #again = new Set<string>()
  readonly #later = new Map<string, { dueMs: number; timer: Timer }>()
  readonly #failures = new Map<string, number>()
  readonly #takers: ((key: string | undefined) => void)[] = []
  #open = true

  constructor(clock: Clock, { firstMs = 5, maxMs = 1_000_000 }: WorkQueueOptions = {}) {
    this.#clock = clock
    this.#backOff = { firstMs, maxMs }
  }

  /** Keys that could be taken now. */
  get depth(): number {
    return this.#waiting.size
  }

  add(key: string): void {
    if (!this.#open) return
    if (this.#working.has(key)) {
      this.#again.add(key)
      return
    }
    if (this.#waiting.has(key)) return
    const taker = this.#takers.shift()
    if (taker) {
      this.#begin(key)
      taker(key)
    } else {
      this.#waiting.add(key)
    }
  }

  /** Adds the key in `delayMs`. Of several delays of a key the earliest counts. */
  addAfter(key: string, delayMs: number): void {
    if (!this.#open) return
    if (delayMs <= 0) {
      this.add(key)
      return
    }
    const dueMs = this.#clock.now() + delayMs
    const known = this.#later.get(key)
    if (known && known.dueMs <= dueMs) return
    known?.timer.cancel()
    const timer = this.#clock.after(delayMs, () => {
      this.#later.delete(key)
      this.add(key)
    })
    this.#later.set(key, { dueMs, timer })
  }

  /** How often the key has failed since it was last forgotten. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  /** Adds the key after its back-off, which grows until `forget`. Returns the delay. */
  addFailed(key: string): number {
    const failures = this.failures(key)
    this.#failures.set(key, failures + 1)
    const delayMs = backOffMs(this.#backOff, failures)
    this.addAfter(key, delayMs)
    return delayMs
  }

  /** The key succeeded: its next failure begins at the first delay again. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  /** The next key, which is the caller's until `done`; waits for one. Undefined when the queue was closed. */
  take(): Promise<string | undefined> {
    if (!this.#open) return Promise.resolve(undefined)
    for (const key of this.#waiting) {
      this.#waiting.delete(key)
      this.#begin(key)
      return Promise.resolve(key)
    }
    return new Promise((resolve) => this.#takers.push(resolve))
  }

  #begin(key: string): void {
    this.#working.add(key)
    this.#later.get(key)?.timer.cancel()
    this.#later.delete(key)
  }

  done(key: string): void {
    this.#working.delete(key)
    if (this.#again.delete(key)) this.add(key)
  }

  /** Drops everything; whoever waits in `take` gets undefined. Idempotent. */
  close(): void {
    this.#open = false
    this.#waiting.clear()
    this.#again.clear()
    this.#failures.clear()
    for (const { timer } of this.#later.values()) timer.cancel()
    this.#later.clear()
    for (const taker of this.#takers.splice(0)) taker(undefined)
  }
}
