// ConfigMaps and Secrets that this node's pods refer to, each followed by a watch of that one object: a node never holds the others.
// An object is followed from its first use until a minute after its last, and stays readable while the API is away.
import { ConfigMap } from '../api/kinds/config-map.ts'
import type { Kind } from '../api/kinds/kind.ts'
import { Secret } from '../api/kinds/secret.ts'
import { isGone } from '../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../api/meta/object.ts'
import { type Clock, delay } from '../base/clock.ts'
import { type Ctx, child } from '../base/ctx.ts'
import { Supervisor } from '../base/supervise.ts'
import { BackOff } from '../client/back-off.ts'
import type { Client } from '../client/client.ts'

const LINGER_MS = 60_000

export type ReferenceKind = 'ConfigMap' | 'Secret'
const KINDS: Readonly<Record<ReferenceKind, Kind<never>>> = {
  ConfigMap: ConfigMap as unknown as Kind<never>,
  Secret: Secret as unknown as Kind<never>,
}

export interface Reference<T = KubeObject> {
  /** The object, or undefined when there is none. Waits for the first answer of the API; rejects with its refusal. */
  fetch(signal: AbortSignal): Promise<DeepReadonly<T> | undefined>
  /** What is known now. */
  readonly current: DeepReadonly<T> | undefined
  release(): void
}

interface Entry {
  object: DeepReadonly<KubeObject> | undefined
  known: boolean
  /** Settles with the next answer: an object, its absence, or a refusal. */
  answer: PromiseWithResolvers<void>
  users: Set<() => void>
  stop: AbortController
}

export class References {
  readonly #client: Client
  readonly #clock: Clock
  readonly #supervisor: Supervisor
  readonly #entries = new Map<string, Entry>()

  constructor(ctx: Ctx, client: Client, clock: Clock) {
    this.#client = client
    this.#clock = clock
    this.#supervisor = new Supervisor(ctx)
  }

  /** `onChange` is called after every change that follows the first answer. */
  use(kind: ReferenceKind, namespace: string, name: string, onChange: () => void): Reference {
    const key = `${kind}/${namespace}/${name}`
    const entry = this.#entries.get(key) ?? this.#follow(key, KINDS[kind], namespace, name)
    const user = () => onChange()
    entry.users.add(user)
    return {
      get current() {
        return entry.object
      },
      fetch: async (signal) => {
        if (!entry.known) await abortable(entry.answer.promise, signal)
        return entry.object
      },
      release: () => {
        entry.users.delete(user)
        if (entry.users.size > 0) return
        this.#clock.after(LINGER_MS, () => {
          if (entry.users.size > 0 || this.#entries.get(key) !== entry) return
          this.#entries.delete(key)
          entry.stop.abort()
        })
      },
    }
  }

  /** Resolves when every watch has ended. */
  settled(): Promise<void> {
    return this.#supervisor.settled()
  }

  #follow(key: string, kind: Kind<never>, namespace: string, name: string): Entry {
    const entry: Entry = {
      object: undefined,
      known: false,
      answer: answer(),
      users: new Set(),
      stop: new AbortController(),
    }
    this.#entries.set(key, entry)
    this.#supervisor.start(`watch ${key}`, async (ctx) => {
      const own = child(ctx, {}, entry.stop.signal)
      const backOff = new BackOff({ firstMs: 500, maxMs: 30_000, jitter: 0.2 })
      while (!own.signal.aborted) {
        try {
          await this.#listAndWatch(own, kind, namespace, name, entry, backOff)
        } catch (err) {
          if (own.signal.aborted) return
          if (isGone(err)) continue
          if (!entry.known) {
            entry.answer.reject(err)
            entry.answer = answer()
          }
          own.log.debug({ err, reference: key }, 'reference cannot be read')
          await delay(this.#clock, backOff.nextMs(), own.signal).catch(() => undefined)
        }
      }
    })
    return entry
  }

  async #listAndWatch(ctx: Ctx, kind: Kind<never>, namespace: string, name: string, entry: Entry, backOff: BackOff) {
    const selection = { namespace, fieldSelector: `metadata.name=${name}` }
    const list = await this.#client.list(ctx, kind, selection)
    this.#set(entry, list.items[0] as DeepReadonly<KubeObject> | undefined)
    let resourceVersion = list.resourceVersion
    for (;;) {
      const events = this.#client.watch<never>(ctx, kind, { ...selection, resourceVersion, allowBookmarks: true })
      for await (const event of events) {
        backOff.reset()
        const object = event.object as DeepReadonly<KubeObject>
        resourceVersion = object.metadata.resourceVersion ?? resourceVersion
        if (event.type === 'BOOKMARK') continue
        this.#set(entry, event.type === 'DELETED' ? undefined : object)
      }
      ctx.signal.throwIfAborted()
      // A server that ends watches at once must not be asked in a tight loop.
      await delay(this.#clock, backOff.nextMs(), ctx.signal)
    }
  }

  #set(entry: Entry, object: DeepReadonly<KubeObject> | undefined): void {
    const first = !entry.known
    const changed = entry.object?.metadata.resourceVersion !== object?.metadata.resourceVersion
    entry.object = object
    entry.known = true
    if (first) entry.answer.resolve()
    else if (changed) for (const user of entry.users) user()
  }
}

/** A promise that nobody need wait for. */
function answer(): PromiseWithResolvers<void> {
  const resolvers = Promise.withResolvers<void>()
  resolvers.promise.catch(() => undefined)
  return resolvers
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
