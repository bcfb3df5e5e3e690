// The status of a pod as the API shows it: a pure function of the pod, what runs of it, and what the worker knows besides. Times of
// conditions that did not change, restart counts and last states are carried over from the status before.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { formatDuration, formatTime } from '../../api/meta/time.ts'
import type * as v1 from '../../api/types/core.v1.ts'
import type { ContainerStatus } from '../cri/runtime.ts'
import { podConditions } from './conditions.ts'
import { attemptsOf, currentSandbox, type Observed, type PodContainer, podContainers, podTitle } from './containers.ts'
import type { Verdict } from './plan.ts'
import { qosOf } from './resources.ts'
import { restarts } from './restart.ts'

export interface StatusInput {
  /** With the newest status that the API is known to have. */
  pod: DeepReadonly<Pod>
  observed: Observed
  verdict: Verdict | undefined
  /** Being stopped or stopped: nothing is started any more. */
  stopping: boolean
  /** Why a container cannot start, by name. */
  waiting: ReadonlyMap<string, { reason: string; message: string }>
  crashLoops: ReadonlyMap<string, { delayMs: number }>
  /** By container id. */
  messages: ReadonlyMap<string, string>
  ready(containerId: string): boolean
  started(containerId: string): boolean
  hostIPs: readonly string[]
  /** Prefix of container ids: `docker`. */
  runtimeName: string
  startTime: string
  nowMs: number
}

export function podStatus(input: StatusInput): v1.PodStatus {
  const { pod, verdict, observed } = input
  const old = pod.status
  if (verdict && !observed.containers.length && !old?.containerStatuses?.length) return rejected(input, verdict)
  const all = podContainers(pod)
  const statuses = (roles: readonly string[], list: DeepReadonly<v1.ContainerStatus[]> | undefined) =>
    all
      .filter((c) => roles.includes(c.role))
      .map((c) =>
        containerStatus(
          input,
          c,
          list?.find((s) => s.name === c.spec.name),
        ),
      )
  const init = statuses(['init', 'sidecar'], old?.initContainerStatuses)
  const apps = statuses(['app'], old?.containerStatuses)
  const ephemeral = statuses(['ephemeral'], old?.ephemeralContainerStatuses)
  const phase = nextPhase(input, init, apps)
  const sandbox = currentSandbox(observed)
  const hostNetwork = pod.spec?.hostNetwork === true
  const live = sandbox?.state === 'Ready' ? (hostNetwork ? input.hostIPs : sandbox.ips) : []
  const podIPs = live.length > 0 ? live : (old?.podIPs ?? []).map((p) => p.ip ?? '')
  return {
    ...(pod.metadata.generation ? { observedGeneration: pod.metadata.generation } : {}),
    phase,
    conditions: podConditions({ pod, phase, init, apps, sandboxReady: sandbox?.state === 'Ready', nowMs: input.nowMs }),
    ...(verdict ? { reason: verdict.reason, message: verdict.message } : {}),
    ...(input.hostIPs[0] ? { hostIP: input.hostIPs[0], hostIPs: input.hostIPs.map((ip) => ({ ip })) } : {}),
    ...(podIPs[0] ? { podIP: podIPs[0], podIPs: podIPs.map((ip) => ({ ip })) } : {}),
    startTime: input.startTime,
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    containerStatuses: apps,
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
    qosClass: qosOf(pod),
  }
}

/** A pod that the node did not admit: nothing of it ever ran. */
function rejected({ pod, startTime, nowMs }: StatusInput, verdict: Verdict): v1.PodStatus {
  return {
    ...(pod.metadata.generation ? { observedGeneration: pod.metadata.generation } : {}),
    phase: 'Failed',
    conditions: podConditions({ pod, phase: 'Failed', init: [], apps: [], sandboxReady: false, nowMs }),
    reason: verdict.reason,
    message: verdict.message,
    startTime,
    qosClass: qosOf(pod),
  }
}

// --- containers ------------------------------------------------------------------------------------------------------------------

function containerStatus(
  input: StatusInput,
  container: PodContainer,
  old: DeepReadonly<v1.ContainerStatus> | undefined,
): v1.ContainerStatus {
  const { name } = container.spec
  const attempts = attemptsOf(input.observed, name).filter((c) => c.state !== 'Created')
  const [newest, previous] = attempts
  const base = {
    name,
    image: container.spec.image ?? '',
    imageID: '',
    ready: false,
    started: false,
    restartCount: old?.restartCount ?? 0,
  }
  if (!newest) return { ...base, ...absent(input, container, old) }
  const restartCount = Math.max(newest.metadata.attempt, old?.restartCount ?? 0)
  const state = containerState(input, container, newest)
  const lastState = state.waiting
    ? { terminated: terminated(input, newest) }
    : previous
      ? { terminated: terminated(input, previous) }
      : old?.restartCount === restartCount && old.lastState?.terminated
        ? (old.lastState as v1.ContainerState)
        : {}
  const running = newest.state === 'Running'
  const done = container.role === 'init' && newest.state === 'Exited' && newest.exitCode === 0
  return {
    ...base,
    state,
    lastState,
    restartCount,
    ready: done || (running && container.role !== 'ephemeral' && input.ready(newest.id) && input.started(newest.id)),
    started: running && container.role !== 'init' && input.started(newest.id),
    image: newest.image || base.image,
    imageID: newest.imageRef,
    containerID: `${input.runtimeName}://${newest.id}`,
    ...(container.spec.resources?.requests || container.spec.resources?.limits
      ? {
          ...(container.spec.resources.requests
            ? { allocatedResources: { ...container.spec.resources.requests } }
            : {}),
          resources: plainResources(container.spec.resources),
        }
      : {}),
    ...(container.spec.volumeMounts?.length
      ? {
          volumeMounts: container.spec.volumeMounts.map((m) => ({
            name: m.name,
            mountPath: m.mountPath,
            ...(m.readOnly ? { readOnly: true, recursiveReadOnly: 'Disabled' } : {}),
          })),
        }
      : {}),
  }
}

const plainResources = ({ limits, requests }: DeepReadonly<v1.ResourceRequirements>): v1.ResourceRequirements => ({
  ...(limits ? { limits: { ...limits } } : {}),
  ...(requests ? { requests: { ...requests } } : {}),
})

/** A container that the runtime does not have: not made yet, or lost. */
function absent(
  input: StatusInput,
  { spec, role }: PodContainer,
  old: DeepReadonly<v1.ContainerStatus> | undefined,
): Partial<v1.ContainerStatus> {
  const lost = old?.state?.terminated ?? (input.stopping ? old?.state?.running && LOST : undefined)
  if (lost && (input.stopping || old?.state?.terminated))
    // k8s: what ended stays as it was told, also when the runtime has forgotten it.
    return {
      ...(old as v1.ContainerStatus),
      ready: role === 'init' && lost.exitCode === 0,
      started: false,
      state: { terminated: { ...lost, ...(old?.containerID ? { containerID: old.containerID } : {}) } },
    }
  const known = input.waiting.get(spec.name)
  const initializing = role === 'app' && (input.pod.spec?.initContainers?.length ?? 0) > 0
  const waiting = known ?? { reason: initializing ? 'PodInitializing' : 'ContainerCreating' }
  return {
    state: { waiting },
    lastState: old?.state?.running ? { terminated: LOST } : ((old?.lastState as v1.ContainerState | undefined) ?? {}),
    imageID: old?.imageID ?? '',
  }
}

/** k8s: a container that vanished from the runtime while it was running. */
const LOST: v1.ContainerStateTerminated = {
  exitCode: 137,
  reason: 'ContainerStatusUnknown',
  message: 'The container could not be located when the pod was terminated',
}

function containerState(input: StatusInput, { spec, role }: PodContainer, newest: ContainerStatus): v1.ContainerState {
  if (newest.state === 'Running' || newest.state === 'Unknown')
    return { running: { startedAt: formatTime(newest.startedAtMs) } }
  const again = !input.stopping && restarts(input.pod, spec, role, newest.exitCode)
  const loop = input.crashLoops.get(spec.name)
  if (again && loop) {
    const message = `back-off ${formatDuration(loop.delayMs)} restarting failed container=${spec.name} pod=${podTitle(input.pod)}`
    return { waiting: { reason: 'CrashLoopBackOff', message } }
  }
  const waiting = input.waiting.get(spec.name)
  if (again && waiting) return { waiting }
  return { terminated: terminated(input, newest) }
}

function terminated(input: StatusInput, status: ContainerStatus): v1.ContainerStateTerminated {
  const message = input.messages.get(status.id) || status.message
  return {
    exitCode: status.exitCode,
    ...(status.signal ? { signal: status.signal } : {}),
    reason: status.reason || (status.exitCode === 0 ? 'Completed' : 'Error'),
    ...(message ? { message } : {}),
    startedAt: formatTime(status.startedAtMs),
    finishedAt: formatTime(status.finishedAtMs),
    containerID: `${input.runtimeName}://${status.id}`,
  }
}

// --- phase -----------------------------------------------------------------------------------------------------------------------

function nextPhase(
  input: StatusInput,
  init: readonly v1.ContainerStatus[],
  apps: readonly v1.ContainerStatus[],
): v1.PodStatus['phase'] {
  const before = input.pod.status?.phase
  if (before === 'Failed' || before === 'Succeeded') return before
  if (input.verdict) return 'Failed'
  const phase = observedPhase(input, init, apps)
  // k8s: a pod that ran never goes back to Pending, whatever the runtime has lost.
  return phase === 'Pending' && before === 'Running' ? 'Running' : phase
}

function observedPhase(
  input: StatusInput,
  init: readonly v1.ContainerStatus[],
  apps: readonly v1.ContainerStatus[],
): v1.PodStatus['phase'] {
  const { pod, stopping } = input
  const specs = new Map(podContainers(pod).map((c) => [c.spec.name, c]))
  const goesOn = (s: v1.ContainerStatus) => {
    const container = specs.get(s.name)
    const exitCode = s.state?.terminated?.exitCode ?? s.lastState?.terminated?.exitCode ?? 0
    return !stopping && container !== undefined && restarts(pod, container.spec, container.role, exitCode)
  }
  const ordinary = init.filter((s) => specs.get(s.name)?.role === 'init')
  const failedInit = ordinary.some((s) => s.state?.terminated && s.state.terminated.exitCode !== 0 && !goesOn(s))
  if (failedInit) return 'Failed'
  const stopped = (s: v1.ContainerStatus) =>
    s.state?.terminated ?? (s.state?.waiting ? s.lastState?.terminated : undefined)
  const waiting = apps.some((s) => !s.state?.running && !stopped(s))
  const running = apps.some((s) => s.state?.running)
  if (waiting && !stopping) return 'Pending'
  if (running) return 'Running'
  const ended = apps.map(stopped)
  if (ended.some((t) => !t)) return stopping && ended.some((t) => t) ? 'Failed' : 'Pending'
  if (apps.some(goesOn) || init.some((s) => specs.get(s.name)?.role === 'sidecar' && s.state?.running)) return 'Running'
  return ended.every((t) => t?.exitCode === 0) ? 'Succeeded' : 'Failed'
}
