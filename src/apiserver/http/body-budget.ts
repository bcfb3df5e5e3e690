// Bounds the memory that bodies of requests take while they arrive and until they are answered, all clients together. A request says
// beforehand how long its body is; one that doesn't is counted as it comes.
import type { IncomingHttpHeaders } from 'node:http'

export interface Reservation {
  /** Undefined when the length was announced: all of it is reserved. @returns false when there is no room for so much more */
  readonly grow: ((sizeBytes: number) => boolean) | undefined
  /** Gives everything back, once. */
  release(): void
}

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

  /** @returns undefined when there is no room */
  reserve(headers: IncomingHttpHeaders): Reservation | undefined {
    const announced = headers['content-length']
    let ownBytes = 0
    const grow = (sizeBytes: number) => {
      if (sizeBytes > 0 && this.#heldBytes + sizeBytes > this.#mostBytes) return false
      this.#heldBytes += sizeBytes
      ownBytes += sizeBytes
      return true
    }
    if (announced !== undefined && !grow(this.#takes(Number(announced)))) return undefined
    const release = () => {
      this.#heldBytes -= ownBytes
    }
    return { grow: announced === undefined ? grow : undefined, release }
  }

  /** What announces more than is taken is refused by its length, and holds nothing. */
  #takes(announcedBytes: number): number {
    return announcedBytes > this.#longestBytes ? 0 : announcedBytes
  }
}
