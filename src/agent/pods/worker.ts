// One pod on this node. Whatever happens (the API changed it, a container ended, a probe spoke, a timer fired) wakes `#reconcile`, which
// is one synchronous look: plan, begin what the plan asks for, compute the status and offer it to the API. What takes time runs beside
// it (operations.ts) and wakes it again, so that a pod that is waiting for something can be stopped at once.
import { Pod } from '../../api/kinds/pod.ts'
import { isConflict, isNotFound } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { isTerminal } from '../../api/meta/pods.ts'
import { formatTime } from '../../api/meta/time.ts'
import { delay, type Timer } from '../../base/clock.ts'
import { type Ctx, child } from '../../base/ctx.ts'
import { Supervisor } from '../../base/supervise.ts'
import { BackOff } from '../../client/back-off.ts'
import type { RuntimeEvent } from '../cri/runtime.ts'
import { PodVolumes } from '../volumes/pod-volumes.ts'
import { attemptsOf, currentSandbox, fieldPath, type Observed, podContainers, podTitle } from './containers.ts'
import type { PodDeps } from './deps.ts'
import type { FieldContext } from './fields.ts'
import { LiveState } from './live-state.ts'
import { isUnavailable, PodOperations } from './operations.ts'
import { podPlan, type Verdict } from './plan.ts'
import { podStatus } from './status.ts'
import { StatusPoster } from './status-poster.ts'

export interface PodView {
  pod: DeepReadonly<Pod>
  observed: Observed
}
export interface WorkerOptions {
  /** The API has no such pod: what runs of it is to go. */
  gone?: boolean
  /** The node did not admit it. */
  verdict?: Verdict | undefined
  /** Nothing of the pod is left on this node. */
  onDone(): void
}

export class PodWorker {
  readonly #ctx: Ctx
  readonly #deps: PodDeps
  readonly #supervisor: Supervisor
  readonly #live: LiveState
  readonly #operations: PodOperations
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
  /** The end of each back-off that was told, by container. */
  readonly #toldLoops = new Map<string, number>()
  readonly #probed = new Set<string>()

  constructor(ctx: Ctx, deps: PodDeps, pod: DeepReadonly<Pod>, options: WorkerOptions) {
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
    const fields = () => this.#fields()
    const onReferenceChange = () => {
      this.#operations.referenceChanged()
      this.wake()
    }
    this.#volumes = new PodVolumes(deps, pod, fields, onReferenceChange)
    this.#operations = new PodOperations({
      deps,
      live: this.#live,
      volumes: this.#volumes,
      supervisor: this.#supervisor,
      pod: () => this.#pod,
      fields,
      wake: () => this.wake(),
    })
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
    this.#operations.adopt(found)
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
    const starting = this.#operations.startingIds.size > 0
    this.#supervisor.start('runtime event', async (ctx) => {
      try {
        if (await this.#live.apply(ctx, event, starting)) this.wake()
      } catch (err) {
        // A relist follows when the runtime is back.
        if (!isUnavailable(err)) throw err
      }
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
    const { clock, prober, events } = this.#deps
    const operations = this.#operations
    const nowMs = clock.now()
    if (!this.#deps.engineUp()) return
    if (nowMs < operations.heldUntilMs) {
      this.#wakeAt(operations.heldUntilMs)
      return
    }
    this.#syncProbes()
    const plan = podPlan({
      pod: this.#pod,
      gone: this.#gone,
      verdict: this.#verdict,
      observed: this.#live.observed,
      busy: operations.busy,
      stoppingSinceMs: this.#stoppingSinceMs,
      notBeforeMs: operations.notBeforeMs,
      backoffs: operations.backoffs,
      probes: { ...this.#failedProbes(), started: (id) => prober.started(id) },
      nowMs,
    })
    if (plan.state !== 'running') {
      this.#stoppingSinceMs ??= nowMs
      operations.cancelStarts()
    }
    for (const action of plan.actions) {
      if (action.type !== 'fail') operations.perform(action)
      else {
        this.#verdict = action.verdict
        events.event(this.#pod, 'Normal', action.verdict.reason, action.verdict.message)
        this.wake()
      }
    }
    for (const [name, { untilMs }] of plan.crashLoops) this.#tellBackOff(name, untilMs)
    this.#offerStatus(plan.state !== 'running', plan.crashLoops)
    this.#wakeAt(plan.wakeAtMs)
    if (plan.state === 'stopped') this.#finalize()
  }

  #wakeAt(atMs: number | undefined): void {
    const { clock } = this.#deps
    this.#timer?.cancel()
    this.#timer = atMs === undefined ? undefined : clock.after(atMs - clock.now(), () => this.wake())
  }

  #offerStatus(stopping: boolean, crashLoops: ReadonlyMap<string, { delayMs: number }>): void {
    if (this.#gone) return
    const { node, prober, runtimeName, clock } = this.#deps
    const { observed, messages } = this.#live
    // k8s: a container whose postStart hook still runs is not shown as running.
    const hidden = this.#operations.startingIds
    const status = podStatus({
      pod: this.#pod,
      observed: { ...observed, containers: observed.containers.filter((c) => !hidden.has(c.id)) },
      verdict: this.#verdict,
      stopping,
      waiting: this.#operations.waiting,
      crashLoops,
      messages,
      ready: (id) => prober.ready(id),
      started: (id) => prober.started(id),
      hostIPs: node.ips,
      runtimeName,
      startTime: this.#startTime,
      nowMs: clock.now(),
    })
    // On the way up the next change is near and worth waiting for; anything that a user waits for is written at once.
    this.#poster.offer(this.#ctx, status, stopping || !this.#operations.comingUp)
  }

  #tellBackOff(name: string, untilMs: number): void {
    if (this.#toldLoops.get(name) === untilMs) return
    this.#toldLoops.set(name, untilMs)
    const container = podContainers(this.#pod).find((c) => c.spec.name === name)
    const message = `Back-off restarting failed container ${name} in pod ${podTitle(this.#pod)}`
    const options = container && { fieldPath: fieldPath(container.role, name) }
    this.#deps.events.event(this.#pod, 'Warning', 'BackOff', message, options)
  }

  // --- probes --------------------------------------------------------------------------------------------------------------------

  /** Probes what runs and nothing else. */
  #syncProbes(): void {
    const { prober, node, runtimeName } = this.#deps
    const { observed } = this.#live
    const starting = this.#operations.startingIds
    const { status } = this.#pod
    const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])]
    for (const container of podContainers(this.#pod)) {
      const newest = attemptsOf(observed, container.spec.name)[0]
      if (newest?.state !== 'Running' || starting.has(newest.id) || container.role === 'init') continue
      if (this.#probed.has(newest.id)) continue
      this.#probed.add(newest.id)
      const before = statuses.find((s) => s.containerID === `${runtimeName}://${newest.id}`)
      prober.track({
        pod: this.#pod,
        container,
        containerId: newest.id,
        podIP: this.#podIPs()[0] ?? node.ips[0] ?? '',
        startedAtMs: newest.startedAtMs,
        adopted: this.#operations.isOwn(newest.id)
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
    this.#operations.prune()
  }

  #failedProbes() {
    const failed = new Map<string, 'liveness' | 'startup'>()
    const graceSeconds = new Map<string, number>()
    for (const id of this.#probed) {
      const which = this.#deps.prober.failed(id)
      const name = this.#live.container(id)?.metadata.name
      const spec = podContainers(this.#pod).find((c) => c.spec.name === name)?.spec
      if (!which || !spec) continue
      failed.set(id, which)
      const own = (which === 'liveness' ? spec.livenessProbe : spec.startupProbe)?.terminationGracePeriodSeconds
      if (own !== undefined) graceSeconds.set(id, own)
    }
    return { failed, graceSeconds }
  }

  // --- ending --------------------------------------------------------------------------------------------------------------------

  /** Nothing of it runs any more: the API's object goes, and at the same time everything that the node had of it. */
  #finalize(): void {
    if (this.#finalizing) return
    this.#finalizing = true
    this.#supervisor.start('finalize', async (ctx) => {
      const told = this.#gone ? Promise.resolve() : this.#poster.flush(ctx).then(() => this.#deleteObject(ctx))
      await Promise.all([told, this.#operations.cleanUp(ctx)])
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
}
