// Plumbing of the fake runtime: a queue that is read with `for await`, an in-memory connection, and the end of a signal as a promise.
import { Duplex } from 'node:stream'

/** Rejects with the reason when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** An input that ends at once. */
export async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Two ends of one connection. */
export function duplexPair(): [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk, _encoding, callback) {
        other().push(chunk)
        callback()
      },
      final(callback) {
        other().push(null)
        callback()
      },
    })
  const near: Duplex = make(() => far)
  const far: Duplex = make(() => near)
  return [near, far]
}

/** What was pushed, in order, to one consumer. */
export class Channel<T> implements AsyncIterable<T> {
  readonly #queue: T[] = []
  #wake: (() => void) | undefined
  #ended = false
  #error: Error | undefined

  push(value: T): void {
    if (this.#ended) return
    this.#queue.push(value)
    this.#wake?.()
  }
  end(): void {
    this.#ended = true
    this.#wake?.()
  }
  fail(err: Error): void {
    this.#error = err
    this.end()
  }
  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      while (this.#queue.length > 0) yield this.#queue.shift()!
      if (this.#error) throw this.#error
      if (this.#ended) return
      const woken = Promise.withResolvers<void>()
      this.#wake = woken.resolve
      await woken.promise
    }
  }
}

export const bytes = (text: string | Uint8Array) => (typeof text === 'string' ? Buffer.from(text) : text)
