// Job: runs pods until enough of them have succeeded.

import { isConditionTrue } from '../meta/conditions.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { formatAge, parseTime } from '../meta/time.ts'
import type * as types from '../types/batch.v1.ts'
import { age, containers, selector, text, wide } from './columns.ts'
import { validateJobStatus } from './job-status.ts'
import { NAME_LABELS, UID_LABELS, validateJobChange, validateNewJob } from './job-validation.ts'
import { defineKind } from './kind.ts'
import { defaultTemplate, workloadWarnings } from './workload.ts'

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
  validate: validateNewJob,
  validateChange: validateJobChange,
  warnings: (owner, old) => workloadWarnings(owner, old, true),
  validateStatusUpdate: validateJobStatus,
  /** k8s: unless `manualSelector`, pods are found by labels that carry the job's uid, which the server has given it by now. */
  prepareForCreate(job) {
    job.status = {}
    const spec = job.spec
    if (spec.manualSelector) return
    spec.template.metadata ??= {}
    const labels = { ...spec.template.metadata.labels }
    const { uid, name = '' } = job.metadata
    // What the writer has put there stays: where it isn't the same, it's refused.
    for (const key of UID_LABELS) labels[key] ??= uid
    for (const key of NAME_LABELS) labels[key] ??= name
    spec.template.metadata.labels = labels
    if (Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = { ...labels }
    spec.selector ??= {}
    spec.selector.matchLabels ??= {}
    spec.selector.matchLabels['batch.kubernetes.io/controller-uid'] ??= uid
  },
})
