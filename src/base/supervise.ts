// Background work that nobody awaits, made safe: every task started here is waited for, and none fails unseen.

import type { Ctx } from './ctx.ts'

export class Supervisor {
  readonly #ctx: Ctx
  readonly #running = new Set<Promise<void>>()

  constructor(ctx: Ctx) {
    this.#ctx = ctx
  }

  /** Starts `task`; a failure is logged under its name, unless the ctx was aborted (then it is the expected end). */
  start(name: string, task: (ctx: Ctx) => Promise<void>): void {
    const run = task(this.#ctx)
      .catch((err) => {
        if (!this.#ctx.signal.aborted) this.#ctx.log.error({ err, task: name }, 'background task failed')
      })
      .finally(() => this.#running.delete(run))
    this.#running.add(run)
  }

  /** Resolves when everything that was started has stopped. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }
}
