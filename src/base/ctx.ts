// What anything that can wait is given first: the signal that ends it and the log it writes to.
// A ctx is passed down, never stored in an object; `child` narrows it.
import type { Logger } from 'pino'

export interface Ctx {
  /** Aborted when the work is to stop. Whoever waits must reject or return soon after. */
  readonly signal: AbortSignal
  readonly log: Logger
}

/** The same ctx with more log bindings, and ended by `signal` too if one is given. */
export function child(ctx: Ctx, bindings: Record<string, unknown>, signal?: AbortSignal): Ctx {
  return {
    signal: signal ? AbortSignal.any([ctx.signal, signal]) : ctx.signal,
    log: ctx.log.child(bindings),
  }
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
