// The containers of a pod in the order in which they matter, with the role each plays; and finding what runs of them.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type * as v1 from '../../api/types/core.v1.ts'
import type { ContainerStatus, PodSandbox } from '../cri/runtime.ts'

/** `init` runs to its end before the next; `sidecar` is an init container that keeps running (restartPolicy Always). */
export type Role = 'init' | 'sidecar' | 'app' | 'ephemeral'
export type ContainerSpec = DeepReadonly<v1.Container>
export interface PodContainer {
  spec: ContainerSpec
  role: Role
}

/** What the runtime has of one pod. */
export interface Observed {
  readonly sandboxes: readonly PodSandbox[]
  readonly containers: readonly ContainerStatus[]
}

/** Init containers in order, then app containers, then ephemeral ones. */
export function podContainers(pod: DeepReadonly<Pod>): PodContainer[] {
  const spec = pod.spec
  return [
    ...(spec?.initContainers ?? []).map((c) => ({
      spec: c,
      role: (c.restartPolicy === 'Always' ? 'sidecar' : 'init') as Role,
    })),
    ...(spec?.containers ?? []).map((c) => ({ spec: c, role: 'app' as Role })),
    ...(spec?.ephemeralContainers ?? []).map((c) => ({ spec: c as ContainerSpec, role: 'ephemeral' as Role })),
  ]
}

/** Newest first. */
export const byAttempt = <T extends { metadata: { attempt: number }; createdAtMs: number }>(a: T, b: T) =>
  b.metadata.attempt - a.metadata.attempt || b.createdAtMs - a.createdAtMs

export function currentSandbox(observed: Observed): PodSandbox | undefined {
  return [...observed.sandboxes].sort(byAttempt)[0]
}

/** Every attempt of one container, newest first. */
export function attemptsOf(observed: Observed, name: string): ContainerStatus[] {
  return observed.containers.filter((c) => c.metadata.name === name).sort(byAttempt)
}

/** The running container that an ephemeral one names as its target. */
export function targetOf(observed: Observed, container: PodContainer): string | undefined {
  const target = (container.spec as DeepReadonly<v1.EphemeralContainer>).targetContainerName
  return target ? attemptsOf(observed, target).find((c) => c.state === 'Running')?.id : undefined
}

/** `name_namespace(uid)`, as messages name a pod. */
export const podTitle = (pod: DeepReadonly<Pod>) =>
  `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`

/** `spec.containers{web}`: what an event about a container points at. */
export const FIELD_BY_ROLE: Readonly<Record<Role, string>> = {
  init: 'initContainers',
  sidecar: 'initContainers',
  app: 'containers',
  ephemeral: 'ephemeralContainers',
}
export const fieldPath = (role: Role, name: string) => `spec.${FIELD_BY_ROLE[role]}{${name}}`
