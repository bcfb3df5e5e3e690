// The newest events, oldest first, bounded by count, bytes and age. Nothing here runs on a timer: age is looked at when an event
// is added, and a quiet store keeps its last events however old they are, so that a watch resumes after a quiet night.
import { Compacted, type Entry, type Revision, type StoreEvent } from './store.ts'

export interface RingBounds {
  readonly maxEvents: number
  readonly maxBytes: number
  readonly maxAgeMs: number
  /** As many events are kept whatever their age. */
  readonly minEvents: number
}

interface Slot {
  readonly event: StoreEvent
  readonly atMs: number
}

export class EventRing {
  readonly #bounds: RingBounds
  #slots: (Slot | undefined)[] = []
  #head = 0
  #bytes = 0
  #floor: Revision

  /** @param floor nothing at or below this revision is known any more. */
  constructor(bounds: RingBounds, floor: Revision) {
    this.#bounds = bounds
    this.#floor = floor
  }

  /** The revision up to which events have been dropped: reading may start right after it. */
  get floor(): Revision {
    return this.#floor
  }

  get length(): number {
    return this.#slots.length - this.#head
  }

  /** Adds the newest event and drops what is out of bounds; those dropped are handed to `dropped`. */
  push(event: StoreEvent, atMs: number, dropped?: (event: StoreEvent) => void): void {
    this.#slots.push({ event, atMs })
    this.#bytes += event.entry.json.byteLength
    const { maxEvents, maxBytes, maxAgeMs, minEvents } = this.#bounds
    for (;;) {
      const oldest = this.#slots[this.#head]!
      const tooOld = oldest.atMs < atMs - maxAgeMs && this.length > minEvents
      if (this.length <= 1 || !(this.length > maxEvents || this.#bytes > maxBytes || tooOld)) return
      this.#slots[this.#head++] = undefined
      this.#bytes -= oldest.event.entry.json.byteLength
      this.#floor = oldest.event.entry.revision
      if (this.#head > 1024 && this.#head * 2 > this.#slots.length) {
        this.#slots = this.#slots.slice(this.#head)
        this.#head = 0
      }
      dropped?.(oldest.event)
    }
  }

  /** Events after `from` under `prefix`, oldest first. @throws Compacted when some of them may have been dropped. */
  after(from: Revision, prefix: string): StoreEvent[] {
    if (from < this.#floor) throw new Compacted(from, this.#floor)
    const found: StoreEvent[] = []
    for (let i = this.#firstAfter(from); i < this.#slots.length; i++) {
      const { event } = this.#slots[i]!
      if (event.entry.key.startsWith(prefix)) found.push(event)
    }
    return found
  }

  /** What each key that was touched after `revision` held at `revision` (undefined: it did not exist). @throws Compacted */
  rewind(revision: Revision, prefix: string): Map<string, Entry | undefined> {
    const before = new Map<string, Entry | undefined>()
    for (const { entry, prev } of this.after(revision, prefix)) {
      if (!before.has(entry.key)) before.set(entry.key, prev)
    }
    return before
  }

  #firstAfter(revision: Revision): number {
    let low = this.#head
    let high = this.#slots.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#slots[middle]!.event.entry.revision <= revision) low = middle + 1
      else high = middle
    }
    return low
  }
}
