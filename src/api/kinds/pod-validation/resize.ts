// The `resize` subresource: CPU and memory may change, of containers and of the pod as a whole; nothing is taken away, and the
// quality of service stays.
import { semanticEqual } from '../../meta/equality.ts'
import { type FieldError, forbiddenField, invalid } from '../../meta/errors.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import { isSidecar, qosClass } from '../../meta/pods.ts'
import type { Container, Pod, PodSpec, ResourceRequirements } from '../../types/core.v1.ts'
import type { Errors } from '../check.ts'
import { MIRROR } from './annotations.ts'
import { validatePodContents } from './spec.ts'

type AnyPod = DeepReadonly<Pod>
type Spec = DeepReadonly<PodSpec>
type Resources = DeepReadonly<ResourceRequirements> | undefined
type Amounts = Readonly<Record<string, string>> | undefined
type AnyContainer = DeepReadonly<Container>

const LISTS = ['containers', 'initContainers'] as const

export function validateResize(pod: AnyPod, old: AnyPod): FieldError[] {
  const errors: Errors = validatePodContents(pod, old)
  if (old.metadata.annotations?.[MIRROR] !== undefined) return [forbiddenField('[]', 'static pods cannot be resized')]
  if (old.spec.os?.name === 'windows') return [forbiddenField('[]', 'windows pods cannot be resized')]
  if ((old.status?.qosClass ?? qosClass(old)) !== qosClass(pod)) {
    const why = 'Pod QOS Class may not change as a result of resizing'
    errors.push(invalid('spec', pod.status?.qosClass ?? '', why))
  }
  if (!nodeResizes(old)) errors.push(forbiddenField('spec', 'Pod running on node without support for resize'))
  const whole = checkPodLevel(errors, pod.spec, old.spec)
  if (old.status?.nodeAllocatableResourceClaimStatuses?.length) {
    errors.push(forbiddenField('spec', 'pods with node allocatable resource claims cannot be resized'))
  }
  const ordered = orderErrors(pod.spec, old.spec)
  if (ordered.length > 0) return [...errors, ...ordered]
  for (const list of ['initContainers', 'containers'] as const) {
    old.spec[list]?.forEach((before, i) => {
      checkRemovals(errors, `spec.${list}[${i}].resources`, pod.spec[list]?.[i]?.resources, before.resources)
    })
  }
  checkContainers(errors, pod.spec, old.spec)
  if (errors.length > 0) return errors
  const rest = {
    ...pod.spec,
    containers: old.spec.containers,
    initContainers: old.spec.initContainers,
    resources: whole,
  }
  return semanticEqual(rest, old.spec) ? [] : [forbiddenField('spec', 'only cpu and memory resources are mutable')]
}

/** Of what runs, the node says how much it has: a node that doesn't can't change it either. */
function nodeResizes({ status }: AnyPod): boolean {
  const running = status?.containerStatuses?.find(({ state }) => state?.running !== undefined)
  return running === undefined || running.resources !== undefined
}

const isSet = (resources: Resources) =>
  Object.keys(resources?.requests ?? {}).length + Object.keys(resources?.limits ?? {}).length > 0

/** @returns the pod's own resources with CPU and memory as they were */
function checkPodLevel(errors: Errors, spec: Spec, old: Spec): Resources {
  const [now, before] = [spec.resources, old.resources]
  if (!isSet(now) && !isSet(before)) return now
  const path = 'spec.resources'
  if (before && !now) {
    errors.push(forbiddenField(path, 'pod-level resources cannot be removed'))
    return now
  }
  if (before && removed(now?.requests, before.requests)) {
    errors.push(forbiddenField(`${path}.requests`, 'pod-level resource requests cannot be removed'))
  }
  if (before && removed(now?.limits, before.limits)) {
    errors.push(forbiddenField(`${path}.limits`, 'pod-level resource limits cannot be removed'))
  }
  const rest = fixedPart(now, before)
  const same = before ? semanticEqual(rest, fixedPart(before, before)) : !isSet(rest) && !rest?.claims?.length
  if (!same) errors.push(forbiddenField('spec', 'only cpu and memory resources are mutable at pod-level'))
  return before
}

const removed = (now: Amounts, before: Amounts) =>
  Object.keys(before ?? {}).some((name) => !Object.hasOwn(now ?? {}, name))

function checkRemovals(errors: Errors, path: string, now: Resources, before: Resources): void {
  if (removed(now?.requests, before?.requests)) {
    errors.push(forbiddenField(`${path}.requests`, 'resource requests cannot be removed'))
  }
  if (removed(now?.limits, before?.limits)) {
    errors.push(forbiddenField(`${path}.limits`, 'resource limits cannot be removed'))
  }
}

/** The resources with CPU and memory as they were. */
function fixedPart(now: Resources, before: Resources): Resources {
  const side = (key: 'requests' | 'limits') => {
    const rest: Record<string, string> = { ...now?.[key] }
    delete rest['cpu']
    delete rest['memory']
    for (const name of ['cpu', 'memory']) {
      const amount = before?.[key]?.[name]
      if (amount !== undefined) rest[name] = amount
    }
    return Object.keys(rest).length > 0 ? rest : undefined
  }
  return { ...now, requests: side('requests'), limits: side('limits') } as unknown as Resources
}

function sameButCpuAndMemory(now: AnyContainer, before: AnyContainer): boolean {
  const [{ resources: a, ...left }, { resources: b, ...right }] = [now, before]
  return semanticEqual(left, right) && semanticEqual(fixedPart(a, b), fixedPart(b, b))
}

function checkContainers(errors: Errors, spec: Spec, old: Spec): void {
  spec.containers?.forEach((container, i) => {
    if (!sameButCpuAndMemory(container, old.containers[i]!)) {
      errors.push(forbiddenField('spec', 'only cpu and memory resources are mutable'))
    }
  })
  spec.initContainers?.forEach((container, i) => {
    const before = old.initContainers![i]!
    const field = `spec.initContainers[${i}]`
    if (!sameButCpuAndMemory(container, before)) {
      const why = 'only cpu and memory resources for init or sidecar containers are mutable'
      errors.push(forbiddenField(field, why))
    }
    const restarts = container.resizePolicy?.some(({ restartPolicy }) => restartPolicy === 'RestartContainer')
    if (restarts && !isSidecar(container) && !semanticEqual(container, before)) {
      const why = 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized'
      errors.push(forbiddenField(field, why))
    }
  })
}

function orderErrors(spec: Spec, old: Spec): FieldError[] {
  return LISTS.flatMap((list) => {
    const [now, before] = [spec[list] ?? [], old[list] ?? []]
    if (now.length !== before.length) {
      return [forbiddenField(`spec.${list}`, `${list} may not be added or removed on resize`)]
    }
    return before.flatMap(({ name }, i) =>
      now[i]!.name === name
        ? []
        : [forbiddenField(`spec.${list}[${i}].name`, `${list} may not be renamed or reordered on resize`)],
    )
  })
}
