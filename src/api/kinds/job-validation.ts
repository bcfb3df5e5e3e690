// The rules of a Job's spec, of CronJobs' templates too, and of what may still change once the Job is there.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, invalid, notSupported, required, tooLong } from '../meta/errors.ts'
import { fromLabelSelector, matches } from '../meta/label-selector.ts'
import { dnsLabel } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/batch.v1.ts'
import type { Affinity, PodTemplateSpec } from '../types/core.v1.ts'
import { checkImmutable, checkNonNegative, checkSelector } from './check.ts'
import { checkDomainPath } from './check-form.ts'
import { checkFailurePolicy, checkSuccessPolicy } from './job-policies.ts'
import { validatePodTemplate } from './pod-validation/spec.ts'

type Spec = DeepReadonly<types.JobSpec>
type Job = DeepReadonly<types.Job>

/** Pods carry the job's uid and name under the older and the newer of these labels. */
export const UID_LABELS = ['controller-uid', 'batch.kubernetes.io/controller-uid'] as const
export const NAME_LABELS = ['job-name', 'batch.kubernetes.io/job-name'] as const

const MANY = 100_000
const FEWER = 10_000
const MAX_MANAGED_BY = 63

/** Also for the templates of CronJobs, where nothing is said of the selector. */
export function validateJobTemplate(spec: Spec, field: string): FieldError[] {
  const errors: FieldError[] = []
  for (const key of [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  ] as const) {
    checkNonNegative(errors, `${field}.${key}`, spec[key])
  }
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    errors.push(required(`${field}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'))
  }
  if (spec.managedBy !== undefined) {
    checkDomainPath(errors, `${field}.managedBy`, spec.managedBy)
    if (spec.managedBy.length > MAX_MANAGED_BY) errors.push(tooLong(`${field}.managedBy`, MAX_MANAGED_BY))
  }
  checkMode(errors, field, spec)
  if (spec.podFailurePolicy) checkFailurePolicy(errors, `${field}.podFailurePolicy`, spec)
  if (spec.successPolicy) {
    if (spec.completionMode === 'Indexed') checkSuccessPolicy(errors, `${field}.successPolicy`, spec)
    else errors.push(invalid(`${field}.successPolicy`, spec.successPolicy, 'requires indexed completion mode'))
  }
  const { podReplacementPolicy: replacement } = spec
  const policies = spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed']
  if (replacement && !policies.includes(replacement)) {
    errors.push(notSupported(`${field}.podReplacementPolicy`, replacement, policies))
  }
  errors.push(...validatePodTemplate(spec.template, `${field}.template`))
  checkRestartPolicy(errors, `${field}.template.spec.restartPolicy`, spec)
  return errors
}

function checkMode(errors: FieldError[], field: string, spec: Spec): void {
  const { completionMode, completions, parallelism, backoffLimitPerIndex, maxFailedIndexes } = spec
  if (completionMode && completionMode !== 'NonIndexed' && completionMode !== 'Indexed') {
    errors.push(notSupported(`${field}.completionMode`, completionMode, ['NonIndexed', 'Indexed']))
  }
  if (!completionMode || completionMode === 'NonIndexed') {
    for (const key of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const) {
      if (spec[key] !== undefined) {
        errors.push(invalid(`${field}.${key}`, spec[key], 'requires indexed completion mode'))
      }
    }
  }
  if (completionMode !== 'Indexed') return
  const most = (key: 'parallelism' | 'maxFailedIndexes', value: number | undefined, limit: number, when: string) => {
    if (value === undefined || value <= limit) return
    errors.push(invalid(`${field}.${key}`, value, `must be less than or equal to ${limit}${when}`))
  }
  if (completions === undefined) errors.push(required(`${field}.completions`, 'when completion mode is Indexed'))
  most('parallelism', parallelism, MANY, ' when completion mode is Indexed')
  if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions) {
    errors.push(invalid(`${field}.maxFailedIndexes`, maxFailedIndexes, 'must be less than or equal to completions'))
  }
  most('maxFailedIndexes', maxFailedIndexes, MANY, '')
  if (completions === undefined || completions <= MANY || backoffLimitPerIndex === undefined) return
  if (maxFailedIndexes === undefined) {
    errors.push(required(`${field}.maxFailedIndexes`, `must be specified when completions is above ${MANY}`))
  }
  const when = ` when completions are above ${MANY} and used with backoff limit per index`
  most('parallelism', parallelism, FEWER, when)
  most('maxFailedIndexes', maxFailedIndexes, FEWER, when)
}

function checkRestartPolicy(errors: FieldError[], field: string, spec: Spec): void {
  const policy = spec.template?.spec?.restartPolicy
  if (!policy || policy === 'Always') errors.push(required(field, 'valid values: "OnFailure", "Never"'))
  else if (policy !== 'OnFailure' && policy !== 'Never') {
    errors.push(notSupported(field, policy, ['OnFailure', 'Never']))
  } else if (spec.podFailurePolicy && policy !== 'Never') {
    errors.push(invalid(field, policy, 'only "Never" is supported when podFailurePolicy is specified'))
  }
}

function specErrors(spec: Spec): FieldError[] {
  const errors = validateJobTemplate(spec, 'spec')
  const before = errors.length
  if (spec.selector) checkSelector(errors, 'spec.selector', spec.selector)
  else errors.push(required('spec.selector'))
  const readable = !spec.selector || errors.length === before
  const labels = spec.template?.metadata?.labels
  if (readable && !matches(fromLabelSelector(spec.selector), labels)) {
    const why = '`selector` does not match template `labels`'
    errors.push(invalid('spec.template.metadata.labels', labels ?? null, why))
  }
  return errors
}

/** Unless the selector is the writer's own affair, it and the labels of the template are those that the server gave. */
function generatedErrors({ metadata, spec }: Job): FieldError[] {
  if (spec.manualSelector || !spec.selector) return []
  const errors: FieldError[] = []
  const labels = spec.template?.metadata?.labels ?? {}
  const expected: Record<string, string> = {}
  const expect = (key: string, value: string) => {
    expected[key] = value
    const field = 'spec.template.metadata.labels'
    if (labels[key] === undefined) errors.push(required(field, `must be '${value}'`))
    else if (labels[key] !== value) errors.push(invalid(`${field}[${key}]`, labels, `must be '${value}'`))
  }
  expect(UID_LABELS[0], metadata.uid)
  expect(NAME_LABELS[0], metadata.name)
  expect(UID_LABELS[1], metadata.uid)
  expect(NAME_LABELS[1], metadata.name)
  const unreadable: FieldError[] = []
  checkSelector(unreadable, 'spec.selector', spec.selector)
  if (unreadable.length === 0 && !matches(fromLabelSelector(spec.selector), expected)) {
    errors.push(invalid('spec.selector', spec.selector, '`selector` not auto-generated'))
  }
  return errors
}

export function validateNewJob(job: Job): FieldError[] {
  const { metadata, spec } = job
  const errors = [...generatedErrors(job), ...specErrors(spec)]
  if (spec.completionMode !== 'Indexed' || !spec.completions || spec.completions < 0) return errors
  const hostname = `${metadata.name}-${spec.completions - 1}`
  if (dnsLabel(hostname).length > 0) {
    const why = `will not able to create pod with invalid DNS label: ${hostname}`
    errors.push(invalid('metadata.name', metadata.name, why))
  }
  return errors
}

export function validateJobChange(job: Job, old: Job): FieldError[] {
  const errors = specErrors(job.spec)
  const [now, before] = [job.spec, old.spec]
  if (now.completionMode !== 'Indexed') checkImmutable(errors, 'spec.completions', now.completions, before.completions)
  else if (now.completions !== before.completions && now.completions !== undefined) {
    if (now.completions !== now.parallelism) {
      const why = 'can only be modified in tandem with spec.parallelism'
      errors.push(invalid('spec.completions', now.completions, why))
    }
  }
  checkImmutable(errors, 'spec.selector', now.selector, before.selector)
  const relaxed = isAtRest(old) ? withDirectivesOf(now.template, before.template) : before.template
  checkImmutable(errors, 'spec.template', now.template, relaxed)
  for (const key of [
    'completionMode',
    'podFailurePolicy',
    'backoffLimitPerIndex',
    'managedBy',
    'successPolicy',
  ] as const) {
    checkImmutable(errors, `spec.${key}`, now[key], before[key])
  }
  return errors
}

/** Suspended, and none of its pods is left: where its pods go and what they ask for may change. */
const isAtRest = ({ spec, status }: Job): boolean =>
  spec.suspend === true && (status?.startTime === undefined || (status.active ?? 0) === 0)

/** The old template with what may change taken from the new one. */
function withDirectivesOf(
  { metadata, spec }: DeepReadonly<PodTemplateSpec>,
  old: DeepReadonly<PodTemplateSpec>,
): DeepReadonly<PodTemplateSpec> {
  const resourcesOf = <T extends { readonly resources?: object }>(
    now: readonly T[] | undefined,
    before: readonly T[] | undefined,
  ) => (now?.length === before?.length ? before?.map((c, i) => ({ ...c, resources: now?.[i]?.resources })) : before)
  return {
    ...old,
    metadata: { ...old.metadata, labels: metadata?.labels, annotations: metadata?.annotations },
    spec: {
      ...old.spec,
      affinity: affinityOf(spec?.affinity, old.spec?.affinity),
      nodeSelector: spec?.nodeSelector,
      tolerations: spec?.tolerations,
      schedulingGates: spec?.schedulingGates,
      containers: resourcesOf(spec?.containers, old.spec?.containers),
      initContainers: resourcesOf(spec?.initContainers, old.spec?.initContainers),
    },
  } as DeepReadonly<PodTemplateSpec>
}

/** Node affinity may change, that to other pods may not. */
function affinityOf(now: DeepReadonly<Affinity> | undefined, before: DeepReadonly<Affinity> | undefined) {
  const { nodeAffinity: _, ...others } = before ?? {}
  if (now) return { ...others, nodeAffinity: now.nodeAffinity }
  return before && !semanticEqual(others, {}) ? others : undefined
}
