// The conditions that the node's agent owns: PodReadyToStartContainers, Initialized, Ready, ContainersReady, PodScheduled. Others
// (readiness gates, DisruptionTarget) belong to whoever set them and are kept. Pure.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { formatTime } from '../../api/meta/time.ts'
import type * as v1 from '../../api/types/core.v1.ts'
import { podContainers } from './containers.ts'

export interface ConditionsInput {
  pod: DeepReadonly<Pod>
  phase: v1.PodStatus['phase']
  init: readonly v1.ContainerStatus[]
  apps: readonly v1.ContainerStatus[]
  sandboxReady: boolean
  nowMs: number
}
interface Finding {
  status: 'True' | 'False'
  reason?: string
  message?: string
}
const OWNED = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'] as const

export function podConditions(input: ConditionsInput): v1.PodCondition[] {
  const { pod, nowMs } = input
  const containersReady = findContainersReady(input)
  const found: Record<(typeof OWNED)[number], Finding> = {
    PodReadyToStartContainers: { status: input.sandboxReady ? 'True' : 'False' },
    Initialized: findInitialized(input),
    Ready: findReady(pod, containersReady),
    ContainersReady: containersReady,
    PodScheduled: { status: 'True' },
  }
  const before = pod.status?.conditions ?? []
  const owned = OWNED.map((type): v1.PodCondition => {
    const old = before.find((c) => c.type === type)
    const { status, reason, message } = found[type]
    return {
      type,
      status,
      lastTransitionTime: old?.status === status && old.lastTransitionTime ? old.lastTransitionTime : formatTime(nowMs),
      ...(pod.metadata.generation ? { observedGeneration: pod.metadata.generation } : {}),
      ...(reason ? { reason } : {}),
      ...(message ? { message } : {}),
    }
  })
  return [...owned, ...(before.filter((c) => !(OWNED as readonly string[]).includes(c.type)) as v1.PodCondition[])]
}

function findInitialized({ pod, phase, init, apps }: ConditionsInput): Finding {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' }
  const roles = new Map(podContainers(pod).map((c) => [c.spec.name, c.role]))
  const incomplete = init.filter((s) =>
    roles.get(s.name) === 'sidecar' ? !s.started : s.state?.terminated?.exitCode !== 0,
  )
  // k8s: once an app container was started the pod stays initialized, also while a sidecar restarts.
  const begun = apps.some((s) => s.state?.running || s.state?.terminated || s.lastState?.terminated)
  if (incomplete.length === 0 || (begun && incomplete.every((s) => roles.get(s.name) === 'sidecar')))
    return { status: 'True' }
  if (phase === 'Failed' && apps.length === 0) return { status: 'False', reason: 'PodFailed' }
  const message = `containers with incomplete status: [${incomplete.map((s) => s.name).join(' ')}]`
  return { status: 'False', reason: 'ContainersNotInitialized', message }
}

function findContainersReady({ pod, phase, init, apps }: ConditionsInput): Finding {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' }
  const unready: string[] = []
  const unknown: string[] = []
  for (const { spec, role } of podContainers(pod)) {
    if (role !== 'app' && role !== 'sidecar') continue
    const status = (role === 'app' ? apps : init).find((s) => s.name === spec.name)
    if (!status) unknown.push(spec.name)
    else if (!status.ready) unready.push(spec.name)
  }
  const parts = [
    ...(unknown.length > 0 ? [`containers with unknown status: [${unknown.join(' ')}]`] : []),
    ...(unready.length > 0 ? [`containers with unready status: [${unready.join(' ')}]`] : []),
  ]
  return parts.length === 0
    ? { status: 'True' }
    : { status: 'False', reason: 'ContainersNotReady', message: parts.join(', ') }
}

function findReady(pod: DeepReadonly<Pod>, containersReady: Finding): Finding {
  if (containersReady.status !== 'True') return containersReady
  const missing: string[] = []
  for (const { conditionType } of pod.spec?.readinessGates ?? []) {
    const gate = pod.status?.conditions?.find((c) => c.type === conditionType)
    if (!gate) missing.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`)
    else if (gate.status !== 'True')
      missing.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`)
  }
  return missing.length === 0
    ? { status: 'True' }
    : { status: 'False', reason: 'ReadinessGatesNotReady', message: missing.join(', ') }
}
