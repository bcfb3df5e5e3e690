// What several parts of the cluster need to know about pods, as pure functions: readiness, resource totals, quality of service,
// and the hash that names a pod template.
import type { Container, Pod, PodSpec, PodTemplateSpec, ResourceRequirements } from '../types/core.v1.ts'
import { isConditionTrue } from './conditions.ts'
import { stableText } from './equality.ts'
import { safeEncode } from './generate-name.ts'
import type { DeepReadonly } from './object.ts'
import { addQuantities, maxQuantity, parseQuantity } from './quantity.ts'

type AnyPod = DeepReadonly<Pod>
type Spec = DeepReadonly<PodSpec>
export type ResourceList = Record<string, string>

export const isPodReady = (pod: AnyPod): boolean => isConditionTrue(pod.status?.conditions, 'Ready')
/** Its containers have ended for good. */
export const isTerminal = (pod: AnyPod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
/** Neither ended nor being deleted. */
export const isActive = (pod: AnyPod): boolean => !isTerminal(pod) && !pod.metadata.deletionTimestamp

/** Ready for at least `minReadySeconds`. */
export function isPodAvailable(pod: AnyPod, minReadySeconds: number, nowMs: number): boolean {
  const ready = pod.status?.conditions?.find((c) => c.type === 'Ready')
  if (ready?.status !== 'True') return false
  if (minReadySeconds === 0) return true
  const since = ready.lastTransitionTime ? Date.parse(ready.lastTransitionTime) : Number.NaN
  return !Number.isNaN(since) && since + minReadySeconds * 1000 <= nowMs
}

/** An init container that keeps running beside the others. */
export const isSidecar = (container: DeepReadonly<Container>): boolean => container.restartPolicy === 'Always'

type Side = 'requests' | 'limits'

function addInto(total: ResourceList, more: DeepReadonly<ResourceList> | undefined): ResourceList {
  for (const [name, amount] of Object.entries(more ?? {})) {
    total[name] = total[name] === undefined ? amount : addQuantities(total[name], amount)
  }
  return total
}
function maxInto(total: ResourceList, other: DeepReadonly<ResourceList>): ResourceList {
  for (const [name, amount] of Object.entries(other)) {
    total[name] = total[name] === undefined ? amount : maxQuantity(total[name], amount)
  }
  return total
}

/** k8s: the greater of the running containers' sum and any moment of the start-up, sidecars counted in both. */
function containerResources(spec: Spec, side: Side): ResourceList {
  const total: ResourceList = {}
  for (const container of spec.containers ?? []) addInto(total, container.resources?.[side])
  const sidecars: ResourceList = {}
  const startup: ResourceList = {}
  for (const container of spec.initContainers ?? []) {
    const own = container.resources?.[side]
    if (isSidecar(container)) {
      addInto(total, own)
      addInto(sidecars, own)
      maxInto(startup, sidecars)
    } else {
      maxInto(startup, addInto({ ...sidecars }, own))
    }
  }
  return maxInto(total, startup)
}

/** Of the containers; then what the pod says as a whole, and the overhead. */
function podResources(spec: Spec, side: Side): ResourceList {
  const total = containerResources(spec, side)
  const whole = spec.resources?.[side]
  if (whole) Object.assign(total, whole)
  if (side === 'requests') addInto(total, spec.overhead)
  else
    for (const [name, amount] of Object.entries(spec.overhead ?? {})) {
      if (total[name] !== undefined) total[name] = addQuantities(total[name], amount)
    }
  return total
}

/** What the containers ask for together, whatever the pod says as a whole. Amounts must be readable. */
export const containerRequests = (spec: Spec): ResourceList => containerResources(spec, 'requests')
export const containerLimits = (spec: Spec): ResourceList => containerResources(spec, 'limits')
/** What the scheduler has to find room for. */
export const podRequests = (pod: DeepReadonly<{ spec: PodSpec }>): ResourceList => podResources(pod.spec, 'requests')
export const podLimits = (pod: DeepReadonly<{ spec: PodSpec }>): ResourceList => podResources(pod.spec, 'limits')

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort'

/** Guaranteed: every container limits CPU and memory and requests as much. BestEffort: none asks for anything. */
export function qosClass(pod: DeepReadonly<{ spec: PodSpec }>): QosClass {
  const { spec } = pod
  const all: readonly (DeepReadonly<ResourceRequirements> | undefined)[] = spec.resources
    ? [spec.resources]
    : [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((c) => c.resources)
  let [asks, guaranteed] = [false, true]
  for (const resources of all) {
    for (const name of ['cpu', 'memory']) {
      const [request, limit] = [nanoOf(resources?.requests?.[name]), nanoOf(resources?.limits?.[name])]
      if (request > 0n || limit > 0n) asks = true
      if (limit === 0n || (request > 0n && request !== limit)) guaranteed = false
    }
  }
  if (!asks) return 'BestEffort'
  return guaranteed ? 'Guaranteed' : 'Burstable'
}

const nanoOf = (text: string | undefined) => (text === undefined ? 0n : parseQuantity(text).nano)

/** FNV-1a, 32 bits, over the UTF-8 bytes. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

/**
 * The value of `pod-template-hash`. The same template always gives the same hash, whatever the order of its keys and whether empty
 * fields are written. `collisionCount` gives a different one when two templates collide.
 */
export function podTemplateHash(template: DeepReadonly<PodTemplateSpec>, collisionCount?: number): string {
  const text = stableText(template) + (collisionCount === undefined ? '' : `#${collisionCount}`)
  return safeEncode(String(fnv1a(text)))
}
