import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../api/kinds/pod.ts'
import type { ContainerStatus, PodSandbox } from '../cri/runtime.ts'
import { podStatus, type StatusInput } from './status.ts'
import { statusPatch } from './status-patch.ts'

const NOW = Date.UTC(2026, 0, 1, 12)
const pod = (spec: object = {}, status: object = {}) =>
  ({
    metadata: { name: 'p', namespace: 'd', uid: 'u', generation: 3 },
    spec: { restartPolicy: 'Always', containers: [{ name: 'a', image: 'i' }], ...spec },
    status,
  }) as unknown as Pod
const sandbox = {
  id: 's0',
  metadata: { attempt: 0 },
  state: 'Ready',
  createdAtMs: 0,
  ips: ['10.0.0.5'],
} as unknown as PodSandbox
const container = (name: string, more: Partial<ContainerStatus> & { attempt?: number } = {}) => {
  const { attempt = 0, ...rest } = more
  return {
    id: `${name}${attempt}`,
    podSandboxId: 's0',
    metadata: { name, attempt },
    state: 'Running',
    createdAtMs: 0,
    startedAtMs: NOW - 5000,
    finishedAtMs: 0,
    exitCode: 0,
    signal: 0,
    reason: '',
    message: '',
    image: 'i:latest',
    imageRef: 'docker-pullable://i@sha256:1',
    ...rest,
  } as unknown as ContainerStatus
}
const exited = (name: string, exitCode: number, more: Parameters<typeof container>[1] = {}) =>
  container(name, { state: 'Exited', exitCode, finishedAtMs: NOW - 1000, ...more })
const status = (over: Partial<StatusInput> & { containers?: ContainerStatus[] } = {}) => {
  const { containers = [], ...rest } = over
  return podStatus({
    pod: pod(),
    observed: { sandboxes: [sandbox], containers },
    verdict: undefined,
    stopping: false,
    waiting: new Map(),
    crashLoops: new Map(),
    messages: new Map(),
    ready: () => true,
    started: () => true,
    hostIPs: ['192.168.0.1'],
    runtimeName: 'docker',
    startTime: '2026-01-01T11:59:00Z',
    nowMs: NOW,
    ...rest,
  })
}
const condition = (s: ReturnType<typeof status>, type: string) => s.conditions?.find((c) => c.type === type)

test('a running pod', () => {
  const s = status({ containers: [container('a')] })
  assert.equal(s.phase, 'Running')
  assert.equal(s.observedGeneration, 3)
  assert.deepEqual([s.podIP, s.podIPs, s.hostIP], ['10.0.0.5', [{ ip: '10.0.0.5' }], '192.168.0.1'])
  assert.deepEqual(
    s.conditions?.map((c) => [c.type, c.status]),
    [
      ['PodReadyToStartContainers', 'True'],
      ['Initialized', 'True'],
      ['Ready', 'True'],
      ['ContainersReady', 'True'],
      ['PodScheduled', 'True'],
    ],
  )
  const [a] = s.containerStatuses ?? []
  assert.deepEqual(a, {
    name: 'a',
    state: { running: { startedAt: '2026-01-01T11:59:55Z' } },
    lastState: {},
    ready: true,
    restartCount: 0,
    image: 'i:latest',
    imageID: 'docker-pullable://i@sha256:1',
    containerID: 'docker://a0',
    started: true,
  })
})

test('the phase follows the containers and the restart policy', () => {
  const phase = (restartPolicy: string, ...containers: ContainerStatus[]) =>
    status({ pod: pod({ restartPolicy, containers: [{ name: 'a' }, { name: 'b' }] }), containers }).phase
  assert.equal(phase('Always'), 'Pending')
  assert.equal(phase('Always', container('a')), 'Pending')
  assert.equal(phase('Always', container('a'), container('b')), 'Running')
  assert.equal(phase('Always', exited('a', 1), exited('b', 0)), 'Running')
  assert.equal(phase('Never', exited('a', 0), container('b')), 'Running')
  assert.equal(phase('Never', exited('a', 0), exited('b', 0)), 'Succeeded')
  assert.equal(phase('Never', exited('a', 0), exited('b', 1)), 'Failed')
  assert.equal(phase('OnFailure', exited('a', 0), exited('b', 1)), 'Running')
  assert.equal(phase('OnFailure', exited('a', 0), exited('b', 0)), 'Succeeded')
})

test('a pod that ran does not go back to Pending, and one that ended stays so', () => {
  assert.equal(status({ pod: pod({}, { phase: 'Running' }) }).phase, 'Running')
  assert.equal(status({ pod: pod({}, { phase: 'Failed' }), containers: [container('a')] }).phase, 'Failed')
})

test('an init container that failed for good fails the pod', () => {
  const p = pod({ restartPolicy: 'Never', initContainers: [{ name: 'x' }] })
  assert.equal(status({ pod: p, containers: [exited('x', 1)] }).phase, 'Failed')
  const again = status({ pod: pod({ initContainers: [{ name: 'x' }] }), containers: [exited('x', 1)] })
  assert.equal(again.phase, 'Pending')
  assert.equal(condition(again, 'Initialized')?.message, 'containers with incomplete status: [x]')
  assert.equal(again.containerStatuses?.[0]?.state?.waiting?.reason, 'PodInitializing')
})

test('a crash loop shows what ended as the last state', () => {
  const s = status({ containers: [exited('a', 2, { attempt: 3 })], crashLoops: new Map([['a', { delayMs: 40_000 }]]) })
  const [a] = s.containerStatuses ?? []
  assert.deepEqual(a?.state, {
    waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s restarting failed container=a pod=p_d(u)' },
  })
  assert.equal(a?.lastState?.terminated?.exitCode, 2)
  assert.equal(a?.restartCount, 3)
  assert.equal(condition(s, 'Ready')?.message, 'containers with unready status: [a]')
  assert.equal(s.phase, 'Running')
})

test('a container that ended says how, with its message', () => {
  const s = status({
    pod: pod({ restartPolicy: 'Never' }),
    containers: [exited('a', 137, { reason: 'OOMKilled', signal: 9 })],
    messages: new Map([['a0', 'out of it']]),
  })
  assert.deepEqual(s.containerStatuses?.[0]?.state?.terminated, {
    exitCode: 137,
    signal: 9,
    reason: 'OOMKilled',
    message: 'out of it',
    startedAt: '2026-01-01T11:59:55Z',
    finishedAt: '2026-01-01T11:59:59Z',
    containerID: 'docker://a0',
  })
})

test('readiness gates of others are part of being ready, and their conditions are kept', () => {
  const gate = { readinessGates: [{ conditionType: 'x.io/y' }] }
  const without = status({ pod: pod(gate), containers: [container('a')] })
  assert.deepEqual(
    [condition(without, 'Ready')?.reason, condition(without, 'Ready')?.message],
    ['ReadinessGatesNotReady', 'corresponding condition of pod readiness gate "x.io/y" does not exist.'],
  )
  const conditions = [{ type: 'x.io/y', status: 'True' }]
  const given = status({ pod: pod(gate, { conditions }), containers: [container('a')] })
  assert.equal(condition(given, 'Ready')?.status, 'True')
  assert.equal(condition(given, 'x.io/y')?.status, 'True')
})

test('the time of a condition is kept while it does not change', () => {
  const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: '2025-01-01T00:00:00Z' }]
  const same = status({ pod: pod({}, { conditions }), containers: [container('a')] })
  assert.equal(condition(same, 'Ready')?.lastTransitionTime, '2025-01-01T00:00:00Z')
  const other = status({ pod: pod({}, { conditions }), containers: [container('a')], ready: () => false })
  assert.equal(condition(other, 'Ready')?.lastTransitionTime, '2026-01-01T12:00:00Z')
})

test('restart counts and last states survive containers that the runtime has lost', () => {
  const lastState = { terminated: { exitCode: 1 } }
  const containerStatuses = [
    { name: 'a', restartCount: 5, containerID: 'docker://old', lastState, state: { running: {} } },
  ]
  const [lost] = status({ pod: pod({}, { containerStatuses }) }).containerStatuses ?? []
  assert.equal(lost?.restartCount, 5)
  assert.equal(lost?.lastState?.terminated?.reason, 'ContainerStatusUnknown')
  const [again] =
    status({ pod: pod({}, { containerStatuses }), containers: [container('a', { attempt: 5 })] }).containerStatuses ??
    []
  assert.deepEqual(again?.lastState, lastState)
})

test('a pod that was not admitted has a reason and no containers', () => {
  const s = status({ observed: { sandboxes: [], containers: [] }, verdict: { reason: 'OutOfcpu', message: 'full' } })
  assert.deepEqual([s.phase, s.reason, s.message, s.containerStatuses], ['Failed', 'OutOfcpu', 'full', undefined])
})

test('a patch has only what changed, conditions by type and addresses by ip', () => {
  const old = status({ containers: [container('a')] })
  assert.equal(statusPatch(old, structuredClone(old)), undefined)
  const next = status({
    pod: pod({}, old),
    containers: [container('a')],
    ready: () => false,
    observed: { sandboxes: [{ ...sandbox, ips: ['10.0.0.6'] }], containers: [container('a')] },
  })
  const patch = statusPatch(old, next)!
  assert.deepEqual(Object.keys(patch).sort(), [
    '$setElementOrder/conditions',
    'conditions',
    'containerStatuses',
    'podIP',
    'podIPs',
  ])
  assert.deepEqual(patch['podIPs'], [{ ip: '10.0.0.6' }, { $patch: 'delete', ip: '10.0.0.5' }])
  assert.deepEqual(
    (patch['conditions'] as { type: string }[]).map((c) => c.type),
    ['Ready', 'ContainersReady'],
  )
})
