// One pod on this node. Whatever happens (the API changed it, a container ended, a probe spoke, a timer fired) wakes `#reconcile`, which
// is one synchronous look: plan, begin what the plan asks for, compute the status and offer it to the API. What takes time runs beside
// it and wakes it again, so that a pod that is waiting for something can be stopped at once.
import { Pod } from '../../api/kinds/pod.ts'
import { isConflict, isNotFound } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { isTerminal } from '../../api/meta/pods.ts'
import { formatTime } from '../../api/meta/time.ts'
import { delay, type Timer } from '../../base/clock.ts'
import { type Ctx, child } from '../../base/ctx.ts'
import { Supervisor } from '../../base/supervise.ts'
import { BackOff, backOffMs } from '../../client/back-off.ts'
import { type PodSandbox, RuntimeError, type RuntimeEvent } from '../cri/runtime.ts'
import { PodVolumes } from '../volumes/pod-volumes.ts'
import { attemptsOf, currentSandbox, fieldPath, type Observed, podContainers, podTitle } from './containers.ts'
import type { PodDeps } from './deps.ts'
import type { FieldContext } from './fields.ts'
import { runHook } from './hooks.ts'
import { podNames } from './hosts.ts'
import { LiveState } from './live-state.ts'
import { type Action, podPlan, SANDBOX_CHANGED, type StartAction, type Verdict } from './plan.ts'
import type { Backoff } from './restart.ts'
import { sandboxConfig } from './sandbox-config.ts'
import { startContainer, VolumesNotReady } from './start-container.ts'
import { StartFailure } from './start-failure.ts'
import { podStatus } from './status.ts'
import { StatusPoster } from './status-poster.ts'

/** How soon something that is wrong with a container's configuration is looked at again, if nothing it refers to changes before. */
const CONFIG_RETRY_MS = 10_000
const VOLUME_RETRY = { firstMs: 500, maxMs: 122_000 }
const SANDBOX_RETRY = { firstMs: 1000, maxMs: 60_000 }
const SHORTEST_GRACE_MS = 2000

export interface PodView {
  pod: DeepReadonly<Pod>
  observed: Observed
}

export class PodWorker {
  readonly #ctx: Ctx
  readonly #deps: PodDeps
  readonly #supervisor: Supervisor
  readonly #live: LiveState
  readonly #poster: StatusPoster
  readonly #volumes: PodVolumes
  readonly #onDone: () => void
  readonly #startTime: string
  #pod: DeepReadonly<Pod>
  #gone: boolean
  #verdict: Verdict | undefined
  #wakePending = false
  #timer: Timer | undefined
  #done = false
  #finalizing = false
  #stoppingSinceMs: number | undefined
  #sandboxStart: AbortController | undefined
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
  readonly #toldLoops = new Map<string, number>()
  /** Containers that this process started itself: they were not adopted. */
  readonly #own = new Set<string>()
  readonly #probed = new Set<string>()

  /** @param found what the runtime has of it already. @param onDone nothing of the pod is left on this node. */
  constructor(
    ctx: Ctx,
    deps: PodDeps,
    pod: DeepReadonly<Pod>,
    options: { gone?: boolean; verdict?: Verdict | undefined; onDone: () => void },
  ) {
    this.#ctx = child(ctx, { pod: `${pod.metadata.namespace}/${pod.metadata.name}` })
    this.#deps = deps
    this.#pod = pod
    this.#gone = options.gone ?? false
    this.#verdict = options.verdict
    this.#onDone = options.onDone
    this.#supervisor = new Supervisor(this.#ctx)
    this.#live = new LiveState(deps.runtime)
    this.#startTime = pod.status?.startTime ?? formatTime(deps.clock.now())
    this.#poster = new StatusPoster(deps.client, deps.clock, pod, (written) => this.#onWritten(written))
    this.#volumes = new PodVolumes(
      deps,
      pod,
      () => this.#fields(),
      () => this.#onReferenceChange(),
    )
  }

  get pod(): DeepReadonly<Pod> {
    return this.#pod
  }
  get view(): PodView {
    return { pod: this.#pod, observed: this.#live.observed }
  }
  /** Whether it counts for what fits on the node. */
  get active(): boolean {
    return !this.#verdict && !isTerminal(this.#pod) && !this.#done
  }

  /** Everything that the runtime has of this pod, at the start and after the engine was away. */
  async relisted(found: Observed): Promise<void> {
    await this.#live.replace(this.#ctx, found)
    this.wake()
  }

  podChanged(pod: DeepReadonly<Pod>): void {
    if (this.#gone || !this.#isNewer(pod)) return
    this.#take(pod)
    this.wake()
  }

  /** The API has no such pod any more. @param last its last state, which may name a shorter grace period (a forced delete) */
  podGone(last?: DeepReadonly<Pod>): void {
    if (this.#gone) return
    if (last && this.#isNewer(last)) this.#take(last)
    this.#gone = true
    this.wake()
  }

  runtimeEvent(event: RuntimeEvent): void {
    const starting =
      [...this.#starting.values()].some((s) => s.containerId === event.containerId) || this.#starting.size > 0
    this.#supervisor.start('runtime event', async (ctx) => {
      if (await this.#live.apply(ctx, event, starting)) this.wake()
    })
  }

  wake(): void {
    if (this.#wakePending || this.#done) return
    this.#wakePending = true
    queueMicrotask(() => {
      this.#wakePending = false
      if (!this.#ctx.signal.aborted && !this.#done) this.#reconcile()
    })
  }

  /** Resolves when, after the ctx was aborted, everything has stopped. Containers run on. */
  async settled(): Promise<void> {
    this.#timer?.cancel()
    this.#volumes.close()
    for (const id of this.#probed) this.#deps.prober.untrack(id)
    await this.#supervisor.settled()
  }

  // --- looking -------------------------------------------------------------------------------------------------------------------

  #reconcile(): void {
    const { clock, prober } = this.#deps
    if (!this.#deps.engineUp()) return
    this.#syncProbes()
    const { observed } = this.#live
    const nowMs = clock.now()
    const failed = new Map<string, 'liveness' | 'startup'>()
    const graceSeconds = new Map<string, number>()
    for (const id of this.#probed) {
      const which = prober.failed(id)
      const spec = podContainers(this.#pod).find((c) => c.spec.name === this.#live.container(id)?.metadata.name)?.spec
      if (!which || !spec) continue
      failed.set(id, which)
      const own = (which === 'liveness' ? spec.livenessProbe : spec.startupProbe)?.terminationGracePeriodSeconds
      if (own !== undefined) graceSeconds.set(id, own)
    }
    const plan = podPlan({
      pod: this.#pod,
      gone: this.#gone,
      verdict: this.#verdict,
      observed,
      busy: {
        sandbox: this.#sandboxStart !== undefined,
        starting: new Set(this.#starting.keys()),
        stopping: this.#stopping,
      },
      stoppingSinceMs: this.#stoppingSinceMs,
      notBeforeMs: this.#notBeforeMs,
      backoffs: this.#backoffs,
      probes: { failed, started: (id) => prober.started(id) },
      probeGraceSeconds: graceSeconds,
      nowMs,
    })
    if (plan.state !== 'running') this.#beginStopping(nowMs)
    for (const action of plan.actions) this.#perform(action)
    for (const [name, { untilMs }] of plan.crashLoops) this.#tellBackOff(name, untilMs)
    this.#offerStatus(plan.state !== 'running', plan.crashLoops)
    this.#timer?.cancel()
    this.#timer = plan.wakeAtMs === undefined ? undefined : clock.after(plan.wakeAtMs - nowMs, () => this.wake())
    if (plan.state === 'stopped') this.#finalize()
  }

  /** Nothing more is brought up from now on. */
  #beginStopping(nowMs: number): void {
    this.#stoppingSinceMs ??= nowMs
    this.#sandboxStart?.abort()
    for (const { abort } of this.#starting.values()) abort.abort()
  }

  #offerStatus(stopping: boolean, crashLoops: ReadonlyMap<string, { delayMs: number }>): void {
    if (this.#gone) return
    const { node, prober, runtimeName, clock } = this.#deps
    const status = podStatus({
      pod: this.#pod,
      observed: this.#shown(),
      verdict: this.#verdict,
      stopping,
      waiting: this.#waiting,
      crashLoops,
      messages: this.#live.messages,
      ready: (id) => prober.ready(id),
      started: (id) => prober.started(id),
      hostIPs: node.ips,
      runtimeName,
      startTime: this.#startTime,
      nowMs: clock.now(),
    })
    // On the way up the next change is near and worth waiting for; anything that a user waits for is written at once.
    const underWay = (this.#starting.size > 0 || this.#sandboxStart !== undefined) && !stopping
    const steps = [...this.#waiting.values()].length === 0 && underWay
    this.#poster.offer(this.#ctx, status, !steps)
  }

  /** k8s: a container whose postStart hook still runs is not shown as running. */
  #shown(): Observed {
    const { observed } = this.#live
    const hidden = new Set([...this.#starting.values()].map((s) => s.containerId))
    return { ...observed, containers: observed.containers.filter((c) => !hidden.has(c.id)) }
  }

  #syncProbes(): void {
    const { prober, node } = this.#deps
    const { observed } = this.#live
    const starting = new Set([...this.#starting.values()].map((s) => s.containerId))
    const ips = this.#podIPs()
    const statuses = [
      ...(this.#pod.status?.containerStatuses ?? []),
      ...(this.#pod.status?.initContainerStatuses ?? []),
    ]
    for (const container of podContainers(this.#pod)) {
      const newest = attemptsOf(observed, container.spec.name)[0]
      if (newest?.state !== 'Running' || starting.has(newest.id) || container.role === 'init') continue
      if (this.#probed.has(newest.id)) continue
      this.#probed.add(newest.id)
      const before = statuses.find((s) => s.containerID === `${this.#deps.runtimeName}://${newest.id}`)
      prober.track({
        pod: this.#pod,
        container,
        containerId: newest.id,
        podIP: ips[0] ?? node.ips[0] ?? '',
        startedAtMs: newest.startedAtMs,
        adopted: this.#own.has(newest.id)
          ? undefined
          : { ready: before?.ready ?? false, started: before?.started ?? false },
        onChange: () => this.wake(),
      })
    }
    for (const id of this.#probed) {
      if (this.#live.container(id)?.state === 'Running') continue
      this.#probed.delete(id)
      prober.untrack(id)
    }
  }

  // --- acting --------------------------------------------------------------------------------------------------------------------

  #perform(action: Action): void {
    const { runtime, events } = this.#deps
    switch (action.type) {
      case 'runSandbox':
        this.#runSandbox(action.attempt, action.then, action.changed)
        break
      case 'startContainer': {
        const sandbox = currentSandbox(this.#live.observed)
        if (sandbox) this.#start(action, Promise.resolve(sandbox), Promise.resolve(sandbox))
        break
      }
      case 'stopContainer':
        this.#stop(action.id, action.name, action.graceMs, action.message)
        break
      case 'removeContainer':
        this.#remove(action.id, async (ctx) => {
          await runtime.removeContainer(ctx, action.id)
          this.#live.dropContainer(action.id)
        })
        break
      case 'stopSandbox':
        this.#remove(action.id, async (ctx) => {
          await runtime.stopPodSandbox(ctx, action.id)
          const sandbox = this.#live.observed.sandboxes.find((s) => s.id === action.id)
          if (sandbox) this.#live.setSandbox({ ...sandbox, state: 'NotReady', ips: [] })
        })
        break
      case 'removeSandbox':
        this.#remove(action.id, async (ctx) => {
          await runtime.removePodSandbox(ctx, action.id)
          this.#live.dropSandbox(action.id)
        })
        break
      case 'fail':
        this.#verdict = action.verdict
        events.event(this.#pod, 'Normal', action.verdict.reason, action.verdict.message)
        this.wake()
        break
    }
  }

  #runSandbox(attempt: number, then: readonly StartAction[], changed: boolean): void {
    const { runtime, events, clock, sandboxGate } = this.#deps
    const pod = this.#pod
    const abort = new AbortController()
    const created = quietly<PodSandbox>()
    const ready = quietly<PodSandbox>()
    this.#sandboxStart = abort
    if (changed) events.event(pod, 'Normal', 'SandboxChanged', SANDBOX_CHANGED)
    for (const start of then) this.#start(start, created.promise, ready.promise)
    this.#supervisor.start('run sandbox', async (base) => {
      const ctx = child(base, {}, abort.signal)
      let leftover: PodSandbox | undefined
      try {
        const names = podNames(pod, this.#deps.clusterDomain, this.#deps.node.name)
        const config = sandboxConfig(pod, attempt, names, await this.#deps.dnsConfig(pod))
        // Once the runtime was asked it is waited for: what it makes must be known to be taken away again.
        const sandbox = await sandboxGate.run(ctx.signal, () =>
          runtime.runPodSandbox(base, config, (early) => {
            leftover = early
            created.resolve(early)
          }),
        )
        this.#live.setSandbox(sandbox)
        this.#sandboxFailures = 0
        created.resolve(sandbox)
        ready.resolve(sandbox)
      } catch (err) {
        created.reject(new SandboxNotReady())
        ready.reject(new SandboxNotReady())
        if (leftover) this.#live.setSandbox(leftover)
        if (ctx.signal.aborted || isUnavailable(err)) return
        const message = err instanceof Error ? err.message : String(err)
        base.log.warn({ err }, 'pod sandbox could not be started')
        events.event(pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${message}`)
        this.#notBeforeMs.set('', clock.now() + backOffMs(SANDBOX_RETRY, this.#sandboxFailures++))
        if (leftover) {
          const { id } = leftover
          await runtime
            .removePodSandbox(base, id)
            .catch((e) => base.log.debug({ err: e }, 'failed sandbox not removed'))
          this.#live.dropSandbox(id)
        }
      } finally {
        this.#sandboxStart = undefined
        this.wake()
      }
    })
  }

  #start(action: StartAction, created: Promise<PodSandbox>, ready: Promise<PodSandbox>): void {
    const { container, attempt, backoff } = action
    const { name } = container.spec
    const current = { abort: new AbortController(), containerId: undefined as string | undefined }
    this.#starting.set(name, current)
    if (backoff) this.#backoffs.set(name, backoff)
    this.#supervisor.start(`start ${name}`, async (base) => {
      const ctx = child(base, {}, current.abort.signal)
      try {
        const id = await startContainer(base, current.abort.signal, this.#deps, {
          pod: this.#pod,
          container,
          attempt,
          created,
          ready,
          volumes: this.#volumes,
          fields: () => this.#fields(),
          onCreated: (containerId) => {
            current.containerId = containerId
            this.#own.add(containerId)
          },
          hookTimeoutMs: 24 * 3_600_000,
        })
        await this.#live.inspect(base, id)
        this.#waiting.delete(name)
        this.#notBeforeMs.delete(name)
        this.#volumeFailures = 0
      } catch (err) {
        await this.#startFailed(base, ctx, action, current.containerId, err)
      } finally {
        this.#starting.delete(name)
        this.wake()
      }
    })
  }

  async #startFailed(
    base: Ctx,
    ctx: Ctx,
    { container }: StartAction,
    id: string | undefined,
    err: unknown,
  ): Promise<void> {
    const { runtime, events, clock } = this.#deps
    const { name } = container.spec
    if (base.signal.aborted) return
    const status = id && !isUnavailable(err) ? await this.#live.inspect(base, id) : undefined
    if (status?.state === 'Created') {
      // It never ran: the next try makes it anew.
      await runtime.removeContainer(base, status.id)
      this.#live.dropContainer(status.id)
    }
    if (ctx.signal.aborted || isUnavailable(err) || err instanceof SandboxNotReady) return
    if (err instanceof VolumesNotReady) {
      base.log.debug({ err }, 'volumes are not ready')
      this.#notBeforeMs.set(name, clock.now() + backOffMs(VOLUME_RETRY, this.#volumeFailures++))
      return
    }
    const failure =
      err instanceof StartFailure
        ? err
        : new StartFailure('CreateContainerError', String((err as Error).message ?? err))
    if (!(err instanceof StartFailure)) base.log.error({ err, container: name }, 'container could not be started')
    this.#waiting.set(name, { reason: failure.reason, message: failure.message })
    if (!failure.told)
      events.event(this.#pod, 'Warning', 'Failed', `Error: ${failure.message}`, {
        fieldPath: fieldPath(container.role, name),
      })
    // One that ended has its restart back-off; what never ran waits here.
    if (status?.state !== 'Exited') this.#notBeforeMs.set(name, failure.retryAtMs ?? clock.now() + CONFIG_RETRY_MS)
  }

  #stop(id: string, name: string, graceMs: number, message: string): void {
    const { runtime, events, clock, prober } = this.#deps
    const overtaking = this.#stopping.has(id)
    const killAtMs = clock.now() + graceMs
    this.#stopping.set(id, killAtMs)
    prober.ending(id)
    const container = podContainers(this.#pod).find((c) => c.spec.name === name)
    const path = container ? { fieldPath: fieldPath(container.role, name) } : undefined
    if (!overtaking && !(this.#gone && !container)) events.event(this.#pod, 'Normal', 'Killing', message, path)
    this.#supervisor.start(`stop ${name}`, async (ctx) => {
      try {
        const preStop = container?.spec.lifecycle?.preStop
        if (container && preStop && !overtaking) {
          const podIP = this.#podIPs()[0] ?? this.#deps.node.ips[0] ?? ''
          await runHook(ctx, this.#deps, preStop, { spec: container.spec, containerId: id, podIP }, graceMs).catch(
            (err) => {
              if (ctx.signal.aborted) return
              ctx.log.info({ err, container: name }, 'preStop hook failed')
              events.event(this.#pod, 'Warning', 'FailedPreStopHook', 'PreStopHook failed', path)
            },
          )
        }
        await runtime.stopContainer(ctx, id, Math.max(killAtMs - clock.now(), SHORTEST_GRACE_MS))
        if (this.#live.container(id)?.state === 'Running') await this.#live.inspect(ctx, id)
      } catch (err) {
        if (ctx.signal.aborted || isUnavailable(err)) return
        ctx.log.warn({ err, container: name }, 'container could not be stopped')
        await delay(clock, CONFIG_RETRY_MS, ctx.signal).catch(() => undefined)
      } finally {
        if (this.#stopping.get(id) === killAtMs) this.#stopping.delete(id)
        this.wake()
      }
    })
  }

  #remove(id: string, task: (ctx: Ctx) => Promise<void>): void {
    if (this.#removing.has(id)) return
    this.#removing.add(id)
    this.#supervisor.start('remove', async (ctx) => {
      try {
        await task(ctx)
      } catch (err) {
        if (ctx.signal.aborted || isUnavailable(err)) return
        ctx.log.warn({ err, id }, 'container or sandbox could not be removed')
        await delay(this.#deps.clock, CONFIG_RETRY_MS, ctx.signal).catch(() => undefined)
      } finally {
        this.#removing.delete(id)
        this.wake()
      }
    })
  }

  /** Nothing of it runs any more: the API's object goes, and at the same time everything that the node had of it. */
  #finalize(): void {
    if (this.#finalizing) return
    this.#finalizing = true
    this.#supervisor.start('finalize', async (ctx) => {
      const told = this.#gone ? Promise.resolve() : this.#poster.flush(ctx).then(() => this.#deleteObject(ctx))
      await Promise.all([told, this.#cleanUp(ctx)])
      if (ctx.signal.aborted) return
      this.#done = true
      this.#timer?.cancel()
      this.#onDone()
    })
  }

  async #deleteObject(ctx: Ctx): Promise<void> {
    const { client, clock } = this.#deps
    const { name, namespace = '', uid } = this.#pod.metadata
    const backOff = new BackOff({ firstMs: 500, maxMs: 15_000, jitter: 0.2 })
    while (!ctx.signal.aborted && !this.#gone) {
      try {
        return await client.delete(ctx, Pod, { name, namespace }, { gracePeriodSeconds: 0, preconditions: { uid } })
      } catch (err) {
        if (isNotFound(err) || isConflict(err) || ctx.signal.aborted) return
        ctx.log.debug({ err }, 'pod object could not be deleted')
        await delay(clock, backOff.nextMs(), ctx.signal).catch(() => undefined)
      }
    }
  }

  async #cleanUp(ctx: Ctx): Promise<void> {
    const { runtime, store, images, clock } = this.#deps
    const { uid } = this.#pod.metadata
    this.#volumes.close()
    images.forget(uid)
    const backOff = new BackOff({ firstMs: 500, maxMs: 15_000 })
    while (!ctx.signal.aborted) {
      try {
        await Promise.all(this.#live.observed.sandboxes.map((s) => runtime.removePodSandbox(ctx, s.id)))
        // Containers of a sandbox that the runtime has lost.
        await Promise.all(this.#orphans().map((c) => runtime.removeContainer(ctx, c.id)))
        await store.removePod(ctx, uid)
        return
      } catch (err) {
        if (ctx.signal.aborted) return
        ctx.log.warn({ err }, 'pod could not be cleaned up')
        await delay(clock, backOff.nextMs(), ctx.signal).catch(() => undefined)
      }
    }
  }

  #orphans() {
    const { sandboxes, containers } = this.#live.observed
    return containers.filter((c) => !sandboxes.some((s) => s.id === c.podSandboxId))
  }

  // --- knowing -------------------------------------------------------------------------------------------------------------------

  #fields(): FieldContext {
    const { node } = this.#deps
    const ips = this.#podIPs()
    const podIPs = ips.length > 0 ? ips : this.#pod.spec?.hostNetwork ? node.ips : []
    return { pod: this.#pod, podIPs, hostIPs: node.ips, nodeName: node.name, allocatable: node.allocatable() }
  }

  #podIPs(): readonly string[] {
    return currentSandbox(this.#live.observed)?.ips ?? []
  }

  /** Something that could not be started for its configuration is worth another look at once. */
  #onReferenceChange(): void {
    for (const [name, { reason }] of this.#waiting)
      if (reason === 'CreateContainerConfigError') this.#notBeforeMs.delete(name)
    if (this.#volumeFailures > 0) this.#notBeforeMs.clear()
    this.wake()
  }

  #onWritten(written: DeepReadonly<Pod> | undefined): void {
    if (!written) this.podGone()
    else if (this.#isNewer(written)) {
      this.#take(written)
      this.wake()
    }
  }

  /** k8s: resource versions of one object can be compared as numbers. */
  #isNewer(pod: DeepReadonly<Pod>): boolean {
    return Number(pod.metadata.resourceVersion ?? 0) >= Number(this.#pod.metadata.resourceVersion ?? 0)
  }

  #take(pod: DeepReadonly<Pod>): void {
    this.#pod = pod
    this.#poster.pod = pod
    this.#volumes.podChanged(pod)
  }

  #tellBackOff(name: string, untilMs: number): void {
    if (this.#toldLoops.get(name) === untilMs) return
    this.#toldLoops.set(name, untilMs)
    const container = podContainers(this.#pod).find((c) => c.spec.name === name)
    const message = `Back-off restarting failed container ${name} in pod ${podTitle(this.#pod)}`
    const options = container && { fieldPath: fieldPath(container.role, name) }
    this.#deps.events.event(this.#pod, 'Warning', 'BackOff', message, options)
  }
}

/** The sandbox that a container was to be started in did not come up; the sandbox's own failure tells why. */
class SandboxNotReady extends Error {}

const isUnavailable = (err: unknown) => err instanceof RuntimeError && err.code === 'Unavailable'

/** A promise whose rejection may stay unseen. */
function quietly<T>(): PromiseWithResolvers<T> {
  const resolvers = Promise.withResolvers<T>()
  resolvers.promise.catch(() => undefined)
  return resolvers
}
