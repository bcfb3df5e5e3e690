// What is to be done next for one pod: a pure function of the pod, what runs of it, and the clock. The worker performs the actions and
// asks again whenever something changed; a container or sandbox that is being worked on (`busy`) is left alone until then.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { isTerminal } from '../../api/meta/pods.ts'
import type { ContainerStatus, PodSandbox } from '../cri/runtime.ts'
import { attemptsOf, currentSandbox, type Observed, type PodContainer, podContainers } from './containers.ts'
import { carriedFacts, containerHash } from './labels.ts'
import { type Backoff, raise, restarts, retryAtMs } from './restart.ts'

/** Why a pod has failed as a whole; its containers are not run any more. */
export interface Verdict {
  reason: string
  message: string
}
export interface PlanInput {
  pod: DeepReadonly<Pod>
  /** The API has no such pod any more. */
  gone: boolean
  verdict: Verdict | undefined
  observed: Observed
  busy: {
    sandbox: boolean
    /** Being created and started. */
    starting: ReadonlySet<string>
    /** Being stopped, by container id, with the time at which they will be killed. */
    stopping: ReadonlyMap<string, number>
  }
  /** When the pod began to be stopped. */
  stoppingSinceMs: number | undefined
  /** Earliest next try of what could not be started, by container name; the sandbox under ''. */
  notBeforeMs: ReadonlyMap<string, number>
  backoffs: ReadonlyMap<string, Backoff>
  /** What probes say, by container id. */
  probes: {
    failed: ReadonlyMap<string, 'liveness' | 'startup'>
    /** Grace periods of failed probes that have their own. */
    graceSeconds: ReadonlyMap<string, number>
    started(containerId: string): boolean
  }
  nowMs: number
}

export interface StartAction {
  type: 'startContainer'
  container: PodContainer
  attempt: number
  /** The container's back-off from now on; undefined for a first start. */
  backoff: Backoff | undefined
}
export type Action =
  /** `then` can be prepared at the same time and started as soon as the sandbox is ready. */
  | { type: 'runSandbox'; attempt: number; then: readonly StartAction[]; changed: boolean }
  | StartAction
  | { type: 'stopContainer'; id: string; name: string; graceMs: number; message: string }
  | { type: 'removeContainer'; id: string; name: string }
  | { type: 'stopSandbox'; id: string }
  | { type: 'removeSandbox'; id: string }
  | { type: 'fail'; verdict: Verdict }

export interface Plan {
  actions: Action[]
  /** `running`: keep it so. `finished`: ended by itself or by a verdict. `stopped`: was to be stopped, and nothing of it runs any more. */
  state: 'running' | 'stopping' | 'stopped' | 'finished'
  /** Containers that wait for their back-off. */
  crashLoops: ReadonlyMap<string, { delayMs: number; untilMs: number }>
  /** Ask again then, even when nothing happened. */
  wakeAtMs: number | undefined
}

/** k8s: no container is given less than this between its stop signal and SIGKILL. */
const SHORTEST_GRACE_MS = 2000
/** A running stop is overtaken by one that ends this much earlier. */
const OVERTAKE_MS = 1000

/** Whole seconds that the pod's containers have to end. */
export function gracePeriodSeconds(pod: DeepReadonly<Pod>): number {
  return pod.metadata.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30
}

export function podPlan(input: PlanInput): Plan {
  const { pod, verdict, gone } = input
  if (gone || pod.metadata.deletionTimestamp || verdict || isTerminal(pod)) return stopPlan(input)
  const deadline = deadlineMs(pod)
  if (deadline !== undefined && input.nowMs >= deadline) {
    const failed = {
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    }
    return { ...stopPlan({ ...input, verdict: failed }), actions: [{ type: 'fail', verdict: failed }] }
  }
  const plan = runPlan(input)
  return { ...plan, wakeAtMs: earliest(plan.wakeAtMs, plan.state === 'running' ? deadline : undefined) }
}

function deadlineMs(pod: DeepReadonly<Pod>): number | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds
  const start = pod.status?.startTime
  return seconds === undefined || !start ? undefined : Date.parse(start) + seconds * 1000
}

const earliest = (a: number | undefined, b: number | undefined) =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b)

// --- stopping --------------------------------------------------------------------------------------------------------------------

/** App containers are stopped together; then the sidecars, the last one first. */
function stopPlan(input: PlanInput): Plan {
  const { pod, observed, busy, nowMs } = input
  const graceMs = Math.max(gracePeriodSeconds(pod), 1) * 1000
  const killAtMs = (input.stoppingSinceMs ?? nowMs) + graceMs
  const running = observed.containers.filter((c) => c.state === 'Running' || c.state === 'Unknown')
  const sidecars = podContainers(pod)
    .filter((c) => c.role === 'sidecar')
    .map((c) => c.spec.name)
  const first = running.filter((c) => !sidecars.includes(c.metadata.name))
  const last = running.sort((a, b) => sidecars.indexOf(b.metadata.name) - sidecars.indexOf(a.metadata.name)).slice(0, 1)
  const actions: Action[] = []
  for (const container of first.length > 0 ? first : last) {
    const name = container.metadata.name
    const stopping = busy.stopping.get(container.id)
    if (stopping !== undefined && killAtMs > stopping - OVERTAKE_MS) continue
    const leftMs = Math.max(killAtMs - nowMs, SHORTEST_GRACE_MS)
    actions.push({
      type: 'stopContainer',
      id: container.id,
      name,
      graceMs: leftMs,
      message: `Stopping container ${name}`,
    })
  }
  if (running.length > 0 || busy.sandbox || busy.starting.size > 0 || busy.stopping.size > 0)
    return { actions, state: 'stopping', crashLoops: new Map(), wakeAtMs: undefined }
  if (input.gone || pod.metadata.deletionTimestamp)
    return { actions, state: 'stopped', crashLoops: new Map(), wakeAtMs: undefined }
  // It stays for its logs and its status, without network and processes.
  for (const sandbox of observed.sandboxes)
    if (sandbox.state === 'Ready') actions.push({ type: 'stopSandbox', id: sandbox.id })
  return { actions, state: 'finished', crashLoops: new Map(), wakeAtMs: undefined }
}

// --- running ---------------------------------------------------------------------------------------------------------------------

function runPlan(input: PlanInput): Plan {
  const { pod, observed, busy, nowMs, notBeforeMs } = input
  const sandbox = currentSandbox(observed)
  if (busy.sandbox) return { actions: [], state: 'running', crashLoops: new Map(), wakeAtMs: undefined }
  if (sandbox?.state === 'Ready') {
    const run = new Run(input, sandbox)
    run.step()
    if (run.finished) return { ...stopPlan(input), crashLoops: new Map() }
    return {
      actions: [...run.actions, ...leftovers(input)],
      state: 'running',
      crashLoops: run.crashLoops,
      wakeAtMs: run.wakeAtMs,
    }
  }
  // No sandbox, or it died: what still runs of it goes first, then a new one is made, unless nothing would run in it.
  const next = new Run({ ...input, observed: { sandboxes: [], containers: [] }, past: observed } as RunInput, undefined)
  next.step()
  if (sandbox && isFinished(pod, observed)) return stopPlan(input)
  const alive = observed.containers.filter((c) => c.state === 'Running' || c.state === 'Unknown')
  if (alive.length > 0) {
    const graceMs = Math.max(gracePeriodSeconds(pod) * 1000, SHORTEST_GRACE_MS)
    const actions = alive
      .filter((c) => !busy.stopping.has(c.id))
      .map(
        (c): Action => ({
          type: 'stopContainer',
          id: c.id,
          name: c.metadata.name,
          graceMs,
          message: `Stopping container ${c.metadata.name}`,
        }),
      )
    return { actions, state: 'running', crashLoops: new Map(), wakeAtMs: undefined }
  }
  const waitUntilMs = notBeforeMs.get('')
  if (waitUntilMs !== undefined && waitUntilMs > nowMs)
    return { actions: [], state: 'running', crashLoops: new Map(), wakeAtMs: waitUntilMs }
  const then = next.actions.filter((a) => a.type === 'startContainer')
  const attempt = sandbox ? sandbox.metadata.attempt + 1 : 0
  return {
    actions: [{ type: 'runSandbox', attempt, then, changed: sandbox !== undefined }],
    state: 'running',
    crashLoops: next.crashLoops,
    wakeAtMs: undefined,
  }
}

export const SANDBOX_CHANGED = 'Pod sandbox changed, it will be killed and re-created.'

/** Whether the pod's containers have all ended for good, whatever sandbox they were in. */
function isFinished(pod: DeepReadonly<Pod>, observed: Observed): boolean {
  const ended = (c: PodContainer) => {
    const newest = attemptsOf(observed, c.spec.name)[0]
    return newest?.state === 'Exited' ? newest : undefined
  }
  const all = podContainers(pod)
  const failedInit = all.some((c) => {
    const status = c.role === 'init' ? ended(c) : undefined
    return status !== undefined && status.exitCode !== 0 && !restarts(pod, c.spec, 'init', status.exitCode)
  })
  const apps = all.filter((c) => c.role === 'app')
  return (
    failedInit ||
    apps.every((c) => {
      const status = ended(c)
      return status !== undefined && !restarts(pod, c.spec, 'app', status.exitCode)
    })
  )
}

interface RunInput extends PlanInput {
  /** Containers of earlier sandboxes, for their restart counts. */
  past?: Observed
}

/** One look at a pod whose sandbox is up (or about to be): which containers to start, restart or stop. */
class Run {
  readonly actions: Action[] = []
  readonly crashLoops = new Map<string, { delayMs: number; untilMs: number }>()
  wakeAtMs: number | undefined
  finished = false
  readonly #input: RunInput
  readonly #sandbox: PodSandbox | undefined

  constructor(input: RunInput, sandbox: PodSandbox | undefined) {
    this.#input = input
    this.#sandbox = sandbox
  }

  step(): void {
    const { pod, observed } = this.#input
    if (this.#sandbox && isFinished(pod, this.#inSandbox())) {
      this.finished = true
      return
    }
    const all = podContainers(pod)
    const apps = all.filter((c) => c.role === 'app')
    const initialized = apps.some((c) => {
      const status = this.#current(c.spec.name)
      return status !== undefined && status.state !== 'Created'
    })
    let clear = true
    for (const container of all.filter((c) => c.role === 'init' || c.role === 'sidecar')) {
      if (container.role === 'sidecar') {
        const up = this.#keep(container)
        if (!up && !initialized) clear = false
      } else if (!initialized && !this.#initDone(container)) clear = false
      if (!clear) break
    }
    if (clear) for (const container of apps) this.#keep(container)
    if (this.#sandbox?.state === 'Ready')
      for (const container of all.filter((c) => c.role === 'ephemeral'))
        if (attemptsOf(observed, container.spec.name).length === 0) this.#start(container, undefined)
  }

  /** Runs an init container to its end; true when it has succeeded. */
  #initDone(container: PodContainer): boolean {
    const status = this.#current(container.spec.name)
    if (status?.state === 'Exited' && status.exitCode === 0) return true
    if (status?.state !== 'Running') this.#keep(container)
    return false
  }

  /** Starts, restarts or stops one container that is to run; true when it runs and has started up. */
  #keep(container: PodContainer): boolean {
    const { busy, probes, pod } = this.#input
    const { name } = container.spec
    if (busy.starting.has(name)) return false
    const status = this.#current(name)
    if (!status) {
      this.#start(container, undefined)
      return false
    }
    if (busy.stopping.has(status.id)) return false
    switch (status.state) {
      case 'Running': {
        const why = this.#whyReplace(container, status)
        if (!why) return probes.started(status.id)
        const again = restarts(pod, container.spec, container.role, 1)
        const seconds = this.#input.probes.graceSeconds.get(status.id) ?? gracePeriodSeconds(pod)
        const graceMs = Math.max(seconds * 1000, SHORTEST_GRACE_MS)
        const message = again ? `${why}, will be restarted` : why
        this.actions.push({ type: 'stopContainer', id: status.id, name, graceMs, message })
        return false
      }
      case 'Exited':
        if (restarts(pod, container.spec, container.role, status.exitCode)) this.#start(container, status)
        return false
      case 'Created':
        // Left behind by an agent that ended between creating and starting it.
        this.actions.push({ type: 'removeContainer', id: status.id, name })
        return false
      case 'Unknown':
        this.actions.push({
          type: 'stopContainer',
          id: status.id,
          name,
          graceMs: SHORTEST_GRACE_MS,
          message: `Container ${name} is in unknown state, try killing it before restart`,
        })
        return false
    }
  }

  #whyReplace(container: PodContainer, status: ContainerStatus): string | undefined {
    const { name } = container.spec
    if (carriedFacts(status).hash && carriedFacts(status).hash !== containerHash(container.spec))
      return `Container ${name} definition changed`
    const failed = this.#input.probes.failed.get(status.id)
    return failed && `Container ${name} failed ${failed} probe`
  }

  /** `ended` is the attempt that this one follows, when its back-off counts. */
  #start(container: PodContainer, ended: ContainerStatus | undefined): void {
    const { backoffs, notBeforeMs, nowMs } = this.#input
    const { name } = container.spec
    if (this.#input.busy.starting.has(name)) return
    const backoff = backoffs.get(name)
    const untilMs = ended ? retryAtMs(backoff, ended.finishedAtMs || nowMs) : undefined
    if (untilMs !== undefined && untilMs > nowMs) {
      this.crashLoops.set(name, { delayMs: backoff?.delayMs ?? 0, untilMs })
      this.wakeAtMs = earliest(this.wakeAtMs, untilMs)
      return
    }
    const retryMs = notBeforeMs.get(name)
    if (retryMs !== undefined && retryMs > nowMs) {
      this.wakeAtMs = earliest(this.wakeAtMs, retryMs)
      return
    }
    this.actions.push({
      type: 'startContainer',
      container,
      attempt: this.#nextAttempt(name),
      backoff: ended ? raise(backoff, nowMs) : backoff,
    })
  }

  /** k8s: the restart count goes on where it was, also over new sandboxes and when the runtime has lost its containers. */
  #nextAttempt(name: string): number {
    const { pod, observed, past } = this.#input
    const newest = attemptsOf(past ?? observed, name)[0]
    if (newest) return newest.metadata.attempt + (newest.state === 'Created' ? 0 : 1)
    const status = pod.status
    const known = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].find(
      (s) => s.name === name,
    )
    return known?.containerID || known?.lastState?.terminated ? known.restartCount + 1 : 0
  }

  /** The newest attempt in this sandbox: what earlier sandboxes had does not count. */
  #current(name: string): ContainerStatus | undefined {
    return attemptsOf(this.#inSandbox(), name)[0]
  }

  #inSandbox(): Observed {
    const { observed } = this.#input
    return {
      sandboxes: observed.sandboxes,
      containers: observed.containers.filter((c) => c.podSandboxId === this.#sandbox?.id),
    }
  }
}

/** Dead attempts that nobody can ask for any more (two are kept), and sandboxes without containers that are not the current one. */
function leftovers({ observed, busy, pod }: PlanInput): Action[] {
  const actions: Action[] = []
  for (const name of new Set(observed.containers.map((c) => c.metadata.name))) {
    for (const old of attemptsOf(observed, name).slice(2)) {
      if (old.state === 'Running' || busy.stopping.has(old.id)) continue
      actions.push({ type: 'removeContainer', id: old.id, name })
    }
  }
  const current = currentSandbox(observed)
  const allUp = podContainers(pod).every(
    (c) =>
      c.role !== 'app' ||
      observed.containers.some((o) => o.podSandboxId === current?.id && o.metadata.name === c.spec.name),
  )
  for (const sandbox of observed.sandboxes) {
    if (sandbox === current || !allUp) continue
    const empty = !observed.containers.some((c) => c.podSandboxId === sandbox.id)
    if (empty) actions.push({ type: 'removeSandbox', id: sandbox.id })
  }
  return actions
}
