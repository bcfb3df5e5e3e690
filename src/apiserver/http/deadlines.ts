// Many waits of the same length on one timer: they end in the order in which they began, so only the oldest needs one. A server with
// thousands of requests a second would otherwise make and cancel a timer for each. Nothing is armed while nothing waits for long.
import type { Clock } from '../../base/clock.ts'

export interface Deadline {
  readonly late: () => void
}

export class Deadlines {
  readonly #clock: Clock
  readonly #withinMs: number
  /** Oldest first. */
  readonly #dueMs = new Map<Deadline, number>()
  #armed = false

  constructor(clock: Clock, withinMs: number) {
    this.#clock = clock
    this.#withinMs = withinMs
  }

  /** `late` is called once the time is over, unless `stop` was called before. Starting anew starts over. */
  start(deadline: Deadline): void {
    this.#dueMs.delete(deadline)
    this.#dueMs.set(deadline, this.#clock.now() + this.#withinMs)
    if (!this.#armed) this.#arm(this.#withinMs)
  }

  stop(deadline: Deadline): void {
    this.#dueMs.delete(deadline)
  }

  #arm(delayMs: number): void {
    this.#armed = true
    this.#clock.after(delayMs, () => this.#check())
  }

  #check(): void {
    this.#armed = false
    const nowMs = this.#clock.now()
    for (const [deadline, dueMs] of this.#dueMs) {
      if (dueMs > nowMs) {
        this.#arm(dueMs - nowMs)
        return
      }
      this.#dueMs.delete(deadline)
      deadline.late()
    }
  }
}
