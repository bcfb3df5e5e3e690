// How a Job may come to its end, and what its status may not take back.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job } from './job.ts'
import { validateJobStatus } from './job-status.ts'

const job = (status: Record<string, unknown>, spec: Record<string, unknown> = {}) =>
  ({ metadata: { name: 'a', uid: 'u' }, spec, status }) as unknown as Job
const yes = (...types: string[]) => types.map((type) => ({ type, status: 'True' }))
const [started, ended] = ['2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z']

const said = (now: Job, before: Job) => validateJobStatus(now, before).map((e) => `${e.field}: ${e.message}`)

test('a job ends by way of its criteria, with its times', () => {
  const running = job({ startTime: started, active: 1 })
  const done = { startTime: started, completionTime: ended }
  assert.deepEqual(said(job({ ...done, conditions: yes('SuccessCriteriaMet', 'Complete') }), running), [])
  assert.deepEqual(said(job({ ...done, conditions: yes('Complete') }), running), [
    'status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
  ])
  assert.deepEqual(said(job({ conditions: yes('SuccessCriteriaMet', 'Complete') }), running), [
    'status.completionTime: Required value: completionTime is required for Complete jobs',
    'status.startTime: Required value: startTime is required for finished job',
    'status.startTime: Required value: startTime cannot be removed for unsuspended job',
  ])
  assert.deepEqual(said(job({ startTime: started, active: 1, conditions: yes('Failed') }), running), [
    'status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition',
    'status.active: Invalid value: 1: active>0 is invalid for finished job',
  ])
})

test('what a status has said stays said', () => {
  const failed = job({ startTime: started, failed: 2, conditions: yes('FailureTarget', 'Failed') })
  assert.deepEqual(said(failed, failed), [])
  assert.deepEqual(said(job({ startTime: started, failed: 1 }), failed), [
    'status.conditions: Invalid value: cannot disable the terminal Failed=True condition',
    'status.conditions: Invalid value: cannot disable the terminal FailureTarget=True condition',
    'status.failed: Invalid value: 1: cannot decrease the failed counter',
  ])
})

test('indexes fit the job, and none has both succeeded and failed', () => {
  const indexed = { completionMode: 'Indexed', completions: 5, backoffLimitPerIndex: 1 }
  const before = job({}, indexed)
  assert.deepEqual(said(job({ completedIndexes: '0,2-3', failedIndexes: '1,3' }, indexed), before), [
    'status.failedIndexes: Invalid value: "1,3": failedIndexes and completedIndexes overlap at index: 3',
  ])
  assert.deepEqual(said(job({ completedIndexes: '7' }, indexed), before), [
    'status.completedIndexes: Invalid value: "7": error parsing completedIndexes: too large index: "7"',
  ])
  assert.deepEqual(said(job({ completedIndexes: '0' }), job({})), [
    'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
  ])
})
