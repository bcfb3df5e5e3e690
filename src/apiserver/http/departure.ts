// A client on its way out: gone before its answer, or served. The abort signal is made when somebody wants it: most requests are
// answered without, and it costs.
import type { Leaving } from './send.ts'

export class Departure implements Leaving {
  #controller: AbortController | undefined
  #gone = false
  #sent = false
  #onSent: (() => void) | undefined

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#gone) this.#controller.abort()
    }
    return this.#controller.signal
  }

  /** Asked for once. */
  readonly whenSent = (done: () => void): void => {
    if (this.#sent) done()
    else this.#onSent = done
  }

  sent(): void {
    this.#sent = true
    this.#onSent?.()
  }

  abort(): void {
    this.#gone = true
    this.#controller?.abort()
  }
}
