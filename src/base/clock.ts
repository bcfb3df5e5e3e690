// Time as a parameter. `systemClock` is the real one; `FakeClock` moves only when a test advances it, so tests never sleep.

export interface Timer {
  /** Idempotent; the callback will not run afterwards. */
  cancel(): void
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Runs `callback` once, `delayMs` from now (at least 0). The timer does not keep the process alive. */
  after(delayMs: number, callback: () => void): Timer
}

/** The longest delay that Node's timers take; longer ones are split. */
const LONGEST_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, callback) {
    let timer: NodeJS.Timeout
    const arm = (leftMs: number) => {
      const stepMs = Math.min(Math.max(leftMs, 0), LONGEST_MS)
      timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : callback()), stepMs)
      timer.unref()
    }
    arm(delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
}

/** Resolves after `delayMs`; rejects with the signal's reason when it is aborted first. */
export function delay(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const onAbort = () => {
      timer.cancel()
      reject(signal.reason)
    }
    const timer = clock.after(delayMs, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

interface DueTimer {
  dueMs: number
  sequence: number
  callback: () => void
}

/** A clock that stands still until `advance`. Timers due at the same instant run in the order they were set. */
export class FakeClock implements Clock {
  #nowMs: number
  #sequence = 0
  #timers: DueTimer[] = []

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = { dueMs: this.#nowMs + Math.max(delayMs, 0), sequence: this.#sequence++, callback }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((t) => t !== timer)
      },
    }
  }

  /** Milliseconds until the next timer, or undefined when none is set. */
  untilNextMs(): number | undefined {
    const next = this.#next()
    return next && Math.max(next.dueMs - this.#nowMs, 0)
  }

  /** Moves time forward, running what falls due in order. Async work that a callback starts is given a turn in between. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    for (let next = this.#next(); next && next.dueMs <= endMs; next = this.#next()) {
      const due = next
      this.#timers = this.#timers.filter((t) => t !== due)
      this.#nowMs = Math.max(this.#nowMs, due.dueMs)
      due.callback()
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#nowMs = endMs
  }

  #next() {
    return this.#timers.reduce<DueTimer | undefined>(
      (best, t) => (!best || t.dueMs < best.dueMs || (t.dueMs === best.dueMs && t.sequence < best.sequence) ? t : best),
      undefined,
    )
  }
}
