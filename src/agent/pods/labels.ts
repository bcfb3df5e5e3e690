// What sandboxes and containers carry with them, so that `docker ps` is readable and a restarted agent knows everything it needs:
// whose they are, the restart count, a hash of what they were made from, and how they are to be stopped.
import { createHash } from 'node:crypto'
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { ContainerStatus } from '../cri/runtime.ts'
import type { ContainerSpec } from './containers.ts'

// k8s: the labels and annotations of the kubelet; tools look for them.
const POD_NAME = 'io.kubernetes.pod.name'
const POD_NAMESPACE = 'io.kubernetes.pod.namespace'
const POD_UID = 'io.kubernetes.pod.uid'
const CONTAINER_NAME = 'io.kubernetes.container.name'
const HASH = 'io.kubernetes.container.hash'
const RESTART_COUNT = 'io.kubernetes.container.restartCount'
const MESSAGE_PATH = 'io.kubernetes.container.terminationMessagePath'
const MESSAGE_POLICY = 'io.kubernetes.container.terminationMessagePolicy'
const GRACE_PERIOD = 'io.kubernetes.pod.terminationGracePeriod'
/** Where on the node the container's termination message file is. */
const MESSAGE_FILE = 'skiff.dev/termination-message-file'
/** The restart back-off that was in force when the container was made. */
const RESTART_DELAY = 'skiff.dev/restart-delay-ms'

export interface PodIdentity {
  name: string
  namespace: string
  uid: string
}
export interface CarriedFacts {
  hash: string
  gracePeriodSeconds: number
  /** undefined: the container has no message file. */
  messageFile: string | undefined
  messagePolicy: 'File' | 'FallbackToLogsOnError'
  /** 0 for a first start. */
  restartDelayMs: number
}

const identityLabels = (pod: DeepReadonly<Pod>) => ({
  [POD_NAME]: pod.metadata.name,
  [POD_NAMESPACE]: pod.metadata.namespace ?? '',
  [POD_UID]: pod.metadata.uid,
})

export const sandboxLabels = (pod: DeepReadonly<Pod>) => ({ ...pod.metadata.labels, ...identityLabels(pod) })
export const containerLabels = (pod: DeepReadonly<Pod>, name: string) => ({
  ...identityLabels(pod),
  [CONTAINER_NAME]: name,
})

/** Changes when the container has to be made anew. k8s: only the name and the image count. */
export const containerHash = (spec: ContainerSpec) =>
  createHash('sha256')
    .update(JSON.stringify([spec.name, spec.image]))
    .digest('hex')
    .slice(0, 16)

export function containerAnnotations(
  pod: DeepReadonly<Pod>,
  spec: ContainerSpec,
  attempt: number,
  messageFile: string | undefined,
  restartDelayMs = 0,
): Record<string, string> {
  return {
    [HASH]: containerHash(spec),
    [RESTART_COUNT]: String(attempt),
    [MESSAGE_PATH]: spec.terminationMessagePath ?? '/dev/termination-log',
    [MESSAGE_POLICY]: spec.terminationMessagePolicy ?? 'File',
    [GRACE_PERIOD]: String(pod.spec?.terminationGracePeriodSeconds ?? 30),
    ...(messageFile ? { [MESSAGE_FILE]: messageFile } : {}),
    ...(restartDelayMs > 0 ? { [RESTART_DELAY]: String(restartDelayMs) } : {}),
  }
}

export function carriedFacts(container: Pick<ContainerStatus, 'annotations'>): CarriedFacts {
  const seconds = Number(container.annotations[GRACE_PERIOD])
  return {
    hash: container.annotations[HASH] ?? '',
    gracePeriodSeconds: Number.isFinite(seconds) && container.annotations[GRACE_PERIOD] ? seconds : 30,
    messageFile: container.annotations[MESSAGE_FILE],
    messagePolicy: container.annotations[MESSAGE_POLICY] === 'FallbackToLogsOnError' ? 'FallbackToLogsOnError' : 'File',
    restartDelayMs: Number(container.annotations[RESTART_DELAY]) || 0,
  }
}

/** Whose sandbox or container it is; undefined when it carries no pod's labels. */
export function podIdentity(labels: Readonly<Record<string, string>>): PodIdentity | undefined {
  const uid = labels[POD_UID]
  return uid ? { uid, name: labels[POD_NAME] ?? '', namespace: labels[POD_NAMESPACE] ?? '' } : undefined
}

/** Whether a container or sandbox with these labels is the pod's. */
export const isOfPod = (labels: Readonly<Record<string, string>>, uid: string): boolean => labels[POD_UID] === uid
