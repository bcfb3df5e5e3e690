// One priority level at work: seats while there are some, else queues. A flow (a user, or a namespace) is dealt a hand of a few queues
// and waits in the shortest, so that a flow that floods the server fills only its own hand. Queues are served in order of virtual
// time: each gets the same number of seats, however many wait in it. While a seat is free a request passes without waiting.
import { createHash } from 'node:crypto'
import type { UserInfo } from '../../api/wire.ts'
import type { RequestInfo } from '../request-info.ts'
import type { Pool, SeatLimits } from './seats.ts'

export type Refusal = 'concurrency-limit' | 'queue-full' | 'time-out' | 'cancelled'

export interface QueueSettings {
  readonly queues: number
  readonly handSize: number
  readonly queueLengthLimit: number
}

/** For people who look at what waits. */
export interface WaitingRequest {
  readonly schema: string
  readonly distinguisher: string
  readonly arrivedMs: number
  readonly user: UserInfo
  readonly info: RequestInfo
}

interface Waiting {
  readonly width: number
  readonly seated: () => void
  readonly about: WaitingRequest
}

export interface Queue {
  readonly index: number
  waiting: Waiting[]
  /** Seats that those in it wait for. */
  width: number
  /** The virtual time at which its first begins. */
  start: number
}

export class FairQueues {
  limits: SeatLimits
  settings: QueueSettings | undefined
  readonly #pool: Pool
  readonly #queues = new Map<number, Queue>()
  #virtualTime = 0
  #occupied = 0
  #executing = 0
  #waiting = 0

  /** @param settings undefined: what finds no seat is refused */
  constructor(pool: Pool, limits: SeatLimits, settings: QueueSettings | undefined) {
    this.#pool = pool
    this.limits = limits
    this.settings = settings
  }

  get occupiedSeats(): number {
    return this.#occupied
  }

  get executing(): number {
    return this.#executing
  }

  get waiting(): number {
    return this.#waiting
  }

  /** Those in which somebody waits. */
  busyQueues(): Readonly<Queue>[] {
    return [...this.#queues.values()].filter(({ waiting }) => waiting.length > 0).sort((a, b) => a.index - b.index)
  }

  /** Takes the seats if they are free and nobody waits for them. */
  tryPass(width: number): boolean {
    if (this.#waiting > 0 || !this.#fits(width)) return false
    this.#take(width)
    return true
  }

  /** @returns how to leave the queue, or why there is no place in it */
  enqueue(width: number, seated: () => void, about: WaitingRequest): { leave: () => boolean } | Refusal {
    if (!this.settings) return 'concurrency-limit'
    const queue = this.#shortest(`${about.schema}\0${about.distinguisher}`, this.settings)
    if (queue.waiting.length >= this.settings.queueLengthLimit) return 'queue-full'
    const waiting: Waiting = { width, seated, about }
    if (queue.waiting.length === 0) queue.start = Math.max(queue.start, this.#virtualTime)
    queue.waiting.push(waiting)
    queue.width += width
    this.#waiting++
    this.#queues.set(queue.index, queue)
    const leave = () => {
      const at = queue.waiting.indexOf(waiting)
      if (at < 0) return false
      queue.waiting.splice(at, 1)
      this.#left(queue, waiting)
      return true
    }
    return { leave }
  }

  release(width: number): void {
    this.#executing--
    this.#setOccupied(this.#occupied - width)
  }

  /** Seats as many of those who wait as there is room for. */
  dispatch(): void {
    while (this.#waiting > 0) {
      let next: Queue | undefined
      let nextEnd = Number.POSITIVE_INFINITY
      for (const queue of this.#queues.values()) {
        if (queue.waiting.length === 0) continue
        const end = queue.start + queue.waiting[0]!.width
        if (end < nextEnd) [next, nextEnd] = [queue, end]
      }
      const [first] = next!.waiting
      if (!this.#fits(first!.width)) return
      next!.waiting.shift()
      this.#virtualTime = Math.max(this.#virtualTime, next!.start)
      next!.start = nextEnd
      this.#left(next!, first!)
      this.#take(first!.width)
      first!.seated()
    }
  }

  #left(queue: Queue, waiting: Waiting): void {
    queue.width -= waiting.width
    // With nobody waiting nobody has an advantage to make up for.
    if (--this.#waiting > 0) return
    this.#queues.clear()
    this.#virtualTime = 0
  }

  /** k8s: a request that is wider than the level passes when nothing else is in it. */
  #fits(width: number): boolean {
    const { floor, most } = this.limits
    if (this.#occupied === 0) return true
    const next = this.#occupied + width
    if (next <= floor) return true
    const more = Math.max(0, next - floor) - Math.max(0, this.#occupied - floor)
    return next <= most && more <= this.#pool.free
  }

  #take(width: number): void {
    this.#executing++
    this.#setOccupied(this.#occupied + width)
  }

  #setOccupied(occupied: number): void {
    const { floor } = this.limits
    this.#pool.used += Math.max(0, occupied - floor) - Math.max(0, this.#occupied - floor)
    this.#occupied = occupied
  }

  /** Changes limits and queues while requests are in them. */
  configure(limits: SeatLimits, settings: QueueSettings | undefined): void {
    this.#pool.used -= Math.max(0, this.#occupied - this.limits.floor)
    this.limits = limits
    this.settings = settings
    this.#pool.used += Math.max(0, this.#occupied - limits.floor)
  }

  #shortest(flow: string, { queues, handSize }: QueueSettings): Queue {
    let shortest: Queue | undefined
    for (const index of dealtHand(flow, queues, handSize)) {
      const queue = this.#queues.get(index) ?? { index, waiting: [], width: 0, start: 0 }
      if (!shortest || queue.width < shortest.width) shortest = queue
    }
    return shortest!
  }
}

/** Different queues for each flow, the same ones every time. */
export function dealtHand(flow: string, deckSize: number, handSize: number): number[] {
  let entropy = createHash('sha256').update(flow).digest().readBigUInt64BE()
  const hand: number[] = []
  for (let left = deckSize; hand.length < Math.min(handSize, deckSize); left--) {
    let card = Number(entropy % BigInt(left))
    entropy /= BigInt(left)
    for (const dealt of [...hand].sort((a, b) => a - b)) if (card >= dealt) card++
    hand.push(card)
  }
  return hand
}
