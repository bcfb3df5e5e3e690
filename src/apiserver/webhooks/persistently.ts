// Calls to web services that say who somebody is or what they may do: what may have been a passing trouble is tried again, with growing
// pauses. k8s: five times, from half a second on.
import type { Clock } from '../../base/clock.ts'

/** Sends the review and resolves to what came back. @throws Error when nothing usable did */
export type SendReview = (review: object) => Promise<unknown>

const TRIES = 5
const FIRST_DELAY_MS = 500

/** @throws what the last try threw */
export async function persistently<T>(clock: Clock, call: () => Promise<T>): Promise<T> {
  let delayMs = FIRST_DELAY_MS
  for (let left = TRIES; ; delayMs *= 1.5) {
    try {
      return await call()
    } catch (err) {
      if (--left === 0 || !isPassing(err)) throw err
      await new Promise<void>((resolve) => clock.after(delayMs, resolve))
    }
  }
}

/** k8s: an internal error over there, or too much work; a refused connection or a deadline is not tried again. */
function isPassing(err: unknown): boolean {
  const { status } = err as { status?: { code?: number } }
  return status?.code === 429 || status?.code === 500
}
