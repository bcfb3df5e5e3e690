// What may change in a pod once it exists: images, the deadline, more tolerations, fewer scheduling gates; while a gate holds it
// back also where it may run. k8s: the sentence about other fields is matched by tools; the list of what differs follows it.
import { semanticEqual } from '../../meta/equality.ts'
import { type FieldError, forbiddenField, invalid, required } from '../../meta/errors.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import type { Container, NodeAffinity, NodeSelectorTerm, Pod, PodSpec, Toleration } from '../../types/core.v1.ts'
import type { Errors } from '../check.ts'
import { annotationChanges, MIRROR } from './annotations.ts'
import { checkImageSpaces } from './containers.ts'
import { differences } from './differences.ts'
import { validatePodContents } from './spec.ts'

type Spec = DeepReadonly<PodSpec>
type AnyPod = DeepReadonly<Pod>

const CHANGEABLE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'
const MAX_INT32 = 2147483647

/** Everything that may be wrong with an update. */
export function validatePodUpdate(pod: AnyPod, old: AnyPod): FieldError[] {
  const errors: Errors = [...validatePodContents(pod, old), ...annotationChanges(pod, old)]
  for (const list of ['containers', 'initContainers'] as const) {
    const [now, before] = [pod.spec[list] ?? [], old.spec[list] ?? []]
    if (now.length !== before.length) {
      errors.push(forbiddenField(`spec.${list}`, 'pod updates may not add or remove containers'))
      return errors
    }
    now.forEach((container, i) => {
      if (!container.image) errors.push(required(`spec.${list}[${i}].image`))
      checkImageSpaces(errors, `spec.${list}[${i}]`, container)
    })
  }
  if (!checkDeadline(errors, pod.spec.activeDeadlineSeconds, old.spec.activeDeadlineSeconds)) return errors
  checkTolerationsGrew(errors, pod.spec.tolerations, old.spec.tolerations)
  checkGatesShrank(errors, pod.spec, old.spec)
  const wanted = comparable(errors, pod.spec, old.spec)
  if (!semanticEqual(wanted, old.spec)) {
    errors.push(forbiddenField('spec', `${CHANGEABLE}\n${differences(old.spec, wanted, 'spec').join('\n')}`))
  }
  return errors
}

/** False: nothing else is looked at. */
function checkDeadline(errors: Errors, now: number | undefined, before: number | undefined): boolean {
  const field = 'spec.activeDeadlineSeconds'
  if (now === undefined) {
    if (before !== undefined) {
      errors.push(invalid(field, now, 'must not update from a positive integer to nil value'))
    }
    return true
  }
  if (now < 0 || now > MAX_INT32) {
    errors.push(invalid(field, now, `must be between 0 and ${MAX_INT32}, inclusive`))
    return false
  }
  if (before !== undefined && now > before) {
    errors.push(invalid(field, now, 'must be less than or equal to previous value'))
    return false
  }
  return true
}

type Tolerations = readonly DeepReadonly<Toleration>[] | undefined

function checkTolerationsGrew(errors: Errors, now: Tolerations, before: Tolerations): void {
  const same = (a: DeepReadonly<Toleration>, b: DeepReadonly<Toleration>) =>
    semanticEqual({ ...a, tolerationSeconds: undefined }, { ...b, tolerationSeconds: undefined })
  if ((before ?? []).some((old) => !now?.some((toleration) => same(toleration, old)))) {
    const why = 'existing toleration can not be modified except its tolerationSeconds'
    errors.push(forbiddenField('spec.tolerations', why))
  }
}

function checkGatesShrank(errors: Errors, spec: Spec, old: Spec): void {
  const before = new Set((old.schedulingGates ?? []).map((gate) => gate.name))
  spec.schedulingGates?.forEach(({ name }, i) => {
    if (before.has(name)) return
    const why = `only deletion is allowed, but found new scheduling gate '${name}'`
    errors.push(forbiddenField(`spec.schedulingGates[${i}].name`, why))
  })
}

/** The new spec with what may change as it was. */
function comparable(errors: Errors, spec: Spec, old: Spec): Spec {
  const withOldImages = (list: 'containers' | 'initContainers') =>
    spec[list]?.map((container, i) => withField(container, 'image', old[list]?.[i]?.image))
  const next: Record<string, unknown> = { ...spec, containers: withOldImages('containers') }
  const take = (key: keyof PodSpec, value: unknown) => {
    if (value === undefined) delete next[key]
    else next[key] = value
  }
  take('initContainers', withOldImages('initContainers'))
  for (const key of ['activeDeadlineSeconds', 'tolerations', 'schedulingGates'] as const) take(key, old[key])
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1) {
    take('terminationGracePeriodSeconds', old.terminationGracePeriodSeconds)
  }
  if (old.schedulingGates?.length) {
    checkSelectorGrew(errors, spec.nodeSelector, old.nodeSelector)
    take('nodeSelector', old.nodeSelector)
    const [affinity, before] = [spec.affinity?.nodeAffinity, old.affinity?.nodeAffinity]
    if (!semanticEqual(affinity, before)) {
      checkAffinityGrew(errors, affinity, before)
      const rest = withField(spec.affinity ?? {}, 'nodeAffinity', before)
      take('affinity', old.affinity === undefined && Object.keys(rest).length === 0 ? undefined : rest)
    }
  }
  return next as unknown as Spec
}

function withField<T extends object>(owner: T, key: keyof T & string, value: unknown): T {
  const { [key]: _, ...rest } = owner as Record<string, unknown>
  return (value === undefined ? rest : { ...rest, [key]: value }) as T
}

type Labels = Readonly<Record<string, string>> | undefined

function checkSelectorGrew(errors: Errors, now: Labels, before: Labels): void {
  if (Object.entries(before ?? {}).every(([key, value]) => now?.[key] === value)) return
  const why = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)'
  errors.push(invalid('spec.nodeSelector', now, why))
}

type Affinity = DeepReadonly<NodeAffinity> | undefined
type Term = DeepReadonly<NodeSelectorTerm>

function checkAffinityGrew(errors: Errors, now: Affinity, before: Affinity): void {
  const field = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms'
  const old = before?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  const terms = now?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  if (old.length > 0 && old.length !== terms.length) {
    const why = 'no additions/deletions to non-empty NodeSelectorTerms list are allowed'
    return void errors.push(invalid(field, now?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms, why))
  }
  old.forEach((term, i) => {
    if (onlyGrew(terms[i]!, term)) return
    const why = 'only additions are allowed (no mutations or deletions)'
    errors.push(invalid(`${field}[${i}]`, terms[i], why))
  })
}

function onlyGrew(term: Term, old: Term): boolean {
  const starts = (list: 'matchExpressions' | 'matchFields') => {
    const before = old[list] ?? []
    return semanticEqual((term[list] ?? []).slice(0, before.length), before)
  }
  const wasEmpty = !old.matchExpressions?.length && !old.matchFields?.length
  if (wasEmpty && (term.matchExpressions?.length || term.matchFields?.length)) return false
  return starts('matchExpressions') && starts('matchFields')
}

/** The `ephemeralcontainers` subresource: containers may only be added. */
export function validateEphemeralContainersUpdate(pod: AnyPod, old: AnyPod): FieldError[] {
  if (old.metadata.annotations?.[MIRROR] !== undefined) {
    return [forbiddenField('[]', 'static pods do not support ephemeral containers')]
  }
  const errors: Errors = [...validatePodContents(pod, old), ...annotationChanges(pod, old)]
  const byName = new Map<string, DeepReadonly<Container>>()
  for (const container of pod.spec.ephemeralContainers ?? []) byName.set(container.name, container)
  const field = 'spec.ephemeralContainers'
  for (const container of old.spec.ephemeralContainers ?? []) {
    const about = `existing ephemeral containers ${JSON.stringify(container.name)} may not be`
    const kept = byName.get(container.name)
    if (!kept) errors.push(forbiddenField(field, `${about} removed\n`))
    else if (!semanticEqual(kept, container)) {
      const lines = differences(container, kept, field)
      errors.push(forbiddenField(field, `${about} changed\n${lines.join('\n')}`))
    }
  }
  return errors
}
