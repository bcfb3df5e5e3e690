// What `kubectl get pods` prints. The STATUS word is found the way every Kubernetes user has learnt to read it: the phase, unless an
// init container, a container or a deletion has something more telling to say.
import { isConditionTrue } from '../meta/conditions.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { isSidecar, isTerminal } from '../meta/pods.ts'
import { formatAge, parseTime } from '../meta/time.ts'
import type { ContainerStateTerminated, ContainerStatus, Pod } from '../types/core.v1.ts'
import { age, text, wide } from './columns.ts'
import type { Column } from './kind.ts'

export interface PodSummary {
  ready: number
  total: number
  reason: string
  restarts: number
  lastRestartMs: number | undefined
}

type Status = DeepReadonly<ContainerStatus>

/** Counts restarts and remembers the latest. */
class Restarts {
  count = 0
  lastMs: number | undefined
  add(status: Status): void {
    this.count += status.restartCount ?? 0
    const endMs = parseTime(status.lastState?.terminated?.finishedAt)
    if (endMs !== undefined && (this.lastMs === undefined || endMs > this.lastMs)) this.lastMs = endMs
  }
}

const endReason = (end: DeepReadonly<ContainerStateTerminated>) =>
  end.reason || (end.signal ? `Signal:${end.signal}` : `ExitCode:${end.exitCode}`)

export function summarize(pod: DeepReadonly<Pod>): PodSummary {
  const { spec, status = {} } = pod
  const sidecars = new Set((spec?.initContainers ?? []).filter(isSidecar).map((c) => c.name))
  const total = (spec?.containers?.length ?? 0) + sidecars.size
  let reason: string = status.reason || status.phase || ''
  if (status.conditions?.some((c) => c.type === 'PodScheduled' && c.reason === 'SchedulingGated')) {
    reason = 'SchedulingGated'
  }
  let ready = 0
  let restarts = new Restarts()
  const sidecarRestarts = new Restarts()
  const initCount = spec?.initContainers?.length ?? 0
  let initializing = false
  for (const [i, container] of (status.initContainerStatuses ?? []).entries()) {
    restarts.add(container)
    const sidecar = sidecars.has(container.name)
    if (sidecar) sidecarRestarts.add(container)
    const { terminated, waiting } = container.state ?? {}
    if (terminated?.exitCode === 0) continue
    if (sidecar && container.started) {
      if (container.ready) ready++
      continue
    }
    if (terminated) reason = `Init:${endReason(terminated)}`
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') reason = `Init:${waiting.reason}`
    else reason = `Init:${i}/${initCount}`
    initializing = true
    break
  }
  if (!initializing || isConditionTrue(status.conditions, 'Initialized')) {
    restarts = sidecarRestarts
    let running = false
    for (const container of [...(status.containerStatuses ?? [])].reverse()) {
      restarts.add(container)
      const { waiting, terminated, running: runs } = container.state ?? {}
      if (waiting?.reason) reason = waiting.reason
      else if (terminated) reason = endReason(terminated)
      else if (container.ready && runs) {
        running = true
        ready++
      }
    }
    if (reason === 'Completed' && running) {
      reason = isConditionTrue(status.conditions, 'Ready') ? 'Running' : 'NotReady'
    }
  }
  if (pod.metadata.deletionTimestamp) {
    if (status.reason === 'NodeLost') reason = 'Unknown'
    else if (!isTerminal(pod)) reason = 'Terminating'
  }
  return { ready, total, reason, restarts: restarts.count, lastRestartMs: restarts.lastMs }
}

function restartsCell(pod: DeepReadonly<Pod>, nowMs: number): string {
  const { restarts, lastRestartMs } = summarize(pod)
  return restarts > 0 && lastRestartMs !== undefined
    ? `${restarts} (${formatAge(nowMs - lastRestartMs)} ago)`
    : String(restarts)
}

function gatesCell(pod: DeepReadonly<Pod>): string {
  const gates = pod.spec?.readinessGates ?? []
  if (gates.length === 0) return '<none>'
  const open = gates.filter((gate) => isConditionTrue(pod.status?.conditions, gate.conditionType))
  return `${open.length}/${gates.length}`
}

export const podColumns: Column<Pod>[] = [
  text(
    'Ready',
    (pod) => {
      const { ready, total } = summarize(pod)
      return `${ready}/${total}`
    },
    'The aggregate readiness state of this pod for accepting traffic.',
  ),
  text('Status', (pod) => summarize(pod).reason, 'The aggregate status of the containers in this pod.'),
  text(
    'Restarts',
    restartsCell,
    'How often the containers in this pod have been restarted, and how long ago the last one was.',
  ),
  age(),
  wide(
    text(
      'IP',
      (pod) => pod.status?.podIPs?.[0]?.ip || pod.status?.podIP || '<none>',
      'The address of the pod, once it has one.',
    ),
  ),
  wide(text('Node', (pod) => pod.spec?.nodeName || '<none>', 'The node that runs the pod.')),
  wide(
    text(
      'Nominated Node',
      (pod) => pod.status?.nominatedNodeName || '<none>',
      'The node on which the pod may run once other pods there have been preempted.',
    ),
  ),
  wide(text('Readiness Gates', gatesCell, 'How many of the additional readiness conditions are fulfilled.')),
]
