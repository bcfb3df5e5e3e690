// Bounds the memory that bodies of requests take while they arrive and until they are answered, all clients together. A request says
// beforehand how long its body is, or counts as the longest that is taken.
import type { IncomingHttpHeaders } from 'node:http'

export class BodyBudget {
  readonly #mostBytes: number
  readonly #longestBytes: number
  #heldBytes = 0

  constructor(mostBytes: number, longestBytes: number) {
    this.#mostBytes = mostBytes
    this.#longestBytes = longestBytes
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** @returns how to give it back, once; undefined when there is no room */
  reserve(headers: IncomingHttpHeaders): (() => void) | undefined {
    const sizeBytes = this.#announced(headers)
    if (sizeBytes > 0 && this.#heldBytes + sizeBytes > this.#mostBytes) return undefined
    this.#heldBytes += sizeBytes
    return () => {
      this.#heldBytes -= sizeBytes
    }
  }

  /** What announces more than is taken is refused by its length, and holds nothing. */
  #announced(headers: IncomingHttpHeaders): number {
    const length = Number(headers['content-length'] ?? this.#longestBytes)
    return length > this.#longestBytes ? 0 : length
  }
}
