// Runs the probes of all containers on this node. A probe is one timer: it starts when its container does, waits its initial delay, then
// runs once a period, never twice at the same time. Liveness and readiness wait until the startup probe has succeeded.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import { type Ctx, child } from '../../base/ctx.ts'
import { Supervisor } from '../../base/supervise.ts'
import type { EventRecorder } from '../../client/events.ts'
import type { RuntimeService } from '../cri/runtime.ts'
import { fieldPath, type PodContainer } from '../pods/containers.ts'
import { runHandler } from './handler.ts'
import {
  initialDelayMs,
  newProbeState,
  type ProbeKind,
  type ProbeSpec,
  periodMs,
  probeStep,
  timeoutMs,
  unhealthyMessage,
} from './probe.ts'

/** k8s: how often a probe that could not be run at all is tried before that counts as its result. */
const ATTEMPTS = 3

export interface ProbedContainer {
  pod: DeepReadonly<Pod>
  container: PodContainer
  containerId: string
  podIP: string
  startedAtMs: number
  /** What the API last said, when the container ran before this agent did: it keeps its state until a probe says otherwise. */
  adopted: { ready: boolean; started: boolean } | undefined
  /** A verdict has changed. */
  onChange(): void
}
export interface ProberDeps {
  runtime: RuntimeService
  events: EventRecorder
  clock: Clock
  random?: () => number
}

interface Tracked {
  target: ProbedContainer
  verdicts: Partial<Record<ProbeKind, boolean | undefined>>
  stop: AbortController
  timers: Set<Timer>
  ending: boolean
}

export class Prober {
  readonly #ctx: Ctx
  readonly #deps: ProberDeps
  readonly #supervisor: Supervisor
  readonly #tracked = new Map<string, Tracked>()

  constructor(ctx: Ctx, deps: ProberDeps) {
    this.#ctx = ctx
    this.#deps = deps
    this.#supervisor = new Supervisor(ctx)
  }

  /** Begins to probe a running container; nothing happens when it is probed already. */
  track(target: ProbedContainer): void {
    if (this.#tracked.has(target.containerId)) return
    const { startupProbe, readinessProbe } = target.container.spec
    const tracked: Tracked = {
      target,
      verdicts: {
        startup: startupProbe ? (target.adopted?.started ? true : undefined) : true,
        liveness: true,
        readiness: readinessProbe ? (target.adopted?.ready ?? false) : true,
      },
      stop: new AbortController(),
      timers: new Set(),
      ending: false,
    }
    this.#tracked.set(target.containerId, tracked)
    if (startupProbe && tracked.verdicts.startup !== true) this.#arm(tracked, 'startup', startupProbe)
    else this.#armOthers(tracked)
  }

  /** Ends the probes of a container that does not run any more. */
  untrack(containerId: string): void {
    const tracked = this.#tracked.get(containerId)
    if (!tracked) return
    this.#tracked.delete(containerId)
    tracked.stop.abort()
    for (const timer of tracked.timers) timer.cancel()
  }

  ready(containerId: string): boolean {
    const verdicts = this.#tracked.get(containerId)?.verdicts
    return verdicts?.startup === true && verdicts.readiness === true
  }

  started(containerId: string): boolean {
    return this.#tracked.get(containerId)?.verdicts.startup === true
  }

  /** The container is being stopped: only its readiness still matters. */
  ending(containerId: string): void {
    const tracked = this.#tracked.get(containerId)
    if (tracked) tracked.ending = true
  }

  /** Which probe wants the container replaced. */
  failed(containerId: string): 'liveness' | 'startup' | undefined {
    const verdicts = this.#tracked.get(containerId)?.verdicts
    return verdicts?.startup === false ? 'startup' : verdicts?.liveness === false ? 'liveness' : undefined
  }

  settled(): Promise<void> {
    return this.#supervisor.settled()
  }

  #armOthers(tracked: Tracked): void {
    const { livenessProbe, readinessProbe } = tracked.target.container.spec
    if (livenessProbe) this.#arm(tracked, 'liveness', livenessProbe)
    if (readinessProbe) this.#arm(tracked, 'readiness', readinessProbe)
  }

  #arm(tracked: Tracked, kind: ProbeKind, spec: ProbeSpec): void {
    const { clock, random = Math.random } = this.#deps
    const { startedAtMs, adopted } = tracked.target
    let state = newProbeState(tracked.verdicts[kind])
    // Probes of adopted containers are spread over their period, or they would all run at once for ever.
    const spreadMs = adopted ? random() * periodMs(spec) : 0
    const firstMs = Math.max(startedAtMs + initialDelayMs(spec) - clock.now(), spreadMs, 0)
    const later = (delayMs: number) => {
      const timer = clock.after(delayMs, () => {
        tracked.timers.delete(timer)
        this.#supervisor.start(`${kind} probe`, () => runOnce())
      })
      tracked.timers.add(timer)
    }
    const runOnce = async () => {
      if (tracked.ending && kind !== 'readiness') return
      const beganMs = clock.now()
      const ctx = child(this.#ctx, {}, tracked.stop.signal)
      const result = await this.#attempt(ctx, tracked.target, spec)
      if (ctx.signal.aborted || (tracked.ending && kind !== 'readiness')) return
      if (result !== undefined) {
        state = probeStep(state, result.ok, spec)
        if (!result.ok) this.#tellUnhealthy(tracked.target, kind, result.message)
        const before = tracked.verdicts[kind]
        tracked.verdicts[kind] = state.verdict
        if (state.verdict !== before) tracked.target.onChange()
        if (kind === 'startup' && state.verdict === true) {
          this.#armOthers(tracked)
          return
        }
        // k8s: it is being replaced; what it answers while it ends does not matter.
        if (kind !== 'readiness' && state.verdict === false) return
      }
      later(Math.max(periodMs(spec) - (clock.now() - beganMs), 0))
    }
    later(firstMs)
  }

  /** undefined when the runtime did not answer. */
  async #attempt(ctx: Ctx, target: ProbedContainer, spec: ProbeSpec) {
    for (let attempt = 1; ; attempt++) {
      try {
        const { container, containerId, podIP } = target
        return await runHandler(ctx, this.#deps, spec, { spec: container.spec, containerId, podIP }, timeoutMs(spec))
      } catch (err) {
        if (ctx.signal.aborted) return undefined
        if (attempt < ATTEMPTS) continue
        ctx.log.debug({ err, container: container(target) }, 'probe could not be run')
        return undefined
      }
    }
  }

  #tellUnhealthy({ pod, container: { role, spec } }: ProbedContainer, kind: ProbeKind, message: string): void {
    const options = { fieldPath: fieldPath(role, spec.name) }
    this.#deps.events.event(pod, 'Warning', 'Unhealthy', unhealthyMessage(kind, message), options)
  }
}

const container = ({ pod, container: { spec } }: ProbedContainer) =>
  `${pod.metadata.namespace}/${pod.metadata.name}/${spec.name}`
