import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeploymentStatus } from '../../api/types/apps.v1.ts'
import type { AnyDeployment, AnyReplicaSet } from './counts.ts'
import { deadlineCheckInMs, pauseCondition, progressing, rolloutStatus, withDeploymentCondition } from './status.ts'

const NOW = Date.UTC(2026, 0, 1, 12)
const set = (name: string, size: number, ready: number, conditions?: object[]) =>
  ({
    metadata: { name },
    spec: { replicas: size },
    status: { replicas: size, readyReplicas: ready, availableReplicas: ready, terminatingReplicas: 0, conditions },
  }) as unknown as AnyReplicaSet
const deployment = (status: Partial<DeploymentStatus> = {}, spec: object = {}) =>
  ({
    metadata: { name: 'web', generation: 2 },
    spec: { replicas: 3, progressDeadlineSeconds: 600, strategy: { type: 'RollingUpdate' }, ...spec },
    status,
  }) as unknown as AnyDeployment
const condition = (reason: string, updated = '2026-01-01T11:59:00Z', status = 'True') => ({
  type: 'Progressing',
  status,
  reason,
  message: '',
  lastUpdateTime: updated,
  lastTransitionTime: updated,
})
const reasons = (status: DeploymentStatus) =>
  Object.fromEntries((status.conditions ?? []).map((c) => [c.type, `${c.status} ${c.reason}`]))

test('counts come from all sets, updated ones from the newest; zeros are left out', () => {
  const newSet = set('new', 2, 1)
  const status = rolloutStatus(deployment(), [set('old', 2, 2), newSet], newSet, NOW)
  assert.deepEqual(
    { ...status, conditions: undefined },
    {
      observedGeneration: 2,
      replicas: 4,
      updatedReplicas: 2,
      readyReplicas: 3,
      availableReplicas: 3,
      unavailableReplicas: 1,
      terminatingReplicas: 0,
      conditions: undefined,
    },
  )
})

test('Progressing tells how the rollout goes', () => {
  const full = set('new', 3, 3)
  const done = rolloutStatus(deployment({ conditions: [condition('NewReplicaSetCreated')] }), [full], full, NOW)
  assert.deepEqual(reasons(done), {
    Available: 'True MinimumReplicasAvailable',
    Progressing: 'True NewReplicaSetAvailable',
  })
  assert.equal(
    done.conditions?.find((c) => c.type === 'Progressing')?.message,
    'ReplicaSet "new" has successfully progressed.',
  )

  const half = set('new', 3, 1)
  const moving = rolloutStatus(deployment({ conditions: [condition('NewReplicaSetCreated')] }), [half], half, NOW)
  assert.deepEqual(reasons(moving), {
    Available: 'False MinimumReplicasUnavailable',
    Progressing: 'True ReplicaSetUpdated',
  })
  const progress = moving.conditions?.find((c) => c.type === 'Progressing')
  assert.equal(progress?.lastUpdateTime, '2026-01-01T12:00:00Z')
  assert.equal(progress?.lastTransitionTime, '2026-01-01T11:59:00Z')

  const stuck = deployment({ ...moving, conditions: [condition('ReplicaSetUpdated', '2026-01-01T11:00:00Z')] })
  const late = rolloutStatus(stuck, [half], half, NOW)
  assert.equal(reasons(late)['Progressing'], 'False ProgressDeadlineExceeded')
  assert.equal(
    late.conditions?.find((c) => c.type === 'Progressing')?.message,
    'ReplicaSet "new" has timed out progressing.',
  )
})

test('a rollout that is over stays so when a pod later fails', () => {
  const one = set('new', 3, 2)
  const before = deployment({
    replicas: 3,
    updatedReplicas: 3,
    availableReplicas: 3,
    conditions: [condition('NewReplicaSetAvailable')],
  })
  const status = rolloutStatus(before, [one], one, NOW)
  assert.equal(reasons(status)['Progressing'], 'True NewReplicaSetAvailable')
  assert.equal(deadlineCheckInMs(before, status, NOW), undefined)
})

test('the deadline is looked at just after it has passed, and not at all without one', () => {
  const half = set('new', 3, 1)
  const moving = deployment({ conditions: [condition('ReplicaSetUpdated', '2026-01-01T11:55:00Z')] })
  const status = {
    ...rolloutStatus(moving, [half], half, NOW),
    conditions: moving.status!.conditions,
  } as DeploymentStatus
  assert.equal(deadlineCheckInMs(moving, status, NOW), 301_000)
  assert.equal(deadlineCheckInMs(deployment({}, { progressDeadlineSeconds: 2 ** 31 - 1 }), status, NOW), undefined)
  const none = rolloutStatus(
    deployment({ conditions: [condition('x')] }, { progressDeadlineSeconds: undefined }),
    [half],
    half,
    NOW,
  )
  assert.equal(reasons(none)['Progressing'], undefined)
})

test('a set that cannot create pods shows in the Deployment', () => {
  const failure = {
    type: 'ReplicaFailure',
    status: 'True',
    reason: 'FailedCreate',
    message: 'quota',
    lastTransitionTime: 't',
  }
  const newSet = set('new', 0, 0, [failure])
  const failed = rolloutStatus(deployment(), [newSet], newSet, NOW)
  assert.equal(reasons(failed)['ReplicaFailure'], 'True FailedCreate')
  const mended = set('new', 3, 3)
  assert.equal(reasons(rolloutStatus(deployment(failed), [mended], mended, NOW))['ReplicaFailure'], undefined)
})

test('pausing and resuming are noted once', () => {
  assert.equal(pauseCondition(deployment({}, { paused: true }))?.reason, 'DeploymentPaused')
  const paused = { conditions: [condition('DeploymentPaused', undefined, 'Unknown')] }
  assert.equal(pauseCondition(deployment(paused, { paused: true })), undefined)
  assert.equal(pauseCondition(deployment(paused))?.reason, 'DeploymentResumed')
  assert.equal(pauseCondition(deployment()), undefined)
  const late = { conditions: [condition('ProgressDeadlineExceeded', undefined, 'False')] }
  assert.equal(pauseCondition(deployment(late, { paused: true })), undefined)
})

test('a condition with the same status and reason stays as it is', () => {
  const known = [condition('NewReplicaSetCreated')]
  assert.deepEqual(withDeploymentCondition(known, progressing('True', 'NewReplicaSetCreated', 'other'), NOW), known)
  const [changed] = withDeploymentCondition(known, progressing('True', 'ReplicaSetUpdated', 'm'), NOW)
  assert.equal(changed?.lastTransitionTime, '2026-01-01T11:59:00Z')
  assert.equal(changed?.lastUpdateTime, '2026-01-01T12:00:00Z')
})
