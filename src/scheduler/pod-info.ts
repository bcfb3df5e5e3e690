// What scheduling reads of a pod, worked out once per version of the pod: requests as numbers, host ports, affinity terms with what
// they match. Kept beside the (frozen) object and forgotten with it.
import { fromLabelSelector, type Labels, matches, nothing, type Selector } from '../api/meta/label-selector.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import type { Pod, PodAffinityTerm } from '../api/types/core.v1.ts'
import type { LabelSelector } from '../api/types/meta.v1.ts'
import { type Amounts, podAmounts, scoringAmounts } from './amounts.ts'

export interface HostPort {
  /** `0.0.0.0` stands for every address. */
  readonly ip: string
  readonly protocol: string
  readonly port: number
}

/** A pod (anti-)affinity term of one pod; weight 0 for required ones. */
export interface AffinityTerm {
  readonly topologyKey: string
  readonly weight: number
  /** Whether the term speaks of a pod with these labels in this namespace. */
  matches(namespace: string, labels: Labels, namespaceLabels: Labels): boolean
}

export interface PodInfo {
  readonly pod: DeepReadonly<Pod>
  readonly uid: string
  readonly namespace: string
  readonly labels: Labels
  readonly priority: number
  readonly requests: Amounts
  /** cpu and memory with a small assumption for containers that ask for nothing, so that they spread too. */
  readonly scoringRequests: Amounts
  readonly hostPorts: readonly HostPort[]
  readonly affinity: readonly AffinityTerm[]
  readonly antiAffinity: readonly AffinityTerm[]
  readonly preferredAffinity: readonly AffinityTerm[]
  readonly preferredAntiAffinity: readonly AffinityTerm[]
}

const infos = new WeakMap<DeepReadonly<Pod>, PodInfo>()

export function podInfo(pod: DeepReadonly<Pod>): PodInfo {
  let info = infos.get(pod)
  if (!info) {
    info = makePodInfo(pod)
    infos.set(pod, info)
  }
  return info
}

function makePodInfo(pod: DeepReadonly<Pod>): PodInfo {
  const { affinity } = pod.spec
  const required = (terms: readonly DeepReadonly<PodAffinityTerm>[] | undefined) =>
    (terms ?? []).map((term) => affinityTerm(pod, term, 0))
  const preferred = (
    terms: readonly { weight: number; podAffinityTerm: DeepReadonly<PodAffinityTerm> }[] | undefined,
  ) => (terms ?? []).map((term) => affinityTerm(pod, term.podAffinityTerm, term.weight))
  return {
    pod,
    uid: pod.metadata.uid,
    namespace: pod.metadata.namespace ?? '',
    labels: pod.metadata.labels ?? {},
    priority: pod.spec.priority ?? 0,
    requests: podAmounts(pod),
    scoringRequests: scoringAmounts(pod),
    hostPorts: hostPorts(pod),
    affinity: required(affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    antiAffinity: required(affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferredAffinity: preferred(affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    preferredAntiAffinity: preferred(affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
  }
}

function affinityTerm(pod: DeepReadonly<Pod>, term: DeepReadonly<PodAffinityTerm>, weight: number): AffinityTerm {
  const selector = compiled(withLabelKeys(term.labelSelector, pod.metadata.labels ?? {}, term))
  const namespaces = compiled(term.namespaceSelector)
  const named = new Set(term.namespaces ?? [])
  // k8s: neither names nor a selector means the pod's own namespace; an empty selector means all namespaces
  if (named.size === 0 && !term.namespaceSelector) named.add(pod.metadata.namespace ?? '')
  return {
    topologyKey: term.topologyKey,
    weight,
    matches(namespace, labels, namespaceLabels) {
      return (named.has(namespace) || matches(namespaces, namespaceLabels)) && matches(selector, labels)
    },
  }
}

/** No selector selects nothing; nor does one that makes no sense. */
export function compiled(selector: DeepReadonly<LabelSelector> | undefined): Selector {
  try {
    return fromLabelSelector(selector)
  } catch {
    return nothing
  }
}

/** The selector narrowed to the pod's own values of `matchLabelKeys` (and away from those of `mismatchLabelKeys`). */
export function withLabelKeys(
  selector: DeepReadonly<LabelSelector> | undefined,
  labels: Labels,
  keys: { readonly matchLabelKeys?: readonly string[]; readonly mismatchLabelKeys?: readonly string[] },
): DeepReadonly<LabelSelector> | undefined {
  const extra = [
    ...(keys.matchLabelKeys ?? []).map((key) => ({ key, operator: 'In' })),
    ...(keys.mismatchLabelKeys ?? []).map((key) => ({ key, operator: 'NotIn' })),
  ].flatMap(({ key, operator }) => (labels[key] === undefined ? [] : [{ key, operator, values: [labels[key]] }]))
  if (!selector || extra.length === 0) return selector
  return { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...extra] }
}

/** Host ports of the containers and of the init containers that keep running. */
function hostPorts(pod: DeepReadonly<Pod>): HostPort[] {
  const lasting = (pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always')
  return [...lasting, ...pod.spec.containers].flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => (port.hostPort ?? 0) > 0)
      .map((port) => ({ ip: port.hostIP || '0.0.0.0', protocol: port.protocol ?? 'TCP', port: port.hostPort! })),
  )
}
