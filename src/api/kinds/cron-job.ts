// CronJob: makes a Job at every time of a schedule.
import { type FieldError, invalid, required } from '../meta/errors.ts'
import { ageOf } from '../meta/time.ts'
import type * as types from '../types/batch.v1.ts'
import { checkNonNegative, checkOneOf } from './check.ts'
import { age, containers, integer, selector, text, titledBool, wide } from './columns.ts'
import { cronProblem, isTimeZone } from './cron-schedule.ts'
import { validateJobSpec } from './job.ts'
import { defineKind } from './kind.ts'
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
    defaultTemplate(spec.jobTemplate.spec)
  },
  validate({ metadata, spec }) {
    const errors: FieldError[] = []
    if (!spec.schedule) errors.push(required('spec.schedule'))
    else {
      const problem = cronProblem(spec.schedule)
      if (problem) errors.push(invalid('spec.schedule', spec.schedule, problem))
      if (/TZ=/.test(spec.schedule)) {
        errors.push(
          invalid('spec.schedule', spec.schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'),
        )
      }
    }
    if (spec.timeZone !== undefined && !isTimeZone(spec.timeZone)) {
      errors.push(invalid('spec.timeZone', spec.timeZone, `unknown time zone ${spec.timeZone}`))
    }
    checkNonNegative(errors, 'spec.startingDeadlineSeconds', spec.startingDeadlineSeconds)
    checkOneOf(errors, 'spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace'])
    checkNonNegative(errors, 'spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit)
    checkNonNegative(errors, 'spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit)
    if (!spec.jobTemplate?.spec) errors.push(required('spec.jobTemplate'))
    else errors.push(...validateJobSpec(spec.jobTemplate.spec, 'spec.jobTemplate.spec'))
    // k8s: 11 characters are left for the suffix of its jobs
    if ((metadata.name?.length ?? 0) > 52) {
      errors.push(invalid('metadata.name', metadata.name, 'must be no more than 52 characters'))
    }
    return errors
  },
})
