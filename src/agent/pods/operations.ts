// What a pod's worker has under way: its sandbox being made, containers being brought up, stopped and taken away. Every operation runs
// beside the worker, keeps what it learned (back-offs, reasons for waiting) and wakes the worker when it ends.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { delay } from '../../base/clock.ts'
import { type Ctx, child } from '../../base/ctx.ts'
import type { Supervisor } from '../../base/supervise.ts'
import { BackOff, backOffMs } from '../../client/back-off.ts'
import { type PodSandbox, RuntimeError } from '../cri/runtime.ts'
import type { PodVolumes } from '../volumes/pod-volumes.ts'
import { attemptsOf, currentSandbox, fieldPath, type Observed, podContainers, targetOf } from './containers.ts'
import type { PodDeps } from './deps.ts'
import type { FieldContext } from './fields.ts'
import { runHook } from './hooks.ts'
import { podNames } from './hosts.ts'
import { carriedFacts } from './labels.ts'
import type { LiveState } from './live-state.ts'
import { type Action, SANDBOX_CHANGED, type StartAction } from './plan.ts'
import type { Backoff } from './restart.ts'
import { sandboxConfig } from './sandbox-config.ts'
import { startContainer, VolumesNotReady } from './start-container.ts'
import { StartFailure } from './start-failure.ts'

/** How soon something that is wrong with a container's configuration is looked at again, if nothing it refers to changes before. */
const CONFIG_RETRY_MS = 10_000
const VOLUME_RETRY = { firstMs: 500, maxMs: 122_000 }
const SANDBOX_RETRY = { firstMs: 1000, maxMs: 60_000 }
const SHORTEST_GRACE_MS = 2000
/** How long a runtime that did not answer is left in peace. */
const HOLD_MS = 1000

export interface OperationsParts {
  deps: PodDeps
  live: LiveState
  volumes: PodVolumes
  supervisor: Supervisor
  /** The newest version of the pod. */
  pod(): DeepReadonly<Pod>
  fields(): FieldContext
  /** Something has ended or become known. */
  wake(): void
}

export class PodOperations {
  readonly #parts: OperationsParts
  #sandboxStart: AbortController | undefined
  #heldUntilMs = 0
  #sandboxFailures = 0
  #volumeFailures = 0
  /** Containers being brought up, with what ends that; the id once the runtime has it. */
  readonly #starting = new Map<string, { abort: AbortController; containerId: string | undefined }>()
  /** When a container being stopped will be killed, by id. */
  readonly #stopping = new Map<string, number>()
  /** Sandboxes and containers being taken away. */
  readonly #removing = new Set<string>()
  readonly #notBeforeMs = new Map<string, number>()
  readonly #backoffs = new Map<string, Backoff>()
  readonly #waiting = new Map<string, { reason: string; message: string }>()
  readonly #toldKilling = new Set<string>()
  /** Containers that this process started itself: they were not adopted. */
  readonly #own = new Set<string>()

  constructor(parts: OperationsParts) {
    this.#parts = parts
  }

  get busy() {
    return {
      sandbox: this.#sandboxStart !== undefined,
      starting: new Set(this.#starting.keys()),
      stopping: this.#stopping as ReadonlyMap<string, number>,
    }
  }
  get notBeforeMs(): ReadonlyMap<string, number> {
    return this.#notBeforeMs
  }
  get backoffs(): ReadonlyMap<string, Backoff> {
    return this.#backoffs
  }
  /** Why containers cannot start, by name. */
  get waiting(): ReadonlyMap<string, { reason: string; message: string }> {
    return this.#waiting
  }
  /** The pod is on its way up, and nothing has gone wrong so far. */
  get comingUp(): boolean {
    return this.#waiting.size === 0 && (this.#starting.size > 0 || this.#sandboxStart !== undefined)
  }
  /** The runtime did not answer: nothing is to be tried before. */
  get heldUntilMs(): number {
    return this.#heldUntilMs
  }
  /** Containers that exist and are not yet up: their postStart hook still runs. */
  get startingIds(): ReadonlySet<string | undefined> {
    return new Set([...this.#starting.values()].map((s) => s.containerId))
  }
  isOwn(containerId: string): boolean {
    return this.#own.has(containerId)
  }

  /** What the containers themselves say of the agent before this one. */
  adopt(found: Observed): void {
    for (const { spec } of podContainers(this.#parts.pod())) {
      const newest = attemptsOf(found, spec.name)[0]
      const delayMs = newest ? carriedFacts(newest).restartDelayMs : 0
      // A crash loop goes on where it was.
      if (newest && delayMs > 0 && !this.#backoffs.has(spec.name))
        this.#backoffs.set(spec.name, { delayMs, raisedAtMs: newest.createdAtMs })
    }
  }

  /** Nothing more is brought up from now on. */
  cancelStarts(): void {
    this.#sandboxStart?.abort()
    for (const { abort } of this.#starting.values()) abort.abort()
  }

  /** Something that could not be started for its configuration is worth another look at once. */
  referenceChanged(): void {
    for (const [name, { reason }] of this.#waiting)
      if (reason === 'CreateContainerConfigError') this.#notBeforeMs.delete(name)
    if (this.#volumeFailures > 0) this.#notBeforeMs.clear()
  }

  /** Forgets what was noted of containers that are gone. */
  prune(): void {
    const { live } = this.#parts
    const starting = this.startingIds
    for (const ids of [this.#own, this.#toldKilling])
      for (const id of ids) if (!live.container(id) && !starting.has(id)) ids.delete(id)
  }

  perform(action: Exclude<Action, { type: 'fail' }>): void {
    const { deps, live } = this.#parts
    const { runtime } = deps
    switch (action.type) {
      case 'runSandbox':
        this.#runSandbox(action.attempt, action.then, action.changed)
        break
      case 'startContainer': {
        const sandbox = currentSandbox(live.observed)
        if (sandbox) this.#start(action, Promise.resolve(sandbox), Promise.resolve(sandbox))
        break
      }
      case 'stopContainer':
        this.#stop(action.id, action.name, action.graceMs, action.message)
        break
      case 'removeContainer':
        this.#remove(action.id, async (ctx) => {
          await runtime.removeContainer(ctx, action.id)
          live.dropContainer(action.id)
        })
        break
      case 'stopSandbox':
        this.#remove(action.id, async (ctx) => {
          await runtime.stopPodSandbox(ctx, action.id)
          const sandbox = live.observed.sandboxes.find((s) => s.id === action.id)
          if (sandbox) live.setSandbox({ ...sandbox, state: 'NotReady', ips: [] })
        })
        break
      case 'removeSandbox':
        this.#remove(action.id, async (ctx) => {
          await runtime.removePodSandbox(ctx, action.id)
          live.dropSandbox(action.id)
        })
        break
    }
  }

  /** Takes everything of the pod off this node; tries until that is done or the ctx is aborted. */
  async cleanUp(ctx: Ctx): Promise<void> {
    const { deps, live, volumes, pod } = this.#parts
    const { runtime, store, images, clock } = deps
    const { uid } = pod().metadata
    volumes.close()
    images.forget(uid)
    const backOff = new BackOff({ firstMs: 500, maxMs: 15_000 })
    while (!ctx.signal.aborted) {
      try {
        const { sandboxes, containers } = live.observed
        await Promise.all(sandboxes.map((s) => runtime.removePodSandbox(ctx, s.id)))
        // Containers of a sandbox that the runtime has lost.
        const orphans = containers.filter((c) => !sandboxes.some((s) => s.id === c.podSandboxId))
        await Promise.all(orphans.map((c) => runtime.removeContainer(ctx, c.id)))
        await store.removePod(ctx, uid)
        return
      } catch (err) {
        if (ctx.signal.aborted) return
        ctx.log.warn({ err }, 'pod could not be cleaned up')
        await delay(clock, backOff.nextMs(), ctx.signal).catch(() => undefined)
      }
    }
  }

  // --- bringing up ---------------------------------------------------------------------------------------------------------------

  #runSandbox(attempt: number, then: readonly StartAction[], changed: boolean): void {
    const { deps, live, supervisor, wake } = this.#parts
    const { runtime, events, sandboxGate, node } = deps
    const pod = this.#parts.pod()
    const abort = new AbortController()
    const created = quietly<PodSandbox>()
    const ready = quietly<PodSandbox>()
    this.#sandboxStart = abort
    if (changed) events.event(pod, 'Normal', 'SandboxChanged', SANDBOX_CHANGED)
    for (const start of then) this.#start(start, created.promise, ready.promise)
    supervisor.start('run sandbox', async (base) => {
      const ctx = child(base, {}, abort.signal)
      let leftover: PodSandbox | undefined
      try {
        const names = podNames(pod, deps.clusterDomain, node.name)
        const config = sandboxConfig(pod, attempt, names, await deps.dnsConfig(pod))
        // Once the runtime was asked it is waited for: what it makes must be known to be taken away again.
        const sandbox = await sandboxGate.run(ctx.signal, () =>
          runtime.runPodSandbox(base, config, (early) => {
            leftover = early
            created.resolve(early)
          }),
        )
        live.setSandbox(sandbox)
        this.#sandboxFailures = 0
        created.resolve(sandbox)
        ready.resolve(sandbox)
      } catch (err) {
        created.reject(new SandboxNotReady())
        ready.reject(new SandboxNotReady())
        if (leftover) live.setSandbox(leftover)
        if (!ctx.signal.aborted && !this.#isAway(err)) await this.#sandboxFailed(base, pod, leftover, err)
      } finally {
        this.#sandboxStart = undefined
        wake()
      }
    })
  }

  async #sandboxFailed(
    ctx: Ctx,
    pod: DeepReadonly<Pod>,
    leftover: PodSandbox | undefined,
    err: unknown,
  ): Promise<void> {
    const { deps, live } = this.#parts
    const message = err instanceof Error ? err.message : String(err)
    ctx.log.warn({ err }, 'pod sandbox could not be started')
    deps.events.event(pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${message}`)
    this.#notBeforeMs.set('', deps.clock.now() + backOffMs(SANDBOX_RETRY, this.#sandboxFailures++))
    if (!leftover) return
    const { id } = leftover
    await deps.runtime
      .removePodSandbox(ctx, id)
      .catch((e) => ctx.log.debug({ err: e, id }, 'failed sandbox not removed'))
    live.dropSandbox(id)
  }

  #start(action: StartAction, created: Promise<PodSandbox>, ready: Promise<PodSandbox>): void {
    const { deps, live, volumes, supervisor, wake, pod, fields } = this.#parts
    const { container, attempt, backoff } = action
    const { name } = container.spec
    const current = { abort: new AbortController(), containerId: undefined as string | undefined }
    this.#starting.set(name, current)
    if (backoff) this.#backoffs.set(name, backoff)
    supervisor.start(`start ${name}`, async (base) => {
      try {
        const id = await startContainer(base, current.abort.signal, deps, {
          pod: pod(),
          container,
          attempt,
          restartDelayMs: backoff?.delayMs ?? 0,
          targetId: targetOf(live.observed, container),
          created,
          ready,
          volumes,
          fields,
          onCreated: (containerId) => {
            current.containerId = containerId
            this.#own.add(containerId)
          },
        })
        await live.inspect(base, id)
        this.#waiting.delete(name)
        this.#notBeforeMs.delete(name)
        this.#volumeFailures = 0
      } catch (err) {
        const cancelled = current.abort.signal.aborted
        await this.#startFailed(base, cancelled, action, current.containerId, err).catch((second) => {
          if (!base.signal.aborted && !this.#isAway(second)) throw second
        })
      } finally {
        this.#starting.delete(name)
        wake()
      }
    })
  }

  async #startFailed(
    ctx: Ctx,
    cancelled: boolean,
    { container }: StartAction,
    id: string | undefined,
    err: unknown,
  ): Promise<void> {
    const { deps, live, pod } = this.#parts
    const { runtime, events, clock } = deps
    const { name } = container.spec
    if (ctx.signal.aborted || this.#isAway(err)) return
    const status = id ? await live.inspect(ctx, id) : undefined
    if (status?.state === 'Created') {
      // It never ran: the next try makes it anew.
      await runtime.removeContainer(ctx, status.id)
      live.dropContainer(status.id)
    }
    if (cancelled || err instanceof SandboxNotReady) return
    if (err instanceof VolumesNotReady) {
      ctx.log.debug({ err }, 'volumes are not ready')
      this.#notBeforeMs.set(name, clock.now() + backOffMs(VOLUME_RETRY, this.#volumeFailures++))
      return
    }
    if (!(err instanceof StartFailure)) ctx.log.error({ err, container: name }, 'container could not be started')
    const words = err instanceof Error ? err.message : String(err)
    const failure = err instanceof StartFailure ? err : new StartFailure('CreateContainerError', words)
    this.#waiting.set(name, { reason: failure.reason, message: failure.message })
    if (!failure.told) {
      const options = { fieldPath: fieldPath(container.role, name) }
      events.event(pod(), 'Warning', 'Failed', `Error: ${failure.message}`, options)
    }
    // One that ended has its restart back-off; what never ran waits here.
    if (status?.state !== 'Exited') this.#notBeforeMs.set(name, failure.retryAtMs ?? clock.now() + CONFIG_RETRY_MS)
  }

  // --- taking down ---------------------------------------------------------------------------------------------------------------

  #stop(id: string, name: string, graceMs: number, message: string): void {
    const { deps, live, supervisor, wake } = this.#parts
    const { runtime, events, clock, prober } = deps
    const pod = this.#parts.pod()
    const overtaking = this.#stopping.has(id)
    const killAtMs = clock.now() + graceMs
    this.#stopping.set(id, killAtMs)
    prober.ending(id)
    const container = podContainers(pod).find((c) => c.spec.name === name)
    const path = container ? { fieldPath: fieldPath(container.role, name) } : undefined
    if (!this.#toldKilling.has(id) && container) events.event(pod, 'Normal', 'Killing', message, path)
    this.#toldKilling.add(id)
    supervisor.start(`stop ${name}`, async (ctx) => {
      try {
        const preStop = container?.spec.lifecycle?.preStop
        if (container && preStop && !overtaking) {
          const podIP = currentSandbox(live.observed)?.ips[0] ?? deps.node.ips[0] ?? ''
          const target = { spec: container.spec, containerId: id, podIP }
          await runHook(ctx, deps, preStop, target, graceMs).catch((err) => {
            if (ctx.signal.aborted) return
            ctx.log.info({ err, container: name }, 'preStop hook failed')
            events.event(pod, 'Warning', 'FailedPreStopHook', 'PreStopHook failed', path)
          })
        }
        await runtime.stopContainer(ctx, id, Math.max(killAtMs - clock.now(), SHORTEST_GRACE_MS))
        if (live.container(id)?.state === 'Running') await live.inspect(ctx, id)
      } catch (err) {
        if (ctx.signal.aborted || this.#isAway(err)) return
        ctx.log.warn({ err, container: name }, 'container could not be stopped')
        await delay(clock, CONFIG_RETRY_MS, ctx.signal).catch(() => undefined)
      } finally {
        if (this.#stopping.get(id) === killAtMs) this.#stopping.delete(id)
        wake()
      }
    })
  }

  #remove(id: string, task: (ctx: Ctx) => Promise<void>): void {
    const { deps, supervisor, wake } = this.#parts
    if (this.#removing.has(id)) return
    this.#removing.add(id)
    supervisor.start('remove', async (ctx) => {
      try {
        await task(ctx)
      } catch (err) {
        if (ctx.signal.aborted || this.#isAway(err)) return
        ctx.log.warn({ err, id }, 'container or sandbox could not be removed')
        await delay(deps.clock, CONFIG_RETRY_MS, ctx.signal).catch(() => undefined)
      } finally {
        this.#removing.delete(id)
        wake()
      }
    })
  }

  /** Whether the runtime did not answer. Then nothing is tried for a moment: that it is away is noticed elsewhere, too. */
  #isAway(err: unknown): boolean {
    if (!isUnavailable(err)) return false
    this.#heldUntilMs = this.#parts.deps.clock.now() + HOLD_MS
    return true
  }
}

/** The sandbox that a container was to be started in did not come up; the sandbox's own failure tells why. */
class SandboxNotReady extends Error {}

export const isUnavailable = (err: unknown) => err instanceof RuntimeError && err.code === 'Unavailable'

/** A promise whose rejection may stay unseen. */
function quietly<T>(): PromiseWithResolvers<T> {
  const resolvers = Promise.withResolvers<T>()
  resolvers.promise.catch(() => undefined)
  return resolvers
}
