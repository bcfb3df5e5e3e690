import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../api/kinds/pod.ts'
import type { ContainerStatus, PodSandbox } from '../cri/runtime.ts'
import { containerAnnotations, containerLabels } from './labels.ts'
import { type Action, type PlanInput, podPlan } from './plan.ts'

const NOW = 1_000_000
const pod = (spec: object = {}, metadata: object = {}, status: object = {}) =>
  ({
    metadata: { name: 'p', namespace: 'd', uid: 'u', ...metadata },
    spec: { restartPolicy: 'Always', containers: [{ name: 'a', image: 'i' }], ...spec },
    status,
  }) as unknown as Pod
const sandbox = (attempt = 0, state: PodSandbox['state'] = 'Ready') =>
  ({
    id: `s${attempt}`,
    metadata: { attempt },
    state,
    createdAtMs: attempt,
    ips: ['10.0.0.1'],
  }) as unknown as PodSandbox
const container = (name: string, more: Partial<ContainerStatus> & { attempt?: number } = {}) => {
  const { attempt = 0, ...rest } = more
  return {
    id: `${name}${attempt}`,
    podSandboxId: 's0',
    metadata: { name, attempt },
    state: 'Running',
    createdAtMs: attempt,
    startedAtMs: NOW - 5000,
    finishedAtMs: 0,
    exitCode: 0,
    labels: containerLabels(pod(), name),
    annotations: containerAnnotations(pod(), { name, image: 'i' }, attempt, undefined),
    ...rest,
  } as unknown as ContainerStatus
}
const exited = (name: string, exitCode: number, more: Parameters<typeof container>[1] = {}) =>
  container(name, { state: 'Exited', exitCode, finishedAtMs: NOW - 1000, ...more })

const input = (over: Partial<PlanInput> = {}): PlanInput => ({
  pod: pod(),
  gone: false,
  verdict: undefined,
  observed: { sandboxes: [sandbox()], containers: [] },
  busy: { sandbox: false, starting: new Set(), stopping: new Map() },
  stoppingSinceMs: undefined,
  notBeforeMs: new Map(),
  backoffs: new Map(),
  probes: { failed: new Map(), graceSeconds: new Map(), started: () => true },
  nowMs: NOW,
  ...over,
})
const show = (action: Action): string => {
  switch (action.type) {
    case 'runSandbox':
      return `sandbox ${action.attempt}${action.changed ? ' changed' : ''} [${action.then.map(show).join(', ')}]`
    case 'startContainer':
      return `start ${action.container.spec.name} ${action.attempt}`
    case 'stopContainer':
      return `stop ${action.id} ${action.graceMs}`
    case 'fail':
      return `fail ${action.verdict.reason}`
    default:
      return `${action.type} ${action.id}`
  }
}
const plan = (over: Partial<PlanInput>) => podPlan(input(over)).actions.map(show)
const withContainers = (...containers: ContainerStatus[]) => ({ sandboxes: [sandbox()], containers })
const none = { sandboxes: [], containers: [] }
const inits = (...names: [string, boolean?][]) =>
  names.map(([name, sidecar]) => ({ name, image: 'i', ...(sidecar ? { restartPolicy: 'Always' } : {}) }))

test('a new pod gets a sandbox, and what comes first in it is prepared at once', () => {
  assert.deepEqual(plan({ observed: none }), ['sandbox 0 [start a 0]'])
  const two = pod({ containers: [{ name: 'a' }, { name: 'b' }] })
  assert.deepEqual(plan({ observed: none, pod: two }), ['sandbox 0 [start a 0, start b 0]'])
  const init = pod({ initContainers: inits(['x'], ['y']) })
  assert.deepEqual(plan({ observed: none, pod: init }), ['sandbox 0 [start x 0]'])
  assert.deepEqual(plan({ observed: none, busy: { ...input().busy, sandbox: true } }), [])
  assert.deepEqual(plan({ observed: none, notBeforeMs: new Map([['', NOW + 500]]) }), [])
  assert.equal(podPlan(input({ observed: none, notBeforeMs: new Map([['', NOW + 500]]) })).wakeAtMs, NOW + 500)
})

test('what runs is left alone, what is missing is started, what is busy is waited for', () => {
  assert.deepEqual(plan({ observed: withContainers(container('a')) }), [])
  assert.deepEqual(plan({}), ['start a 0'])
  assert.deepEqual(plan({ busy: { ...input().busy, starting: new Set(['a']) } }), [])
})

test('init containers run one after the other, sidecars stay', () => {
  const p = pod({ initContainers: inits(['x'], ['s', true], ['y']) })
  const at = (...containers: ContainerStatus[]) => plan({ pod: p, observed: withContainers(...containers) })
  assert.deepEqual(at(), ['start x 0'])
  assert.deepEqual(at(container('x')), [])
  assert.deepEqual(at(exited('x', 0)), ['start s 0'])
  assert.deepEqual(at(exited('x', 0), container('s')), ['start y 0'])
  assert.deepEqual(at(exited('x', 0), container('s'), exited('y', 0)), ['start a 0'])
  assert.deepEqual(at(exited('x', 1)), ['start x 1'])
  // A sidecar that dies later is restarted, and does not take the others with it.
  assert.deepEqual(at(exited('x', 0), exited('s', 1), exited('y', 0), container('a')), ['start s 1'])
  const waiting = { pod: p, observed: withContainers(exited('x', 0), container('s')) }
  assert.deepEqual(plan({ ...waiting, probes: { ...input().probes, started: () => false } }), [])
})

test('a container that ended is restarted by its policy, after its back-off', () => {
  const at = (restartPolicy: string, code: number, over: Partial<PlanInput> = {}) =>
    plan({ pod: pod({ restartPolicy }), observed: withContainers(exited('a', code)), ...over })
  assert.deepEqual(at('Always', 0), ['start a 1'])
  assert.deepEqual(at('OnFailure', 1), ['start a 1'])
  assert.deepEqual(at('OnFailure', 0), ['stopSandbox s0'])
  assert.deepEqual(at('Never', 1), ['stopSandbox s0'])
  const backoffs = new Map([['a', { delayMs: 10_000, raisedAtMs: NOW - 20_000 }]])
  const waiting = podPlan(input({ backoffs, observed: withContainers(exited('a', 1)) }))
  assert.deepEqual(waiting.actions, [])
  assert.equal(waiting.wakeAtMs, NOW + 9000)
  assert.deepEqual([...waiting.crashLoops], [['a', { delayMs: 10_000, untilMs: NOW + 9000 }]])
})

test('the restart count goes on when the runtime has lost the container', () => {
  const status = { containerStatuses: [{ name: 'a', restartCount: 4, containerID: 'docker://x' }] }
  assert.deepEqual(plan({ pod: pod({}, {}, status) }), ['start a 5'])
})

test('a failed probe or another image replaces the container', () => {
  const failed = (which: 'liveness' | 'startup') => ({
    ...input().probes,
    failed: new Map([['a0', which]]),
  })
  const observed = withContainers(container('a'))
  const [stop] = podPlan(input({ observed, probes: failed('liveness') })).actions
  assert.equal(stop?.type === 'stopContainer' && stop.message, 'Container a failed liveness probe, will be restarted')
  const [never] = podPlan(input({ observed, probes: failed('startup'), pod: pod({ restartPolicy: 'Never' }) })).actions
  assert.equal(never?.type === 'stopContainer' && never.message, 'Container a failed startup probe')
  const own = { observed, probes: { ...failed('liveness'), graceSeconds: new Map([['a0', 3]]) } }
  assert.deepEqual(plan(own), ['stop a0 3000'])
  assert.deepEqual(plan({ observed, pod: pod({ containers: [{ name: 'a', image: 'other' }] }) }), ['stop a0 30000'])
})

test('a sandbox that died takes its containers with it and is made anew, unless all is done', () => {
  const dead = [sandbox(0, 'NotReady')]
  assert.deepEqual(plan({ observed: { sandboxes: dead, containers: [container('a')] } }), ['stop a0 30000'])
  assert.deepEqual(plan({ observed: { sandboxes: dead, containers: [exited('a', 137)] } }), [
    'sandbox 1 changed [start a 1]',
  ])
  const done = pod({ restartPolicy: 'OnFailure' })
  assert.deepEqual(plan({ pod: done, observed: { sandboxes: dead, containers: [exited('a', 0)] } }), [])
  // In a new sandbox the init containers run again.
  const p = pod({ initContainers: inits(['x']) })
  const past = { sandboxes: dead, containers: [exited('x', 0), exited('a', 137)] }
  assert.deepEqual(plan({ pod: p, observed: past }), ['sandbox 1 changed [start x 1]'])
})

test('a deleted pod stops its containers together, sidecars last and in reverse, within its grace period', () => {
  const p = pod(
    { initContainers: inits(['s', true], ['t', true]) },
    { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 10 },
  )
  const at = (containers: ContainerStatus[], over: Partial<PlanInput> = {}) =>
    podPlan(input({ pod: p, observed: withContainers(...containers), stoppingSinceMs: NOW, ...over }))
  const [s, t, a] = [container('s'), container('t'), container('a')]
  assert.deepEqual(at([s, t, a]).actions.map(show), ['stop a0 10000'])
  assert.deepEqual(at([s, t, exited('a', 0)]).actions.map(show), ['stop t0 10000'])
  assert.deepEqual(at([s, exited('t', 0)], { stoppingSinceMs: NOW - 4000 }).actions.map(show), ['stop s0 6000'])
  const all = [exited('s', 0), exited('t', 0), exited('a', 0)]
  assert.deepEqual([at(all).state, at(all).actions], ['stopped', []])
  assert.equal(at(all, { busy: { ...input().busy, starting: new Set(['x']) } }).state, 'stopping')
  // A shorter grace period overtakes the stop that is under way.
  const busy = (killAtMs: number) => ({ ...input().busy, stopping: new Map([['a0', killAtMs]]) })
  assert.deepEqual(at([a], { busy: busy(NOW + 10_000) }).actions, [])
  assert.deepEqual(at([a], { busy: busy(NOW + 60_000) }).actions.map(show), ['stop a0 10000'])
})

test('a pod that the API no longer has is stopped', () => {
  const over = { gone: true, observed: withContainers(container('a')) }
  assert.deepEqual(plan(over), ['stop a0 30000'])
})

test('a pod that runs past its deadline fails', () => {
  const p = pod({ activeDeadlineSeconds: 60 }, {}, { startTime: new Date(NOW - 60_000).toISOString() })
  assert.deepEqual(plan({ pod: p, observed: withContainers(container('a')) }), ['fail DeadlineExceeded'])
  const early = pod({ activeDeadlineSeconds: 90 }, {}, { startTime: new Date(NOW - 60_000).toISOString() })
  assert.equal(podPlan(input({ pod: early, observed: withContainers(container('a')) })).wakeAtMs, NOW + 30_000)
})

test('old attempts and sandboxes that nobody can ask for are removed', () => {
  const attempts = [
    exited('a', 1, { attempt: 0 }),
    exited('a', 1, { attempt: 1 }),
    exited('a', 1, { attempt: 2 }),
    container('a', { attempt: 3 }),
  ]
  assert.deepEqual(plan({ observed: withContainers(...attempts) }), ['removeContainer a1', 'removeContainer a0'])
  const observed = {
    sandboxes: [sandbox(0, 'NotReady'), sandbox(1)],
    containers: [container('a', { attempt: 1, podSandboxId: 's1' })],
  }
  assert.deepEqual(plan({ observed }), ['removeSandbox s0'])
})
