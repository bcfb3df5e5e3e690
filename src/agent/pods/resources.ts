// Requests and limits as the kernel's cgroup settings, and its order of killing when memory runs out. Pure.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { qosClass } from '../../api/meta/pods.ts'
import { toMilli, toWhole } from '../../api/meta/quantity.ts'
import type { LinuxResources } from '../cri/runtime.ts'
import type { ContainerSpec } from './containers.ts'

const PERIOD_US = 100_000
const MIN_QUOTA_US = 1000
const MIN_SHARES = 2
const MAX_SHARES = 262_144

const milli = (quantity: string | undefined) => (quantity === undefined ? 0 : toMilli(quantity))
const whole = (quantity: string | undefined) => (quantity === undefined ? 0 : toWhole(quantity))
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

/** The class that the server has recorded, or the one that follows from the spec. */
export const qosOf = (pod: DeepReadonly<Pod>) => pod.status?.qosClass ?? qosClass({ spec: pod.spec! })

/** k8s: Guaranteed -997, BestEffort 1000; in between, the more memory it asked for, the safer it is. */
export function oomScoreAdj(pod: DeepReadonly<Pod>, spec: ContainerSpec, nodeMemoryBytes: number): number {
  if (pod.spec?.priorityClassName === 'system-node-critical') return -997
  const qos = qosOf(pod)
  if (qos === 'Guaranteed') return -997
  if (qos === 'BestEffort') return 1000
  const request = whole(spec.resources?.requests?.['memory'] ?? spec.resources?.limits?.['memory'])
  const score = 1000 - Math.floor((1000 * request) / Math.max(nodeMemoryBytes, 1))
  return score < 3 ? 3 : score === 1000 ? 999 : score
}
