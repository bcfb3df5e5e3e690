// The Cache of a process: one informer per kind, started when the kind is first asked for and stopped with the ctx.
import type { Kind } from '../api/kinds/kind.ts'
import { isNotFound, StatusError } from '../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../api/meta/object.ts'
import type { Clock } from '../base/clock.ts'
import { type Ctx, child } from '../base/ctx.ts'
import { Supervisor } from '../base/supervise.ts'
import type { Cache, ChangeHandler } from './cache.ts'
import type { Client, ListOptions } from './client.ts'
import { Informer } from './informer.ts'

export interface CacheOptions {
  /** What of a kind the server is to send; everything unless it says otherwise: `(kind) => kind.kind === 'Pod' ? {…} : {}`. */
  select?: (kind: Kind<never>) => ListOptions
  /** What is kept of the objects of a kind, and shown to handlers, where less than all of it will do; undefined: all. */
  keep?: (kind: Kind<never>) => ((object: DeepReadonly<KubeObject>) => DeepReadonly<KubeObject>) | undefined
  /** Objects per page of a list. */
  pageSize?: number
}

export interface InformerCache extends Cache {
  /** Resolves when, after the ctx was aborted, every informer has stopped. */
  stopped(): Promise<void>
}

export function createCache(ctx: Ctx, client: Client, clock: Clock, options: CacheOptions = {}): InformerCache {
  const { select = () => ({}), keep = () => undefined, pageSize = 500 } = options
  const informers = new Map<string, Informer>()
  const stops = new Map<string, AbortController>()
  const supervisor = new Supervisor(ctx)
  const onReach = reachLog(ctx, clock)

  const find = (kind: Kind<never>) => informers.get(nameOf(kind))

  function informerOf(kind: Kind<never>): Informer {
    const known = find(kind)
    if (known) return known
    const informer = new Informer(kind as unknown as Kind, {
      select: select(kind),
      keep: keep(kind),
      pageSize,
      onReach,
    })
    const stop = new AbortController()
    informers.set(nameOf(kind), informer)
    stops.set(nameOf(kind), stop)
    supervisor.start(`informer ${kind.plural}`, (runCtx) => informer.run(child(runCtx, {}, stop.signal), client, clock))
    return informer
  }

  const cache = {
    watch(kind: Kind<never>, onChange?: ChangeHandler<KubeObject>) {
      const informer = informerOf(kind)
      return onChange ? informer.subscribe(ctx, onChange) : () => {}
    },

    forget(kind: Kind<never>) {
      stops.get(nameOf(kind))?.abort(new Error('the kind is followed no more'))
      find(kind)?.end()
      stops.delete(nameOf(kind))
      informers.delete(nameOf(kind))
    },

    async synced(signal: AbortSignal) {
      await abortable(Promise.all([...informers.values()].map((informer) => informer.synced)), signal)
    },

    get(kind: Kind<never>, name: string, namespace?: string) {
      return find(kind)?.objects.get(namespace ? `${namespace}/${name}` : name)
    },

    list(kind: Kind<never>, selection?: Parameters<Cache['list']>[1]) {
      return find(kind)?.objects.list(selection) ?? []
    },

    hasSeen(kind: Kind<never>, resourceVersion: string) {
      return find(kind)?.hasSeen(resourceVersion) ?? false
    },

    stopped: () => supervisor.settled(),
  }
  // The methods are generic in the contract; inside, kinds differ only by name.
  return cache as unknown as InformerCache
}

const nameOf = (kind: Kind<never>) => `${kind.apiVersion}/${kind.plural}`

/** An API that cannot be reached is starting, or being restarted: that is said only when it goes on for longer than this. */
const QUIET_MS = 5000

/** One line when the API has gone away and one when it is back, however many kinds are followed. */
function reachLog({ log }: Ctx, clock: Clock): (err?: unknown) => void {
  let awaySinceMs: number | undefined
  let told = false
  return (err) => {
    // Who answers that there is no such kind is there; whoever follows the kind will hear of its end.
    if (isNotFound(err)) return
    if (err === undefined) {
      if (told) log.info('following the api again')
      awaySinceMs = undefined
      told = false
      return
    }
    awaySinceMs ??= clock.now()
    const isNews = !told && (err instanceof StatusError || clock.now() - awaySinceMs >= QUIET_MS)
    if (isNews) told = true
    log[isNews ? 'warn' : 'debug']({ err }, 'cannot follow the api, retrying')
  }
}

async function abortable(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
