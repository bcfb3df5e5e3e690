// Who watches what. An event reaches its watchers by looking up the prefixes of its key, so that it costs nothing for everyone
// else. Each watcher has a bounded buffer of references; one that falls behind the bound is cut off and must list again.
import { type StoreEvent, type Watcher, WatcherOverrun } from './store.ts'

export interface WatchBounds {
  readonly maxBufferedEvents: number
  readonly maxBufferedBytes: number
}

type Listener = (event: StoreEvent) => void

/** `''` and every prefix of the key that ends with a slash. */
function* prefixesOf(key: string): Generator<string> {
  yield ''
  for (let slash = key.indexOf('/'); slash >= 0; slash = key.indexOf('/', slash + 1)) yield key.slice(0, slash + 1)
}

export class WatchHub {
  readonly #bounds: WatchBounds
  readonly #listenersByPrefix = new Map<string, Set<Listener>>()
  readonly #buffered = new Set<BufferedWatcher>()
  /** Prefixes that don't end with a slash (whole keys, mostly) can't be looked up; their events are found by comparing. */
  readonly #odd = new Map<Listener, string>()

  constructor(bounds: WatchBounds) {
    this.#bounds = bounds
  }

  /** @param backlog what happened already and the reader has not seen; not counted against the bound. */
  watch(prefix: string, backlog: StoreEvent[]): Watcher {
    const watcher = new BufferedWatcher(backlog, this.#bounds, () => {
      subscription.close()
      this.#buffered.delete(watcher)
    })
    const subscription = this.follow(prefix, (event) => watcher.push(event))
    this.#buffered.add(watcher)
    return watcher
  }

  follow(prefix: string, listener: Listener): { close(): void } {
    const own: Listener = (event) => {
      try {
        listener(event)
      } catch (err) {
        // A bug in the listener must not stop the commit half-way; it surfaces as an uncaught exception.
        queueMicrotask(() => {
          throw err
        })
      }
    }
    if (prefix !== '' && !prefix.endsWith('/')) {
      this.#odd.set(own, prefix)
      return { close: () => void this.#odd.delete(own) }
    }
    const listeners = this.#listenersByPrefix.get(prefix) ?? new Set()
    this.#listenersByPrefix.set(prefix, listeners.add(own))
    return {
      close: () => {
        listeners.delete(own)
        if (listeners.size === 0 && this.#listenersByPrefix.get(prefix) === listeners) {
          this.#listenersByPrefix.delete(prefix)
        }
      },
    }
  }

  publish(event: StoreEvent): void {
    const { key } = event.entry
    if (this.#listenersByPrefix.size > 0) {
      for (const prefix of prefixesOf(key)) {
        const listeners = this.#listenersByPrefix.get(prefix)
        if (listeners) for (const listener of listeners) listener(event)
      }
    }
    for (const [listener, prefix] of this.#odd) if (key.startsWith(prefix)) listener(event)
  }

  close(): void {
    for (const watcher of [...this.#buffered]) watcher.close()
    this.#listenersByPrefix.clear()
    this.#odd.clear()
  }
}

class BufferedWatcher implements Watcher {
  readonly #bounds: WatchBounds
  readonly #onEnd: () => void
  #queue: (StoreEvent | undefined)[]
  #head = 0
  /** Of the events at the front, how many came with the start of the watch. */
  #backlogLeft: number
  #bytes = 0
  #state: 'open' | 'closed' | 'overrun' = 'open'
  #wake: (() => void) | undefined

  constructor(backlog: StoreEvent[], bounds: WatchBounds, onEnd: () => void) {
    this.#queue = backlog
    this.#backlogLeft = backlog.length
    this.#bounds = bounds
    this.#onEnd = onEnd
  }

  push(event: StoreEvent): void {
    if (this.#state !== 'open') return
    this.#queue.push(event)
    this.#bytes += event.entry.json.byteLength
    const live = this.#queue.length - this.#head - this.#backlogLeft
    const over = live > this.#bounds.maxBufferedEvents || (live > 1 && this.#bytes > this.#bounds.maxBufferedBytes)
    if (over) this.#end('overrun')
    else this.#wakeUp()
  }

  close(): void {
    if (this.#state === 'open') this.#end('closed')
  }

  take(): StoreEvent | undefined {
    return this.#state === 'open' && this.#head < this.#queue.length ? this.#shift() : undefined
  }

  [Symbol.asyncIterator](): AsyncIterator<StoreEvent> {
    return {
      next: async () => {
        while (this.#state === 'open' && this.#head === this.#queue.length) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
        if (this.#state === 'overrun') throw new WatcherOverrun()
        if (this.#state === 'closed') return { done: true, value: undefined }
        return { done: false, value: this.#shift() }
      },
      return: async () => {
        this.close()
        return { done: true, value: undefined }
      },
    }
  }

  #shift(): StoreEvent {
    const event = this.#queue[this.#head]!
    this.#queue[this.#head++] = undefined
    if (this.#backlogLeft > 0) this.#backlogLeft--
    else this.#bytes -= event.entry.json.byteLength
    if (this.#head === this.#queue.length) {
      this.#queue = []
      this.#head = 0
    } else if (this.#head > 256 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    return event
  }

  #end(state: 'closed' | 'overrun'): void {
    this.#state = state
    this.#queue = []
    this.#head = 0
    this.#onEnd()
    this.#wakeUp()
  }

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
