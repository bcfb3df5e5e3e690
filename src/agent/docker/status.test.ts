import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ContainerInspectInfo } from 'dockerode'
import { containerLabels, splitLabels } from './labels.ts'
import { containerStatusOf } from './status.ts'

const NEVER = '0001-01-01T00:00:00Z'
const pod = { name: 'web', namespace: 'default', uid: 'u', attempt: 0 }

function inspect(state: Partial<ContainerInspectInfo['State']>): ContainerInspectInfo {
  return {
    Id: 'abc',
    Created: '2026-01-01T00:00:00Z',
    Image: 'sha256:1',
    Config: {
      Image: 'sha256:1',
      Labels: containerLabels('c', pod, 'box', { name: 'main', attempt: 3 }, { app: 'x' }, { note: 'y' }),
    },
    State: {
      Status: 'exited',
      Running: false,
      Paused: false,
      Restarting: false,
      OOMKilled: false,
      Dead: false,
      Pid: 0,
      ExitCode: 0,
      Error: '',
      StartedAt: '2026-01-01T00:00:01Z',
      FinishedAt: '2026-01-01T00:00:02Z',
      ...state,
    },
  } as unknown as ContainerInspectInfo
}
const of = (state: Partial<ContainerInspectInfo['State']>) => {
  const s = containerStatusOf(inspect(state), undefined)
  return [s.state, s.reason, s.exitCode, s.signal, s.message]
}

test('what the engine says of a process becomes the standard reasons', () => {
  assert.deepEqual(of({ Running: true, FinishedAt: NEVER }), ['Running', '', 0, 0, ''])
  assert.deepEqual(of({ StartedAt: NEVER, FinishedAt: NEVER }), ['Created', '', 0, 0, ''])
  assert.deepEqual(of({ ExitCode: 0 }), ['Exited', 'Completed', 0, 0, ''])
  assert.deepEqual(of({ ExitCode: 1 }), ['Exited', 'Error', 1, 0, ''])
  assert.deepEqual(of({ ExitCode: 137 }), ['Exited', 'Error', 137, 9, ''])
  assert.deepEqual(of({ ExitCode: 137, OOMKilled: true }), ['Exited', 'OOMKilled', 137, 9, ''])
  assert.deepEqual(
    of({
      ExitCode: 127,
      StartedAt: NEVER,
      FinishedAt: NEVER,
      Error: 'unable to start container process: exec: "x": not found: unknown',
    }),
    ['Exited', 'ContainerCannotRun', 127, 0, 'exec: "x": not found'],
  )
})

test('identity, labels and annotations come back as they were given', () => {
  const status = containerStatusOf(inspect({}), undefined)
  assert.deepEqual(status.metadata, { name: 'main', attempt: 3 })
  assert.equal(status.podSandboxId, 'box')
  assert.deepEqual(status.annotations, { note: 'y' })
  assert.equal(status.labels['app'], 'x')
  assert.equal(status.labels['io.kubernetes.pod.uid'], 'u')
  assert.ok(!Object.keys(status.labels).some((key) => key.startsWith('skiff.')))
})

test('what never was has no time; a start that failed has that of its creation', () => {
  const failed = containerStatusOf(
    inspect({ StartedAt: NEVER, FinishedAt: NEVER, ExitCode: 127, Error: 'x' }),
    undefined,
  )
  assert.deepEqual([failed.startedAtMs, failed.finishedAtMs], [failed.createdAtMs, failed.createdAtMs])
  assert.equal(containerStatusOf(inspect({ Running: true, FinishedAt: NEVER }), undefined).finishedAtMs, 0)
})

test('annotations may have any key', () => {
  const all = containerLabels(
    'c',
    pod,
    'box',
    { name: 'main', attempt: 0 },
    {},
    { 'skiff.x': '1', 'annotation.y': '2' },
  )
  assert.deepEqual(splitLabels(all).annotations, { 'skiff.x': '1', 'annotation.y': '2' })
})
