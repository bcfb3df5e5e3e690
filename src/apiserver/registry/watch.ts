// GET of a collection with watch=true: what exists (unless the client knows it already), then every change until the client goes
// away, its time is over or the server stops. Errors come as ERROR events: by then the answer has begun.
import type { ApiResponse, WatchFrame } from '../../api/wire.ts'
import { tooLargeRevision, toStatusError } from '../respond.ts'
import { prefixOf } from '../storage/keys.ts'
import { FutureRevision, type Revision, type StoreEvent, type Watcher, WatcherOverrun } from '../storage/store.ts'
import { viewOptions } from '../table/table.ts'
import { type FrameMaker, frameMaker } from '../watch/frames.ts'
import { selected } from '../watch/selected.ts'
import { type Call, namespaceOf, type Registry } from './call.ts'
import { candidates } from './list.ts'
import { type ListOptions, parseListOptions, type Selection } from './list-options.ts'
import { type Shown, viewOf } from './stored.ts'

/** k8s: a watch that names no end lasts between half an hour and an hour. */
const LASTS_AT_LEAST_S = 1800
const BOOKMARK_EVERY_MS = 60_000

export async function watch(registry: Registry, call: Call): Promise<ApiResponse> {
  const options = named(parseListOptions(call.kind, call.query, true), call.info.name)
  const frames = frameMaker(call.kind, call.view, viewOptions(call), () => registry.clock.now())
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, private' },
    body: { kind: 'watch', events: follow(registry, call, options, frames) },
  }
}

/** k8s: `/watch/…/<name>` is a watch of one object. */
function named(options: ListOptions, name: string): ListOptions {
  if (name === '') return options
  const { selection } = options
  const matches: Selection['matches'] = (obj) => obj.metadata.name === name && selection.matches(obj)
  return { ...options, selection: { ...selection, everything: false, matches } }
}

async function* follow(
  registry: Registry,
  call: Call,
  options: ListOptions,
  frames: FrameMaker,
): AsyncGenerator<WatchFrame, void, undefined> {
  const { store, clock } = registry
  const prefix = prefixOf(call.kind as never, namespaceOf(call))
  let source: Source | undefined
  try {
    let from: Revision
    if (wantsInitialEvents(options)) {
      if ((options.revision ?? 0) > store.revision) {
        throw tooLargeRevision(new FutureRevision(options.revision!, store.revision).message)
      }
      const few = candidates(registry, call.kind, prefix, options.selection)
      const found = few ? { entries: few, revision: store.revision } : await store.list(prefix)
      from = found.revision
      const seen = viewOf(call.kind, found.entries)
      const see = seen instanceof Promise ? await seen : seen
      for (const entry of found.entries) {
        const item: Shown = see(entry)
        if (options.selection.matches(item.object)) yield frames.change('ADDED', item)
      }
      if (options.sendInitialEvents && options.bookmarks) yield frames.bookmark(from, true)
      // k8s: a revision that is still to come is waited for; what happens until then isn't told.
    } else from = options.revision || store.revision
    const { custom } = call.kind
    const ended = AbortSignal.any([call.signal, registry.stopping, ...(custom?.ended ? [custom.ended] : [])])
    if (ended.aborted) return
    source = new Source(store.watch(prefix, Math.min(from, store.revision)), ended)
    const seconds = options.timeoutSeconds || LASTS_AT_LEAST_S * (1 + registry.random())
    const end = clock.after(seconds * 1000, () => source?.close())
    try {
      yield* changes(registry, call, options, frames, source, from)
    } finally {
      end.cancel()
    }
  } catch (err) {
    // k8s: a watcher that fell behind just ends; the client goes on from the last revision it saw.
    if (call.signal.aborted || registry.stopping.aborted || err instanceof WatcherOverrun) return
    yield frames.error(toStatusError(err))
  } finally {
    source?.close()
  }
}

/** k8s: without a revision, or from any (0), the watch begins with what exists; sendInitialEvents says it outright. */
function wantsInitialEvents({ sendInitialEvents, revision }: ListOptions): boolean {
  return sendInitialEvents ?? (revision === undefined || revision === 0)
}

async function* changes(
  registry: Registry,
  call: Call,
  options: ListOptions,
  frames: FrameMaker,
  source: Source,
  from: Revision,
): AsyncGenerator<WatchFrame, void, undefined> {
  let told = from
  let bookmarkDue = false
  const arm = () =>
    registry.clock.after(BOOKMARK_EVERY_MS, () => {
      bookmarkDue = true
      source.wake()
    })
  let timer = options.bookmarks ? arm() : undefined
  try {
    for (;;) {
      const event = source.take() ?? (await source.next())
      if (event === 'end') return
      if (event !== 'woken' && event.entry.revision > from) {
        const seen = viewOf(call.kind, event.prev ? [event.entry, event.prev] : [event.entry])
        const change = selected(seen instanceof Promise ? await seen : seen, options.selection, event)
        if (change) {
          told = event.entry.revision
          yield frames.change(change.type, change.shown)
        }
      }
      if (bookmarkDue) {
        bookmarkDue = false
        timer = arm()
        // With nothing waiting to be read, everything up to the store's revision has been told.
        const upTo = source.idle ? registry.store.revision : told
        if (upTo > told) {
          told = upTo
          yield frames.bookmark(upTo, false)
        }
      }
    }
  } finally {
    timer?.cancel()
  }
}

type Arrival = { readonly event: StoreEvent | 'end' } | { readonly err: unknown }

/** The store's watcher, one event at a time, which can also be woken without one. */
class Source {
  readonly #watcher: Watcher
  readonly #events: AsyncIterator<StoreEvent>
  readonly #signal: AbortSignal
  readonly #onAbort = () => this.close()
  #result: Arrival | undefined
  #asked = false
  #woken = false
  #notify: (() => void) | undefined

  constructor(watcher: Watcher, signal: AbortSignal) {
    this.#watcher = watcher
    this.#events = watcher[Symbol.asyncIterator]()
    this.#signal = signal
    signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Nothing has arrived that wasn't handed out. */
  get idle(): boolean {
    return this.#asked && this.#result === undefined
  }

  /** An event that needs no waiting for. */
  take(): StoreEvent | undefined {
    return this.#asked || this.#woken ? undefined : this.#watcher.take()
  }

  async next(): Promise<StoreEvent | 'end' | 'woken'> {
    this.#ask()
    if (this.#result === undefined && !this.#woken) {
      await new Promise<void>((resolve) => {
        this.#notify = resolve
      })
    }
    this.#notify = undefined
    const result = this.#result
    if (result === undefined) {
      this.#woken = false
      return 'woken'
    }
    this.#result = undefined
    this.#asked = false
    if ('err' in result) throw result.err
    return result.event
  }

  wake(): void {
    this.#woken = true
    this.#notify?.()
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#watcher.close()
  }

  #ask(): void {
    if (this.#asked) return
    this.#asked = true
    this.#events.next().then(
      ({ done, value }) => this.#arrived({ event: done ? 'end' : value }),
      (err) => this.#arrived({ err }),
    )
  }

  #arrived(result: Arrival): void {
    this.#result = result
    this.#notify?.()
  }
}
