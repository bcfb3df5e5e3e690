// The rules of a Job's status: counts, sets of indexes, and the order in which a Job comes to its end.
import { isConditionTrue } from '../meta/conditions.ts'
import { duplicate, type FieldError, invalid, required } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { parseTime } from '../meta/time.ts'
import type * as types from '../types/batch.v1.ts'
import { invalidUnshown } from './check-form.ts'
import { firstShared, parseIndexes } from './job-indexes.ts'
import { checkCounts } from './replica-status.ts'

type Job = DeepReadonly<types.Job>
type Says = (why: string) => void

const isTrue = (job: Job, type: string) => isConditionTrue(job.status?.conditions, type)

/** What is looked at only where the write changes it, so that statuses of older times can still be written. */
function changedIn(job: Job, old: Job) {
  const [now, before] = [job.status ?? {}, old.status ?? {}]
  const conditions = (type: string) => isTrue(job, type) !== isTrue(old, type)
  const finished = (j: Job) => isTrue(j, 'Complete') || isTrue(j, 'Failed')
  const ended = finished(job) !== finished(old)
  return {
    complete: conditions('Complete'),
    failed: conditions('Failed'),
    failureTarget: conditions('FailureTarget'),
    successCriteriaMet: conditions('SuccessCriteriaMet'),
    ended,
    active: now.active !== before.active,
    ready: now.ready !== before.ready,
    terminating: now.terminating !== before.terminating,
    startTime: now.startTime !== before.startTime,
    completionTime: now.completionTime !== before.completionTime,
    completedIndexes: now.completedIndexes !== before.completedIndexes,
    failedIndexes: now.failedIndexes !== before.failedIndexes,
    uncounted: JSON.stringify(now.uncountedTerminatedPods) !== JSON.stringify(before.uncountedTerminatedPods),
  }
}

export function validateJobStatus(job: Job, old: Job): FieldError[] {
  const errors: FieldError[] = []
  const status = job.status ?? {}
  const conditions: Says = (why) => errors.push(invalidUnshown('status.conditions', why))
  checkCounts(errors, status, ['active', 'succeeded', 'failed', 'ready', 'terminating'])
  checkUncounted(errors, status.uncountedTerminatedPods)
  checkEnd(errors, job, old, conditions)
  checkIndexes(errors, job, old)
  checkPods(errors, job, old)
  const met = isTrue(job, 'SuccessCriteriaMet')
  if (met && isTrue(job, 'Failed')) conditions('cannot set SuccessCriteriaMet=True and Failed=true conditions')
  if (met && isTrue(job, 'FailureTarget')) {
    conditions('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions')
  }
  if (job.spec.successPolicy && !met && isTrue(job, 'Complete')) {
    conditions('cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True')
  }
  checkTransition(errors, job, old, conditions)
  return errors
}

function checkUncounted(errors: FieldError[], pods: DeepReadonly<types.UncountedTerminatedPods> | undefined): void {
  const seen = new Set<string>()
  for (const key of ['succeeded', 'failed'] as const) {
    pods?.[key]?.forEach((uid, i) => {
      const field = `status.uncountedTerminatedPods.${key}[${i}]`
      if (uid === '') errors.push(invalid(field, uid, 'must not be empty'))
      else if (seen.has(uid)) errors.push(duplicate(field, uid))
      seen.add(uid)
    })
  }
}

function checkEnd(errors: FieldError[], job: Job, old: Job, conditions: Says): void {
  const changed = changedIn(job, old)
  const { startTime, completionTime } = job.status ?? {}
  const field = 'status.completionTime'
  const complete = isTrue(job, 'Complete')
  if ((changed.complete || changed.failed) && complete && isTrue(job, 'Failed')) {
    conditions('cannot set Complete=True and Failed=true conditions')
  }
  if ((changed.complete || changed.failureTarget) && complete && isTrue(job, 'FailureTarget')) {
    conditions('cannot set Complete=True and FailureTarget=true conditions')
  }
  if ((changed.complete || changed.completionTime) && completionTime && !complete) {
    errors.push(invalid(field, completionTime, 'cannot set completionTime when there is no Complete=True condition'))
  }
  if ((changed.complete || changed.completionTime) && !completionTime && complete) {
    errors.push(required(field, 'completionTime is required for Complete jobs'))
  }
  const [startMs, endMs] = [parseTime(startTime), parseTime(completionTime)]
  if (
    (changed.startTime || changed.completionTime) &&
    startMs !== undefined &&
    endMs !== undefined &&
    endMs < startMs
  ) {
    errors.push(invalid(field, completionTime, 'completionTime cannot be set before startTime'))
  }
  if ((changed.failed || changed.failureTarget) && isTrue(job, 'Failed') && !isTrue(job, 'FailureTarget')) {
    conditions('cannot set Failed=True condition without the FailureTarget=true condition')
  }
  if ((changed.complete || changed.successCriteriaMet) && complete && !isTrue(job, 'SuccessCriteriaMet')) {
    conditions('cannot set Complete=True condition without the SuccessCriteriaMet=true condition')
  }
  const finished = complete || isTrue(job, 'Failed')
  if (!finished) return
  const { active = 0, uncountedTerminatedPods: pods } = job.status ?? {}
  if ((changed.ended || changed.active) && active > 0) {
    errors.push(invalid('status.active', active, 'active>0 is invalid for finished job'))
  }
  if ((changed.ended || changed.startTime) && !startTime) {
    errors.push(required('status.startTime', 'startTime is required for finished job'))
  }
  if ((changed.ended || changed.uncounted) && (pods?.failed?.length ?? 0) + (pods?.succeeded?.length ?? 0) > 0) {
    const why = 'uncountedTerminatedPods needs to be empty for finished job'
    errors.push(invalid('status.uncountedTerminatedPods', pods, why))
  }
}

function checkIndexes(errors: FieldError[], job: Job, old: Job): void {
  const changed = changedIn(job, old)
  const { completedIndexes = '', failedIndexes } = job.status ?? {}
  const { completions, backoffLimitPerIndex, completionMode } = job.spec
  const say = (key: 'completedIndexes' | 'failedIndexes', why: string) => {
    errors.push(invalid(`status.${key}`, job.status?.[key] ?? '', why))
  }
  if (changed.completedIndexes && completions !== undefined) {
    const parsed = parseIndexes(completedIndexes, completions)
    if ('problem' in parsed) say('completedIndexes', `error parsing completedIndexes: ${parsed.problem}`)
  }
  if (changed.failedIndexes && completions !== undefined && backoffLimitPerIndex !== undefined) {
    const parsed = parseIndexes(failedIndexes ?? '', completions)
    if ('problem' in parsed) say('failedIndexes', `error parsing failedIndexes: ${parsed.problem}`)
  }
  if (changed.completedIndexes && completedIndexes !== '' && completionMode !== 'Indexed') {
    say('completedIndexes', 'cannot set non-empty completedIndexes when non-indexed completion mode')
  }
  if (changed.failedIndexes && failedIndexes !== undefined && backoffLimitPerIndex === undefined) {
    say('failedIndexes', 'cannot set non-null failedIndexes when backoffLimitPerIndex is null')
  }
  if ((changed.failedIndexes || changed.completedIndexes) && completions !== undefined && failedIndexes !== undefined) {
    const shared = firstShared(completedIndexes, failedIndexes, completions)
    if (shared !== undefined) {
      say('failedIndexes', `failedIndexes and completedIndexes overlap at index: ${shared}`)
    }
  }
}

function checkPods(errors: FieldError[], job: Job, old: Job): void {
  const changed = changedIn(job, old)
  const { active = 0, ready, terminating } = job.status ?? {}
  const finished = isTrue(job, 'Complete') || isTrue(job, 'Failed')
  if ((changed.ended || changed.terminating) && (terminating ?? 0) > 0 && finished) {
    errors.push(invalid('status.terminating', terminating, 'terminating>0 is invalid for finished job'))
  }
  if ((changed.ready || changed.active) && ready !== undefined && ready > active) {
    errors.push(invalid('status.ready', ready, 'cannot set more ready pods than active'))
  }
}

function checkTransition(errors: FieldError[], job: Job, old: Job, conditions: Says): void {
  const [now, before] = [job.status ?? {}, old.status ?? {}]
  for (const type of ['Failed', 'Complete', 'FailureTarget']) {
    if (isTrue(old, type) && !isTrue(job, type)) conditions(`cannot disable the terminal ${type}=True condition`)
  }
  const { completionMode, completions, parallelism } = job.spec
  // k8s: a Job with indexes that grows and shrinks may forget some.
  const elastic = completionMode === 'Indexed' && completions === parallelism
  for (const key of elastic ? (['failed'] as const) : (['failed', 'succeeded'] as const)) {
    const count = now[key] ?? 0
    if (count < (before[key] ?? 0)) errors.push(invalid(`status.${key}`, count, `cannot decrease the ${key} counter`))
  }
  if (before.completionTime && now.completionTime && before.completionTime !== now.completionTime) {
    errors.push(invalid('status.completionTime', now.completionTime, 'completionTime cannot be mutated'))
  }
  if (before.startTime && before.startTime !== now.startTime && !job.spec.suspend) {
    errors.push(required('status.startTime', 'startTime cannot be removed for unsuspended job'))
  }
  if (isTrue(old, 'SuccessCriteriaMet') && !isTrue(job, 'SuccessCriteriaMet')) {
    conditions('cannot disable the SuccessCriteriaMet=True condition')
  }
  if (isTrue(old, 'Complete') && !isTrue(old, 'SuccessCriteriaMet') && isTrue(job, 'SuccessCriteriaMet')) {
    conditions('cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions')
  }
}
