// What may change in a pod once it exists: images, the deadline, more tolerations, fewer scheduling gates; nothing else.
// k8s: the sentence about other fields is matched by tools; the list of what differs follows it.

import { semanticEqual } from '../../meta/equality.ts'
import { type FieldError, forbiddenField, invalid, required } from '../../meta/errors.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import { qosClass } from '../../meta/pods.ts'
import type { Container, Pod, PodSpec, Toleration } from '../../types/core.v1.ts'
import type { Errors } from '../check.ts'

type Spec = DeepReadonly<PodSpec>
type AnyPod = DeepReadonly<Pod>

const CHANGEABLE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'

export function validatePodUpdate(pod: AnyPod, old: AnyPod): FieldError[] {
  const errors: Errors = []
  for (const list of ['containers', 'initContainers'] as const) {
    const [now, before] = [pod.spec[list] ?? [], old.spec[list] ?? []]
    if (now.length !== before.length) {
      return [forbiddenField(`spec.${list}`, 'pod updates may not add or remove containers')]
    }
    now.forEach((container, i) => {
      if (!container.image) errors.push(required(`spec.${list}[${i}].image`))
    })
  }
  checkDeadline(errors, pod.spec.activeDeadlineSeconds, old.spec.activeDeadlineSeconds)
  checkTolerationsGrew(errors, pod.spec.tolerations, old.spec.tolerations)
  const before = new Set((old.spec.schedulingGates ?? []).map((g) => g.name))
  for (const { name } of pod.spec.schedulingGates ?? []) {
    if (!before.has(name)) {
      errors.push(
        forbiddenField('spec.schedulingGates', `only deletion is allowed, but found new scheduling gate '${name}'`),
      )
    }
  }
  const [now, then] = [comparable(pod.spec, old.spec), comparable(old.spec, old.spec)]
  if (!semanticEqual(now, then)) {
    errors.push(forbiddenField('spec', `${CHANGEABLE}\n${differences(then, now, 'spec').join('\n')}`))
  }
  return errors
}

function checkDeadline(errors: Errors, now: number | undefined, before: number | undefined): void {
  const field = 'spec.activeDeadlineSeconds'
  if (now === undefined) {
    if (before !== undefined) {
      errors.push(invalid(field, now, 'must not update from a positive integer to nil value'))
    }
  } else if (before !== undefined && now > before) {
    errors.push(invalid(field, now, 'must be less than or equal to previous value'))
  }
}

type Tolerations = readonly DeepReadonly<Toleration>[] | undefined

function checkTolerationsGrew(errors: Errors, now: Tolerations, before: Tolerations): void {
  const same = (a: DeepReadonly<Toleration>, b: DeepReadonly<Toleration>) =>
    semanticEqual({ ...a, tolerationSeconds: undefined }, { ...b, tolerationSeconds: undefined })
  if ((before ?? []).some((old) => !now?.some((toleration) => same(toleration, old)))) {
    errors.push(
      forbiddenField('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'),
    )
  }
}

/** The spec without what may change; `old` says what a gated pod may still narrow. */
function comparable(spec: Spec, old: Spec): Record<string, unknown> {
  const bare = (list: readonly DeepReadonly<Container>[] | undefined) => list?.map((c) => ({ ...c, image: '' }))
  const rest: Record<string, unknown> = {
    ...spec,
    containers: bare(spec.containers),
    initContainers: bare(spec.initContainers),
  }
  for (const key of ['activeDeadlineSeconds', 'tolerations', 'schedulingGates']) delete rest[key]
  if (old.terminationGracePeriodSeconds !== undefined && old.terminationGracePeriodSeconds < 0) {
    if (spec.terminationGracePeriodSeconds === 1) {
      rest['terminationGracePeriodSeconds'] = old.terminationGracePeriodSeconds
    }
  }
  if (old.schedulingGates?.length) {
    // k8s: while it is held back by a gate, a pod's node selector may gain entries and its node affinity be set
    const kept = Object.entries(old.nodeSelector ?? {}).every(([key, value]) => spec.nodeSelector?.[key] === value)
    if (kept) rest['nodeSelector'] = undefined
    if (!old.affinity?.nodeAffinity) rest['affinity'] = { ...spec.affinity, nodeAffinity: undefined }
    if (Object.values((rest['affinity'] as object | undefined) ?? {}).every((v) => v === undefined)) {
      rest['affinity'] = undefined
    }
  }
  return rest
}

const MAX_DIFFERENCES = 20

/** `- path: old` and `+ path: new` for every leaf that differs. */
function differences(before: unknown, now: unknown, path: string): string[] {
  if (semanticEqual(before, now)) return []
  const bothObjects = [before, now].every((v) => typeof v === 'object' && v !== null)
  if (!bothObjects || Array.isArray(before) !== Array.isArray(now)) {
    const line = (sign: string, value: unknown) =>
      value === undefined ? [] : [`${sign} ${path}: ${JSON.stringify(value)}`]
    return [...line('-', before), ...line('+', now)]
  }
  const [left, right] = [before as Record<string, unknown>, now as Record<string, unknown>]
  const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])]
  const at = (key: string) => (Array.isArray(before) ? `${path}[${key}]` : `${path}.${key}`)
  return keys.flatMap((key) => differences(left[key], right[key], at(key))).slice(0, MAX_DIFFERENCES)
}

/** The `ephemeralcontainers` subresource: containers may only be added. */
export function validateEphemeralContainersUpdate(pod: AnyPod, old: AnyPod): FieldError[] {
  const now = pod.spec.ephemeralContainers ?? []
  const errors: Errors = []
  for (const container of old.spec.ephemeralContainers ?? []) {
    const kept = now.find((c) => c.name === container.name)
    const field = 'spec.ephemeralContainers'
    if (!kept)
      errors.push(
        forbiddenField(field, `existing ephemeral containers ${JSON.stringify(container.name)} may not be removed\n`),
      )
    else if (!semanticEqual(kept, container)) {
      errors.push(
        forbiddenField(field, `existing ephemeral containers ${JSON.stringify(container.name)} may not be changed\n`),
      )
    }
  }
  return errors
}

const RESIZABLE = ['cpu', 'memory']

/** The `resize` subresource: CPU and memory of containers may change, nothing may be taken away, the quality of service stays. */
export function validateResize(pod: AnyPod, old: AnyPod): FieldError[] {
  const errors: Errors = []
  if (qosClass(pod) !== qosClass(old)) {
    errors.push(invalid('spec', qosClass(pod), 'Pod QOS Class may not change as a result of resizing'))
  }
  for (const list of ['containers', 'initContainers'] as const) {
    old.spec[list]?.forEach((before, i) => {
      const now = pod.spec[list]?.[i]
      if (semanticEqual(now?.resources, before.resources)) return
      const at = `spec.${list}[${i}].resources`
      if (list === 'initContainers' && before.restartPolicy !== 'Always') {
        errors.push(forbiddenField(at, 'resources for non-sidecar init containers are immutable'))
      }
      for (const side of ['requests', 'limits'] as const) {
        const [is, was] = [now?.resources?.[side] ?? {}, before.resources?.[side] ?? {}]
        for (const name of new Set([...Object.keys(is), ...Object.keys(was)])) {
          if (is[name] === was[name]) continue
          if (!RESIZABLE.includes(name)) errors.push(forbiddenField(at, 'only cpu and memory resources are mutable'))
          else if (is[name] === undefined) {
            errors.push(forbiddenField(`${at}.${side}[${name}]`, `resource ${side} cannot be removed`))
          }
        }
      }
    })
  }
  return errors
}
