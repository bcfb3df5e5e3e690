// Runs controllers: caches feed keys to each one's queue, workers take them and call `sync`, failures come back with back-off. A key
// whose last sync wrote something waits until the cache shows it. Nothing runs while nothing changes: there are no resyncs.
import type { Kind } from '../api/kinds/kind.ts'
import { isConflict, isStatus } from '../api/meta/errors.ts'
import { type DeepReadonly, type KubeObject, objectKey, parseKey } from '../api/meta/object.ts'
import type { Timer } from '../base/clock.ts'
import { type Ctx, child } from '../base/ctx.ts'
import type { EventRecorder } from '../client/events.ts'
import { WorkQueue } from '../client/work-queue.ts'
import { type Controller, type ControllerDeps, isTerminal, type Trigger } from './controller.ts'
import { ControllerMetrics, type QueueCounters } from './metrics.ts'
import { OwnWrites } from './own-writes.ts'

export interface RunnerDeps extends ControllerDeps {
  /** With `as`, each controller's events carry its own name: `deployment-controller`. */
  events: EventRecorder & { as?: (component: string) => EventRecorder }
  metrics?: ControllerMetrics
}

/** How long a key waits at most for the cache to show what its sync wrote. Only a cache that lost its watch needs as long. */
const UNSEEN_LIMIT_MS = 30_000

/** Follows, syncs, and resolves after everything has stopped when the ctx is aborted. */
export async function runControllers(
  ctx: Ctx,
  deps: RunnerDeps,
  controllers: readonly Controller<never>[],
): Promise<void> {
  const metrics = deps.metrics ?? new ControllerMetrics()
  const runs = controllers.map((controller) => new ControllerRun(controller as unknown as Controller, deps, metrics))
  const unfollow = runs.flatMap((run) => run.follow())
  try {
    await deps.cache.synced(ctx.signal)
    await Promise.all(runs.map((run) => run.work(child(ctx, { controller: run.name }))))
  } catch (err) {
    if (!ctx.signal.aborted) throw err
  } finally {
    for (const stop of unfollow) stop()
  }
}

class ControllerRun {
  readonly name: string
  readonly #controller: Controller
  readonly #deps: ControllerDeps
  readonly #queue: WorkQueue
  readonly #counters: QueueCounters
  readonly #followed = new Set<Kind<never>>()
  readonly #unseen = new Map<string, OwnWrites>()
  /** Keys that came while their own writes were unseen. */
  readonly #parked = new Map<string, Timer>()

  constructor(controller: Controller, deps: RunnerDeps, metrics: ControllerMetrics) {
    this.name = controller.name
    this.#controller = controller
    this.#deps = { ...deps, events: deps.events.as?.(`${controller.name}-controller`) ?? deps.events }
    this.#queue = new WorkQueue(deps.clock)
    this.#counters = metrics.of(controller.name, () => this.#queue.depth)
  }

  /** Starts to follow everything the controller looks at. Returns what takes the handlers off again. */
  follow(): (() => void)[] {
    const { cache } = this.#deps
    const controller = this.#controller
    const { kind, triggers, reads = [] } = controller
    const addAll = (keys: readonly string[]) => {
      for (const key of keys) this.#add(key)
      this.#unpark()
    }
    this.#followed.add(kind as unknown as Kind<never>)
    const isOurs = (object: DeepReadonly<KubeObject>) => controller.only?.(object) ?? true
    const stops = [cache.watch(kind, ({ object }) => addAll(isOurs(object) ? [objectKey(object)] : []))]
    const onTrigger = (trigger: Trigger<never>) => {
      this.#followed.add(trigger.kind)
      return cache.watch(trigger.kind as unknown as Kind, ({ object, old }) =>
        addAll(trigger.keys(object as never, old as never, cache)),
      )
    }
    for (const trigger of triggers) stops.push(onTrigger(trigger))
    const more = this.#controller.moreTriggers?.(cache, (trigger) => {
      const stop = onTrigger(trigger)
      return () => {
        stop()
        this.#followed.delete(trigger.kind)
      }
    })
    if (more) stops.push(more)
    for (const read of reads) {
      if (this.#followed.has(read)) continue
      this.#followed.add(read)
      stops.push(cache.watch(read as unknown as Kind, () => this.#unpark()))
    }
    return stops
  }

  /** Resolves when the ctx is aborted and the syncs under way have ended. */
  async work(ctx: Ctx): Promise<void> {
    const onAbort = () => {
      this.#queue.close()
      for (const timer of this.#parked.values()) timer.cancel()
    }
    ctx.signal.addEventListener('abort', onAbort, { once: true })
    if (ctx.signal.aborted) onAbort()
    const workers = Array.from({ length: this.#controller.workers ?? 4 }, () => this.#workLoop(ctx))
    await Promise.all(workers)
  }

  async #workLoop(ctx: Ctx): Promise<void> {
    for (let key = await this.#queue.take(); key !== undefined; key = await this.#queue.take()) {
      const unseen = this.#unseen.get(key)
      if (unseen && !unseen.seen()) this.#park(ctx, key)
      else await this.#sync(ctx, key)
      this.#queue.done(key)
    }
  }

  async #sync(ctx: Ctx, key: string): Promise<void> {
    const { cache, client, clock } = this.#deps
    const { name, namespace } = parseKey(key)
    const writes = new OwnWrites(cache, (kind) => this.#followed.has(kind))
    const syncCtx = child(ctx, { key })
    const startedMs = clock.now()
    this.#counters.syncs++
    try {
      const object = cache.get(this.#controller.kind, name, namespace)
      const result = await this.#controller.sync(syncCtx, object, key, { ...this.#deps, client: writes.noting(client) })
      this.#queue.forget(key)
      if (result) this.#queue.addAfter(key, result.againInMs)
    } catch (err) {
      if (!ctx.signal.aborted) this.#failed(syncCtx, key, err)
    } finally {
      this.#counters.worked(clock.now() - startedMs)
      if (writes.seen()) this.#unseen.delete(key)
      else this.#unseen.set(key, writes)
    }
  }

  #failed(ctx: Ctx, key: string, err: unknown): void {
    this.#counters.failures++
    if (isTerminal(err)) {
      ctx.log.error({ err }, 'sync failed for good')
      this.#queue.forget(key)
      return
    }
    this.#counters.retries++
    const isFirst = this.#queue.failures(key) === 0
    const retryInMs = this.#queue.addFailed(key)
    if (isConflict(err)) ctx.log.debug({ retryInMs }, 'sync met a conflict')
    else ctx.log[failureLevel(err, isFirst)]({ err, retryInMs }, 'sync failed')
  }

  #add(key: string): void {
    this.#counters.adds++
    this.#queue.add(key)
  }

  #park(ctx: Ctx, key: string): void {
    this.#parked.get(key)?.cancel()
    const timer = this.#deps.clock.after(UNSEEN_LIMIT_MS, () => {
      ctx.log.warn({ key }, 'own writes not seen in time, syncing anyway')
      this.#unseen.delete(key)
      this.#parked.delete(key)
      this.#queue.add(key)
    })
    this.#parked.set(key, timer)
  }

  #unpark(): void {
    for (const [key, timer] of this.#parked) {
      const unseen = this.#unseen.get(key)
      if (unseen && !unseen.seen()) continue
      timer.cancel()
      this.#parked.delete(key)
      this.#queue.add(key)
    }
  }
}

/**
 * Once for a key that fails again and again: the metrics count, and the log stays readable. What admission refuses (a quota that is used
 * up) is its user's concern, who is told by an event.
 */
function failureLevel(err: unknown, isFirst: boolean): 'debug' | 'info' | 'warn' {
  if (!isFirst) return 'debug'
  return isStatus(err, 'Forbidden') || isStatus(err, 'Invalid') ? 'info' : 'warn'
}
