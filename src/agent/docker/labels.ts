// What Skiff writes on a container so that a restarted agent finds everything again: names as `docker ps` shows them, and labels.
// The user's labels stand as they are, annotations under `annotation.`, Skiff's own facts under `skiff.`; a cluster sees only containers
// that carry its name.
import type { ContainerMetadata, PodSandboxMetadata } from '../cri/runtime.ts'

const CLUSTER = 'skiff.cluster'
const TYPE = 'skiff.type'
const ATTEMPT = 'skiff.attempt'
const SANDBOX = 'skiff.sandbox'
const ADDRESS = 'skiff.address'
const SHARED_PID = 'skiff.shared-pid'
const CGROUP_PARENT = 'skiff.cgroup-parent'
const NO_OOM_SCORE = 'skiff.no-oom-score'
const NAMESPACE_FILE = 'skiff.network-namespace'
const ANNOTATION = 'annotation.'
const POD_NAME = 'io.kubernetes.pod.name'
const POD_NAMESPACE = 'io.kubernetes.pod.namespace'
const POD_UID = 'io.kubernetes.pod.uid'
const CONTAINER_NAME = 'io.kubernetes.container.name'

type Labels = Readonly<Record<string, string>>

/** What the containers of a sandbox need to know about it. */
export interface SandboxFacts {
  metadata: PodSandboxMetadata
  /** Empty for host network. */
  address: string
  sharedPid: boolean
  cgroupParent: string | undefined
  /** The kernel refused a negative oom_score_adj for it. */
  noOomScore: boolean
  /** Where its network namespace is mounted, when it was made outside the engine. */
  namespaceFile: string | undefined
}

export const sandboxName = (m: PodSandboxMetadata) => `k8s_POD_${m.name}_${m.namespace}_${m.uid}_${m.attempt}`
export const containerName = (c: ContainerMetadata, pod: PodSandboxMetadata) =>
  `k8s_${c.name}_${pod.name}_${pod.namespace}_${pod.uid}_${c.attempt}`

/** Filters for lists and events: this cluster's containers, of one type if given. */
export const labelFilters = (cluster: string, type?: 'sandbox' | 'container') => ({
  label: [`${CLUSTER}=${cluster}`, ...(type ? [`${TYPE}=${type}`] : [])],
})

/** The containers in one sandbox. */
export const sandboxFilters = (cluster: string, sandboxId: string) => ({
  label: [...labelFilters(cluster, 'container').label, `${SANDBOX}=${sandboxId}`],
})

export function sandboxLabels(cluster: string, facts: SandboxFacts, labels: Labels, annotations: Labels) {
  const { metadata: m } = facts
  return {
    ...labels,
    ...prefixed(annotations),
    [POD_NAME]: m.name,
    [POD_NAMESPACE]: m.namespace,
    [POD_UID]: m.uid,
    [CONTAINER_NAME]: 'POD',
    [CLUSTER]: cluster,
    [TYPE]: 'sandbox',
    [ATTEMPT]: String(m.attempt),
    ...(facts.address ? { [ADDRESS]: facts.address } : {}),
    ...(facts.sharedPid ? { [SHARED_PID]: 'true' } : {}),
    ...(facts.cgroupParent ? { [CGROUP_PARENT]: facts.cgroupParent } : {}),
    ...(facts.noOomScore ? { [NO_OOM_SCORE]: 'true' } : {}),
    ...(facts.namespaceFile ? { [NAMESPACE_FILE]: facts.namespaceFile } : {}),
  }
}

export function containerLabels(
  cluster: string,
  pod: PodSandboxMetadata,
  sandboxId: string,
  container: ContainerMetadata,
  labels: Labels,
  annotations: Labels,
) {
  return {
    ...labels,
    ...prefixed(annotations),
    [POD_NAME]: pod.name,
    [POD_NAMESPACE]: pod.namespace,
    [POD_UID]: pod.uid,
    [CONTAINER_NAME]: container.name,
    [CLUSTER]: cluster,
    [TYPE]: 'container',
    [ATTEMPT]: String(container.attempt),
    [SANDBOX]: sandboxId,
  }
}

export function sandboxFacts(labels: Labels): SandboxFacts {
  return {
    metadata: {
      name: labels[POD_NAME] ?? '',
      namespace: labels[POD_NAMESPACE] ?? '',
      uid: labels[POD_UID] ?? '',
      attempt: Number(labels[ATTEMPT] ?? 0),
    },
    address: labels[ADDRESS] ?? '',
    sharedPid: labels[SHARED_PID] === 'true',
    cgroupParent: labels[CGROUP_PARENT],
    noOomScore: labels[NO_OOM_SCORE] === 'true',
    namespaceFile: labels[NAMESPACE_FILE],
  }
}

export const containerFacts = (labels: Labels): { metadata: ContainerMetadata; sandboxId: string } => ({
  metadata: { name: labels[CONTAINER_NAME] ?? '', attempt: Number(labels[ATTEMPT] ?? 0) },
  sandboxId: labels[SANDBOX] ?? '',
})

export const isSandbox = (labels: Labels) => labels[TYPE] === 'sandbox'
export const podUidOf = (labels: Labels) => labels[POD_UID] ?? ''

/** The user's labels and annotations as they were given. */
export function splitLabels(all: Labels): { labels: Record<string, string>; annotations: Record<string, string> } {
  const labels: Record<string, string> = {}
  const annotations: Record<string, string> = {}
  for (const [key, value] of Object.entries(all)) {
    if (key.startsWith(ANNOTATION)) annotations[key.slice(ANNOTATION.length)] = value
    else if (!key.startsWith('skiff.')) labels[key] = value
  }
  return { labels, annotations }
}

const prefixed = (annotations: Labels) =>
  Object.fromEntries(Object.entries(annotations).map(([key, value]) => [ANNOTATION + key, value]))
