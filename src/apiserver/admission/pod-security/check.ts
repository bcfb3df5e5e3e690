// What a pod security check is, and the words that they share. k8s: the sentences are what users read and search for.
import type { Pod } from '../../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../../api/meta/object.ts'
import type { Container, SecurityContext } from '../../../api/types/core.v1.ts'
import type { Level, Version } from './policy.ts'

export type PodSpec = DeepReadonly<Pod>['spec']
export type AnyContainer = DeepReadonly<Pick<Container, 'name' | 'securityContext' | 'ports' | 'lifecycle'>> &
  DeepReadonly<Pick<Container, 'livenessProbe' | 'readinessProbe' | 'startupProbe'>>
export type Annotations = Readonly<Record<string, string>>

/** What is wrong: in short, and where. */
export interface Violation {
  readonly reason: string
  readonly detail: string
}

export interface Check {
  readonly id: string
  readonly level: Exclude<Level, 'privileged'>
  /** The baseline check that this one says more strictly. */
  readonly overrides?: string
  /** By the first version that each holds for, rising. */
  readonly versions: readonly [
    since: Version,
    run: (spec: PodSpec, annotations: Annotations) => Violation | undefined,
  ][]
}

export const containersOf = (spec: PodSpec): readonly AnyContainer[] => [
  ...(spec.initContainers ?? []),
  ...(spec.containers ?? []),
  ...((spec.ephemeralContainers ?? []) as readonly AnyContainer[]),
]

export const quoted = (items: Iterable<string>) => [...items].map((item) => `"${item}"`).join(', ')
export const sortedSet = (items: Iterable<string>) => [...new Set(items)].sort()
export const plural = (count: number, one: string, many = `${one}s`) => (count === 1 ? one : many)

/** `container "a"`, `containers "a", "b"` */
export const named = (containers: readonly { readonly name: string }[]) =>
  `${plural(containers.length, 'container')} ${quoted(containers.map(({ name }) => name))}`

/** The containers that the test is true of, by their security context. */
export const containersWith = (
  spec: PodSpec,
  test: (context: DeepReadonly<SecurityContext>, container: AnyContainer) => boolean,
) => containersOf(spec).filter((container) => test(container.securityContext ?? {}, container))

/** `pod and container "a"`; undefined when it is neither. */
export function setters(pod: boolean, containers: readonly AnyContainer[]): string | undefined {
  const parts = [...(pod ? ['pod'] : []), ...(containers.length > 0 ? [named(containers)] : [])]
  return parts.length > 0 ? parts.join(' and ') : undefined
}

/** k8s: pods of Windows have none of these settings. */
export const unlessWindows =
  (run: (spec: PodSpec) => Violation | undefined) =>
  (spec: PodSpec): Violation | undefined =>
    spec.os?.name === 'windows' ? undefined : run(spec)

/** k8s: root in a user namespace of its own is nobody outside. */
export const unlessOwnUsers =
  (run: (spec: PodSpec) => Violation | undefined) =>
  (spec: PodSpec): Violation | undefined =>
    spec.hostUsers === false ? undefined : run(spec)
