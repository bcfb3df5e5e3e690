// CronJob: makes a Job at every time of a schedule.
import { type FieldError, invalid, notSupported, required } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { ageOf } from '../meta/time.ts'
import type * as types from '../types/batch.v1.ts'
import { checkNonNegative } from './check.ts'
import { age, containers, integer, selector, text, titledBool, wide } from './columns.ts'
import { cronProblem, timeZoneProblems } from './cron-schedule.ts'
import { validateJobTemplate } from './job-validation.ts'
import { defineKind } from './kind.ts'
import { ownerNameWarnings, podTemplateWarnings } from './pod-validation/warnings.ts'
import { defaultTemplate } from './workload.ts'

export type CronJob = types.CronJob

export const CronJob = defineKind<CronJob>({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  plural: 'cronjobs',
  scope: 'Namespaced',
  shortNames: ['cj'],
  categories: ['all'],
  subresources: ['status'],
  description: 'Creates Jobs on a repeating schedule in the cron format.',
  columns: [
    text('Schedule', (c) => c.spec.schedule ?? '', 'The schedule in cron format.'),
    text('Timezone', (c) => c.spec.timeZone ?? '<none>', 'The time zone of the schedule.'),
    { ...text<CronJob>('Suspend', (c) => titledBool(c.spec.suspend), 'Whether runs are suspended.'), type: 'boolean' },
    integer('Active', (c) => c.status?.active?.length, 'Number of jobs that run now.'),
    text(
      'Last Schedule',
      (c, nowMs) => (c.status?.lastScheduleTime ? ageOf(c.status.lastScheduleTime, nowMs) : '<none>'),
      'How long ago a job was last made.',
    ),
    age(),
    ...containers<CronJob>((c) => c.spec.jobTemplate?.spec?.template?.spec).map(wide),
    wide(selector((c) => c.spec.jobTemplate?.spec?.selector)),
  ],
  default(c) {
    c.spec ??= {} as CronJob['spec']
    const spec = c.spec
    spec.concurrencyPolicy ||= 'Allow'
    spec.suspend ??= false
    spec.successfulJobsHistoryLimit ??= 3
    spec.failedJobsHistoryLimit ??= 1
    spec.jobTemplate ??= {}
    spec.jobTemplate.spec ??= {} as NonNullable<typeof spec.jobTemplate.spec>
    // k8s: what a Job would be given later isn't written into the template
    defaultTemplate(spec.jobTemplate.spec)
    for (const rule of spec.jobTemplate.spec.podFailurePolicy?.rules ?? []) {
      for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True'
    }
  },
  validate(c) {
    const errors = specErrors(c.spec, undefined)
    // k8s: 11 characters are left for the suffix of its jobs
    if ((c.metadata.name?.length ?? 0) > 52) {
      errors.push(invalid('metadata.name', c.metadata.name, 'must be no more than 52 characters'))
    }
    return errors
  },
  validateChange: (c, old) => specErrors(c.spec, old.spec),
  warnings: (c, old) => [
    ...(old ? [] : ownerNameWarnings(c.metadata.name)),
    ...(old && old.metadata.generation === c.metadata.generation
      ? []
      : podTemplateWarnings(c.spec.jobTemplate?.spec?.template, 'spec.jobTemplate.spec.template')),
  ],
})

type Spec = DeepReadonly<types.CronJobSpec>

/** A time zone within the schedule may stay where it was let in once, and so may the name of a zone that isn't known any more. */
function specErrors(spec: Spec, old: Spec | undefined): FieldError[] {
  const errors: FieldError[] = []
  const { schedule, timeZone, concurrencyPolicy: policy } = spec
  if (!schedule) errors.push(required('spec.schedule'))
  else {
    const problem = cronProblem(schedule)
    if (problem) errors.push(invalid('spec.schedule', schedule, problem))
    const kept = old?.schedule?.includes('TZ') === true
    if (schedule.includes('TZ') && !kept) {
      const why = 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'
      errors.push(invalid('spec.schedule', schedule, why))
    } else if (schedule.includes('TZ') && timeZone !== undefined) {
      const why = 'cannot use both timeZone field and TZ or CRON_TZ in schedule'
      errors.push(invalid('spec.schedule', schedule, why))
    }
  }
  checkNonNegative(errors, 'spec.startingDeadlineSeconds', spec.startingDeadlineSeconds)
  if (timeZone !== undefined && (!old || old.timeZone !== timeZone)) {
    for (const problem of timeZoneProblems(timeZone)) errors.push(invalid('spec.timeZone', timeZone, problem))
  }
  if (!policy) errors.push(required('spec.concurrencyPolicy'))
  else if (!POLICIES.includes(policy)) errors.push(notSupported('spec.concurrencyPolicy', policy, POLICIES))
  const job = spec.jobTemplate?.spec
  if (!job) errors.push(required('spec.jobTemplate'))
  else {
    const field = 'spec.jobTemplate.spec'
    errors.push(...validateJobTemplate(job, field))
    if (job.selector) errors.push(invalid(`${field}.selector`, job.selector, '`selector` will be auto-generated'))
    if (job.manualSelector) errors.push(notSupported(`${field}.manualSelector`, true, ['nil', 'false']))
  }
  checkNonNegative(errors, 'spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit)
  checkNonNegative(errors, 'spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit)
  return errors
}

const POLICIES = ['Allow', 'Forbid', 'Replace']
