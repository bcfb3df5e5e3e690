// Follows one kind: a list, then a watch from the list's revision, resumed from the last revision seen for as long as the server can,
// listed again when it can't (410). While the API is away the last state stays readable and attempts back off. Timers exist only
// between a failure and the next attempt.
import type { Kind } from '../api/kinds/kind.ts'
import { isGone } from '../api/meta/errors.ts'
import { type DeepReadonly, type KubeObject, objectKey } from '../api/meta/object.ts'
import { type Clock, delay } from '../base/clock.ts'
import type { Ctx } from '../base/ctx.ts'
import { BackOff } from './back-off.ts'
import type { ChangeHandler } from './cache.ts'
import type { Client, ListOptions } from './client.ts'
import { ObjectIndex } from './object-index.ts'

type Known = DeepReadonly<KubeObject>
type Handler = ChangeHandler<KubeObject>

export interface InformerOptions {
  select: ListOptions
  pageSize: number
  /** What is kept of an object; all of it unless given. */
  keep?: ((object: Known) => Known) | undefined
  /** Told about failures to reach the API, and of the first success after them. */
  onReach: (err?: unknown) => void
}

/** A watch that ends sooner than this without having said anything counts as a failure, lest it be asked for in a busy loop. */
const SHORTEST_WATCH_MS = 1000

export class Informer {
  readonly objects = new ObjectIndex()
  readonly #kind: Kind
  readonly #options: InformerOptions
  readonly #handlers = new Set<Handler>()
  readonly #backOff = new BackOff({ firstMs: 250, maxMs: 10_000, jitter: 0.5 })
  readonly #listed = Promise.withResolvers<void>()
  /** Where the next watch begins; empty: list first. */
  #resumeFrom = ''
  /** The newest revision that the objects above show. */
  #seen = 0

  constructor(kind: Kind, options: InformerOptions) {
    this.#kind = kind
    this.#options = options
  }

  /** Resolves once the kind has been listed. */
  get synced(): Promise<void> {
    return this.#listed.promise
  }

  hasSeen(resourceVersion: string): boolean {
    return this.#seen >= Number(resourceVersion)
  }

  /** The handler is given what exists already as `added`, before this returns. */
  subscribe(ctx: Ctx, handler: Handler): () => void {
    this.#handlers.add(handler)
    for (const object of this.objects.list()) this.#tell(ctx, handler, { type: 'added', object, old: undefined })
    return () => this.#handlers.delete(handler)
  }

  /** Nothing more will come: whoever waits for the first list waits no longer. */
  end(): void {
    this.#handlers.clear()
    this.#listed.resolve()
  }

  /** Follows until the ctx is aborted; never rejects. */
  async run(ctx: Ctx, client: Client, clock: Clock): Promise<void> {
    while (!ctx.signal.aborted) {
      try {
        if (!this.#resumeFrom) await this.#list(ctx, client)
        const startedMs = clock.now()
        const quiet = !(await this.#watch(ctx, client))
        if (!quiet || clock.now() - startedMs >= SHORTEST_WATCH_MS) {
          this.#backOff.reset()
          continue
        }
      } catch (err) {
        if (ctx.signal.aborted) return
        if (isGone(err)) {
          ctx.log.debug({ resource: this.#kind.plural, revision: this.#resumeFrom }, 'watch revision expired, listing')
          this.#resumeFrom = ''
        } else {
          this.#options.onReach(err)
        }
      }
      await delay(clock, this.#backOff.nextMs(), ctx.signal).catch(() => {})
    }
  }

  async #list(ctx: Ctx, client: Client): Promise<void> {
    const { items, resourceVersion } = await this.#pages(ctx, client)
    this.#options.onReach()
    this.#seen = Number(resourceVersion)
    this.#resumeFrom = resourceVersion
    const gone = new Set(this.objects.keys())
    for (const object of items) {
      const key = objectKey(object)
      gone.delete(key)
      const old = this.objects.get(key)
      if (old?.metadata.resourceVersion === object.metadata.resourceVersion) continue
      // Deleted and made anew while nobody looked: two objects, so two changes.
      if (old && old.metadata.uid !== object.metadata.uid) this.#remove(ctx, key, old)
      this.#put(ctx, key, object)
    }
    for (const key of gone) this.#remove(ctx, key, this.objects.get(key)!)
    this.#listed.resolve()
  }

  async #pages(ctx: Ctx, client: Client): Promise<{ items: Known[]; resourceVersion: string }> {
    const { select, pageSize } = this.#options
    const first = await client.list(ctx, this.#kind, { ...select, limit: pageSize })
    const items = first.items
    let next = first.continue
    while (next) {
      try {
        const page = await client.list(ctx, this.#kind, { ...select, limit: pageSize, continue: next })
        for (const item of page.items) items.push(item)
        next = page.continue
      } catch (err) {
        if (!isGone(err)) throw err
        // The pages' revision expired on the way: one list that cannot.
        return await client.list(ctx, this.#kind, select)
      }
    }
    return { items, resourceVersion: first.resourceVersion }
  }

  /** Returns whether the watch said anything before it ended. */
  async #watch(ctx: Ctx, client: Client): Promise<boolean> {
    let spoke = false
    const options = { ...this.#options.select, resourceVersion: this.#resumeFrom, allowBookmarks: true }
    for await (const { type, object } of client.watch(ctx, this.#kind, options)) {
      if (!spoke) {
        spoke = true
        this.#backOff.reset()
        this.#options.onReach()
      }
      const { resourceVersion } = object.metadata
      this.#seen = Number(resourceVersion)
      this.#resumeFrom = resourceVersion
      if (type === 'BOOKMARK') continue
      const key = objectKey(object)
      if (type === 'DELETED') this.#remove(ctx, key, object)
      else this.#put(ctx, key, object)
    }
    return spoke
  }

  #put(ctx: Ctx, key: string, whole: Known): void {
    const object = this.#options.keep?.(whole) ?? whole
    const old = this.objects.set(key, object)
    this.#tellAll(ctx, { type: old ? 'updated' : 'added', object, old })
  }

  /** @param last the object's last state */
  #remove(ctx: Ctx, key: string, last: Known): void {
    const old = this.objects.delete(key)
    if (old) this.#tellAll(ctx, { type: 'deleted', object: last, old })
  }

  #tellAll(ctx: Ctx, change: Parameters<Handler>[0]): void {
    for (const handler of this.#handlers) this.#tell(ctx, handler, change)
  }

  #tell(ctx: Ctx, handler: Handler, change: Parameters<Handler>[0]): void {
    try {
      handler(change)
    } catch (err) {
      ctx.log.error({ err, resource: this.#kind.plural, key: objectKey(change.object) }, 'change handler failed')
    }
  }
}
