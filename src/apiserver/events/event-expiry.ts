// Events live for an hour after they were last written, and there are never more than 10,000 of them: a pod that crashes for days can't
// fill the memory. Follows the store; the only timer is the one for the earliest deadline, so a cluster without events does nothing.
// Removals are volatile like events themselves: no disk writes. What a crash brings back is due at once, or later, by its own times.
import { Event } from '../../api/kinds/event.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { parseTime } from '../../api/meta/time.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import type { Logger } from '../../base/log.ts'
import { prefixOf } from '../storage/keys.ts'
import type { Entry, Revision, Store, StoreEvent } from '../storage/store.ts'

/** k8s: 1h. */
const LIFETIME_MS = 60 * 60_000
const MOST_EVENTS = 10_000
/** When the store refused a removal. */
const AGAIN_IN_MS = 60_000

export interface EventExpiryParts {
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  readonly mostEvents?: number
}

interface Lifetime {
  readonly revision: Revision
  readonly endsMs: number
}

export class EventExpiry {
  readonly #parts: EventExpiryParts
  readonly #most: number
  /** Oldest write first: a write moves its event to the end. */
  readonly #lifetimeByKey = new Map<string, Lifetime>()
  readonly #following: { close(): void }
  #timer: Timer | undefined
  #removing: Promise<void> | undefined
  #closed = false

  private constructor(parts: EventExpiryParts, entries: readonly Entry[], revision: Revision) {
    this.#parts = parts
    this.#most = parts.mostEvents ?? MOST_EVENTS
    const nowMs = parts.clock.now()
    const known = entries.map(({ key, object, revision }) => ({ key, revision, endsMs: endOf(object, nowMs) }))
    known.sort((a, b) => a.endsMs - b.endsMs)
    for (const { key, ...lifetime } of known) this.#lifetimeByKey.set(key, lifetime)
    this.#following = parts.store.follow(prefixOf(Event), revision, (event) => this.#follow(event))
    this.#arm()
  }

  static async open(parts: EventExpiryParts): Promise<EventExpiry> {
    const { entries, revision } = await parts.store.list(prefixOf(Event))
    return new EventExpiry(parts, entries, revision)
  }

  /** Resolves when no removal is under way. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    this.#following.close()
    this.#timer?.cancel()
    await this.#removing
  }

  #follow({ type, entry: { key, revision } }: StoreEvent): void {
    this.#lifetimeByKey.delete(key)
    if (type === 'delete') return
    this.#lifetimeByKey.set(key, { revision, endsMs: this.#parts.clock.now() + LIFETIME_MS })
    this.#arm()
  }

  /** One timer for the oldest event; when that one was written again meanwhile, the timer finds nothing due and moves on. */
  #arm(): void {
    if (this.#removing || this.#closed) return
    const [oldest] = this.#lifetimeByKey.values()
    if (this.#lifetimeByKey.size > this.#most) this.#wake()
    else if (oldest && !this.#timer)
      this.#timer = this.#parts.clock.after(oldest.endsMs - this.#parts.clock.now(), () => this.#wake())
  }

  #wake(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#removing = this.#remove().then(
      () => {
        this.#removing = undefined
        this.#arm()
      },
      (err) => {
        this.#removing = undefined
        this.#parts.log.warn({ err }, 'expired events not removed')
        if (!this.#closed) this.#timer = this.#parts.clock.after(AGAIN_IN_MS, () => this.#wake())
      },
    )
  }

  async #remove(): Promise<void> {
    // The store must not be written to from within its own notification.
    await Promise.resolve()
    for (const [key, { revision, endsMs }] of this.#lifetimeByKey) {
      const due = this.#lifetimeByKey.size > this.#most || endsMs <= this.#parts.clock.now()
      if (!due || this.#closed) return
      await this.#parts.store.write({ key, expect: revision, object: undefined, volatile: true })
    }
  }
}

/** Of an event that was written before this server started, by what it says of itself. */
function endOf(object: KubeObject, nowMs: number): number {
  const event = object as unknown as Event
  const saysMs = [
    event.metadata.creationTimestamp,
    event.lastTimestamp,
    event.eventTime,
    event.series?.lastObservedTime,
  ].map((text) => parseTime(text) ?? 0)
  return Math.min(Math.max(...saysMs), nowMs) + LIFETIME_MS
}
