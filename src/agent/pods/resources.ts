// Requests and limits as the kernel's cgroup settings, the pod's QoS class and the kernel's order of killing when memory runs out. Pure.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { LinuxResources } from '../cri/runtime.ts'
import { amount, milli, whole } from './amount.ts'
import { type ContainerSpec, podContainers } from './containers.ts'

const PERIOD_US = 100_000
const MIN_QUOTA_US = 1000
const MIN_SHARES = 2
const MAX_SHARES = 262_144

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort'

/** k8s: only cpu and memory count, over init and app containers; a limit stands for a request that was not given. */
export function qosClass(pod: DeepReadonly<Pod>): QosClass {
  if (pod.status?.qosClass) return pod.status.qosClass
  let any = false
  let guaranteed = true
  for (const { spec, role } of podContainers(pod)) {
    if (role === 'ephemeral') continue
    for (const resource of ['cpu', 'memory']) {
      const limit = amount(spec.resources?.limits?.[resource])
      const request = amount(spec.resources?.requests?.[resource] ?? spec.resources?.limits?.[resource])
      if (limit > 0 || request > 0) any = true
      if (limit === 0 || limit !== request) guaranteed = false
    }
  }
  return !any ? 'BestEffort' : guaranteed ? 'Guaranteed' : 'Burstable'
}

const shares = (milliCpu: number) => Math.min(Math.max(Math.floor((milliCpu * 1024) / 1000), MIN_SHARES), MAX_SHARES)

export function containerResources(
  pod: DeepReadonly<Pod>,
  spec: ContainerSpec,
  nodeMemoryBytes: number,
): LinuxResources {
  const { limits, requests } = spec.resources ?? {}
  const cpuLimit = milli(limits?.['cpu'])
  const cpuRequest = requests?.['cpu'] === undefined ? cpuLimit : milli(requests['cpu'])
  const memoryLimit = whole(limits?.['memory'])
  return {
    cpuShares: shares(cpuRequest),
    ...(cpuLimit > 0
      ? { cpuQuotaUs: Math.max(Math.round((cpuLimit * PERIOD_US) / 1000), MIN_QUOTA_US), cpuPeriodUs: PERIOD_US }
      : {}),
    ...(memoryLimit > 0 ? { memoryLimitBytes: memoryLimit } : {}),
    oomScoreAdj: oomScoreAdj(pod, spec, nodeMemoryBytes),
  }
}

/** k8s: Guaranteed -997, BestEffort 1000; in between, the more memory it asked for, the safer it is. */
export function oomScoreAdj(pod: DeepReadonly<Pod>, spec: ContainerSpec, nodeMemoryBytes: number): number {
  if (pod.spec?.priorityClassName === 'system-node-critical') return -997
  const qos = qosClass(pod)
  if (qos === 'Guaranteed') return -997
  if (qos === 'BestEffort') return 1000
  const request = whole(spec.resources?.requests?.['memory'] ?? spec.resources?.limits?.['memory'])
  const score = 1000 - Math.floor((1000 * request) / Math.max(nodeMemoryBytes, 1))
  return score < 3 ? 3 : score === 1000 ? 999 : score
}
