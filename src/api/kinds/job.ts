// Job: runs pods until enough of them have succeeded.

import { isConditionTrue } from '../meta/conditions.ts'
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../meta/errors.ts'
import { fromLabelSelector, matches } from '../meta/label-selector.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { formatAge, parseTime } from '../meta/time.ts'
import type * as types from '../types/batch.v1.ts'
import { checkImmutable, checkNonNegative, checkOneOf, checkSelector } from './check.ts'
import { age, containers, selector, text, wide } from './columns.ts'
import { defineKind } from './kind.ts'
import { validatePodTemplate } from './pod-validation/spec.ts'
import { defaultTemplate } from './workload.ts'

export type Job = types.Job

type AnyJob = DeepReadonly<types.Job>

function statusOf({ metadata, status }: AnyJob): string {
  const has = (type: string) => isConditionTrue(status?.conditions, type)
  if (has('Complete')) return 'Complete'
  if (has('Failed')) return 'Failed'
  if (metadata.deletionTimestamp) return 'Terminating'
  if (has('Suspended')) return 'Suspended'
  if (has('FailureTarget')) return 'FailureTarget'
  if (has('SuccessCriteriaMet')) return 'SuccessCriteriaMet'
  return 'Running'
}

function completionsOf({ spec, status }: AnyJob): string {
  const succeeded = status?.succeeded ?? 0
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`
  const parallelism = spec?.parallelism ?? 0
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`
}

function durationOf({ status }: AnyJob, nowMs: number): string {
  const startMs = parseTime(status?.startTime)
  return startMs === undefined ? '' : formatAge((parseTime(status?.completionTime) ?? nowMs) - startMs)
}

/** Also for the templates of CronJobs, where nothing is said of the selector. */
export function validateJobSpec(spec: DeepReadonly<types.JobSpec>, field: string): FieldError[] {
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
  if (spec.completionMode) {
    checkOneOf(errors, `${field}.completionMode`, spec.completionMode, ['NonIndexed', 'Indexed'])
    if (spec.completionMode === 'Indexed' && spec.completions === undefined) {
      errors.push(required(`${field}.completions`, `when completion mode is Indexed`))
    }
  }
  if (spec.podReplacementPolicy) {
    checkOneOf(errors, `${field}.podReplacementPolicy`, spec.podReplacementPolicy, ['TerminatingOrFailed', 'Failed'])
  }
  if (spec.successPolicy && spec.completionMode !== 'Indexed') {
    errors.push(invalid(`${field}.successPolicy`, spec.successPolicy, 'requires indexed completion mode'))
  }
  if (spec.backoffLimitPerIndex !== undefined && spec.completionMode !== 'Indexed') {
    errors.push(invalid(`${field}.backoffLimitPerIndex`, spec.backoffLimitPerIndex, 'requires indexed completion mode'))
  }
  errors.push(...validatePodTemplate(spec.template, `${field}.template`))
  const policy = spec.template?.spec?.restartPolicy
  if (policy === 'Always') {
    errors.push(required(`${field}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"'))
  } else if (policy && policy !== 'OnFailure' && policy !== 'Never') {
    errors.push(notSupported(`${field}.template.spec.restartPolicy`, policy, ['OnFailure', 'Never']))
  }
  if (spec.podFailurePolicy && policy !== 'Never') {
    errors.push(
      invalid(
        `${field}.template.spec.restartPolicy`,
        policy,
        'only "Never" is supported when podFailurePolicy is specified',
      ),
    )
  }
  spec.podFailurePolicy?.rules?.forEach((rule, i) => {
    const at = `${field}.podFailurePolicy.rules[${i}]`
    checkOneOf(errors, `${at}.action`, rule.action, ['Count', 'FailIndex', 'FailJob', 'Ignore'])
    if (Boolean(rule.onExitCodes) === Boolean(rule.onPodConditions?.length)) {
      errors.push(
        rule.onExitCodes
          ? forbiddenField(at, 'specifying both OnExitCodes and OnPodConditions is not supported')
          : invalid(at, rule, 'specifying one of OnExitCodes and OnPodConditions is required'),
      )
    }
  })
  return errors
}

export const Job = defineKind<Job>({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  scope: 'Namespaced',
  categories: ['all'],
  subresources: ['status'],
  description: 'Runs pods of its template until a number of them have ended successfully.',
  columns: [
    text('Status', (job) => statusOf(job), 'Whether the job runs, is suspended or has ended.'),
    text('Completions', (job) => completionsOf(job), 'Number of successful pods, of those desired.'),
    text('Duration', (job, nowMs) => durationOf(job, nowMs), 'How long the job has run.'),
    age(),
    ...containers<Job>((job) => job.spec?.template?.spec).map(wide),
    wide(selector((job) => job.spec?.selector)),
  ],
  selectableFields: { 'status.successful': (job) => String(job.status?.succeeded ?? 0) },
  default(job) {
    job.spec ??= {} as NonNullable<Job['spec']>
    const spec = job.spec
    if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1
    spec.parallelism ??= 1
    spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2147483647
    spec.completionMode ||= 'NonIndexed'
    spec.suspend ??= false
    spec.podReplacementPolicy ||= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed'
    for (const rule of spec.podFailurePolicy?.rules ?? []) {
      for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True'
    }
    defaultTemplate(spec)
    const labels = spec.template.metadata?.labels
    if (labels && Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = { ...labels }
  },
  validate(job) {
    const { spec } = job
    const errors = validateJobSpec(spec, 'spec')
    if (!spec.selector) errors.push(required('spec.selector'))
    else {
      checkSelector(errors, 'spec.selector', spec.selector)
      const labels = spec.template?.metadata?.labels ?? {}
      if (errors.length === 0 && !matches(fromLabelSelector(spec.selector), labels)) {
        errors.push(invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'))
      }
    }
    return errors
  },
  validateUpdate(job, old) {
    const errors: FieldError[] = []
    const [now, before] = [job.spec, old.spec]
    const elastic = now.completionMode === 'Indexed' && now.completions === now.parallelism
    if (!elastic) checkImmutable(errors, 'spec.completions', now.completions, before.completions)
    checkImmutable(errors, 'spec.selector', now.selector, before.selector)
    const suspended = before.suspend === true && !old.status?.startTime
    const directives = ['nodeSelector', 'affinity', 'tolerations', 'schedulingGates'] as const
    const bare = (template: DeepReadonly<typeof now.template>) => {
      if (!suspended) return template
      const spec: Record<string, unknown> = { ...template.spec }
      for (const key of directives) delete spec[key]
      return { spec }
    }
    if (!semanticEqual(bare(now.template), bare(before.template))) {
      errors.push(invalid('spec.template', now.template, 'field is immutable'))
    }
    checkImmutable(errors, 'spec.completionMode', now.completionMode, before.completionMode)
    checkImmutable(errors, 'spec.podFailurePolicy', now.podFailurePolicy, before.podFailurePolicy)
    checkImmutable(errors, 'spec.backoffLimitPerIndex', now.backoffLimitPerIndex, before.backoffLimitPerIndex)
    checkImmutable(errors, 'spec.managedBy', now.managedBy, before.managedBy)
    checkImmutable(errors, 'spec.successPolicy', now.successPolicy, before.successPolicy)
    return errors
  },
  /** k8s: unless `manualSelector`, pods are found by labels that carry the job's uid, which the server has given it by now. */
  prepareForCreate(job) {
    job.status = {}
    const spec = job.spec
    if (spec.manualSelector) return
    spec.template.metadata ??= {}
    const labels = { ...spec.template.metadata.labels }
    const { uid, name = '' } = job.metadata
    labels['controller-uid'] = uid
    labels['job-name'] = name
    labels['batch.kubernetes.io/controller-uid'] = uid
    labels['batch.kubernetes.io/job-name'] = name
    spec.template.metadata.labels = labels
    if (Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = { ...labels }
    spec.selector ??= {}
    spec.selector.matchLabels ??= {}
    spec.selector.matchLabels['batch.kubernetes.io/controller-uid'] ??= uid
  },
})
