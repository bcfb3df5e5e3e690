import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { conflict, StatusError } from '../api/meta/errors.ts'
import type { KubeObject } from '../api/meta/object.ts'
import type { Pod } from '../api/types/core.v1.ts'
import type { WatchEvent } from '../api/wire.ts'
import { type Clock, FakeClock, systemClock } from '../base/clock.ts'
import type { Ctx } from '../base/ctx.ts'
import { silentLogger } from '../base/log.ts'
import { createClient } from '../client/api-client.ts'
import type { EventRecorder } from '../client/events.ts'
import { createCache } from '../client/informer-cache.ts'
import type { Transport, TransportRequest } from '../client/transport.ts'
import { SchedulerMetrics } from './metrics.ts'
import { runScheduler } from './scheduler.ts'
import { makeNode, makePod } from './test-cluster.ts'

/** As much of the API as scheduling meets: lists, watches, bindings, deletes, and status patches that merge conditions by type. */
class PodApi implements Transport {
  readonly #objects = new Map<string, KubeObject>()
  readonly #log: WatchEvent<KubeObject>[] = []
  readonly #waiting = new Set<() => void>()
  /** Called before each binding; what it throws is the answer. */
  onBinding: (pod: Pod) => void | Promise<void> = () => {}

  put<T extends KubeObject>(object: T): void {
    const key = `${object.kind} ${object.metadata.name}`
    const resourceVersion = String(this.#log.length + 1)
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion } }
    this.#log.push({ type: this.#objects.has(key) ? 'MODIFIED' : 'ADDED', object: stored })
    this.#objects.set(key, stored)
    this.wrote()
  }
  removePod(name: string): void {
    const object = this.#required(name)
    this.#objects.delete(`Pod ${name}`)
    const metadata = { ...object.metadata, resourceVersion: String(this.#log.length + 1) }
    this.#log.push({ type: 'DELETED', object: { ...object, metadata } })
    this.wrote()
  }
  pod(name: string): Pod | undefined {
    return this.#objects.get(`Pod ${name}`) as Pod | undefined
  }
  nodeOf(name: string): string | undefined {
    return this.pod(name)?.spec.nodeName
  }
  condition(name: string, type: string) {
    return this.pod(name)?.status?.conditions?.find((c) => c.type === type)
  }

  /** Resolves when it holds; looked at after everything that happens. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await this.#next()
  }
  wrote(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
  #next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve))
  }

  async request(_ctx: Ctx, request: TransportRequest): Promise<unknown> {
    const [, name = '', subresource] = /\/pods\/([^/]+)(?:\/(binding|status))?$/.exec(request.path) ?? []
    switch (`${request.method} ${subresource ?? ''}`.trim()) {
      case 'POST binding':
        return this.#bind(name, request)
      case 'PATCH status':
        return this.#patchStatus(name, request.body as Pod)
      case 'DELETE':
        return this.removePod(name)
      default: {
        const items = [...this.#objects.values()].filter((object) => isIn(object, request.path))
        return { metadata: { resourceVersion: String(this.#log.length) }, items }
      }
    }
  }

  async *watch(ctx: Ctx, request: TransportRequest): AsyncIterable<WatchEvent<object>> {
    const onAbort = () => this.wrote()
    ctx.signal.addEventListener('abort', onAbort)
    for (let at = Number(request.query?.get('resourceVersion')); ; ) {
      ctx.signal.throwIfAborted()
      const event = this.#log[at]
      if (!event) await this.#next()
      else {
        at++
        if (isIn(event.object, request.path)) yield event
      }
    }
  }
  async *stream(): AsyncIterable<Uint8Array> {}
  close(): void {}

  async #bind(name: string, { body }: TransportRequest): Promise<object> {
    const pod = this.#required(name)
    await this.onBinding(pod)
    const { target, metadata } = body as { target: { name: string }; metadata: { uid: string } }
    assert.equal(metadata.uid, pod.metadata.uid)
    if (pod.spec.nodeName) throw conflict({ group: '', resource: 'pods' }, name, 'pod is already assigned')
    this.put({ ...pod, spec: { ...pod.spec, nodeName: target.name } })
    return { kind: 'Status', apiVersion: 'v1', status: 'Success' }
  }

  #patchStatus(name: string, { status }: Pod): KubeObject {
    const pod = this.#required(name)
    const conditions = new Map(pod.status?.conditions?.map((c) => [c.type, c]))
    for (const condition of status?.conditions ?? []) conditions.set(condition.type, condition)
    const patched = { ...pod, status: { ...pod.status, ...status, conditions: [...conditions.values()] } }
    this.put(patched)
    return patched
  }

  #required(name: string): Pod {
    const pod = this.pod(name)
    if (!pod) throw new StatusError(404, 'NotFound', `pods "${name}" not found`)
    return pod
  }
}

const isIn = ({ kind }: KubeObject, collectionPath: string) => collectionPath.endsWith(`/${kind.toLowerCase()}s`)

function startScheduler(t: TestContext, clock: Clock = systemClock) {
  const api = new PodApi()
  const stop = new AbortController()
  const ctx = { signal: stop.signal, log: silentLogger }
  const client = createClient(api)
  const recorded: string[] = []
  const metrics = new SchedulerMetrics()
  const events: EventRecorder = {
    event(about, type, reason, message) {
      recorded.push(`${about.metadata.name}: ${type} ${reason} ${message}`)
      api.wrote()
    },
  }
  const start = () => {
    const cache = createCache(ctx, client, systemClock)
    const running = runScheduler(ctx, { client, cache, events, clock, metrics })
    t.after(async () => {
      stop.abort()
      await running
      await cache.stopped()
    })
    return running
  }
  return { api, recorded, metrics, stop, start }
}

test('thirty pods are bound quickly, spread over the nodes, while bindings overlap', async (t) => {
  const { api, recorded, start } = startScheduler(t)
  for (const name of ['a', 'b', 'c']) api.put(makeNode(name))
  for (let i = 0; i < 30; i++) api.put(makePod(`web-${i}`, { cpu: '100m' }))
  let [underWay, most] = [0, 0]
  api.onBinding = async () => {
    most = Math.max(most, ++underWay)
    await new Promise((resolve) => setImmediate(resolve))
    underWay--
  }
  const startMs = performance.now()
  void start()
  await api.until(() => recorded.length === 30)
  t.diagnostic(`30 pods in ${(performance.now() - startMs).toFixed(1)} ms, start included`)
  const nodes = Array.from({ length: 30 }, (_, i) => api.nodeOf(`web-${i}`))
  for (const name of ['a', 'b', 'c']) assert.equal(nodes.filter((n) => n === name).length, 10)
  assert.ok(most > 10, `${most} bindings at once`)
  assert.ok(recorded.includes(`web-0: Normal Scheduled Successfully assigned blue/web-0 to ${nodes[0]}`))
})

test('a pod that fits nowhere says why, once, and is bound as soon as a node comes', async (t) => {
  const { api, recorded, metrics, start } = startScheduler(t)
  void start()
  api.put(makePod('web', { cpu: '2' }))
  await api.until(() => api.condition('web', 'PodScheduled') !== undefined)
  const { status, reason, message } = api.condition('web', 'PodScheduled')!
  assert.deepEqual([status, reason, message], ['False', 'Unschedulable', 'no nodes available to schedule pods'])
  api.put(makeNode('small', { cpu: '1' }))
  await api.until(() => api.condition('web', 'PodScheduled')?.message !== message)
  const sentence =
    '0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: ' +
    '1 Preemption is not helpful for scheduling.'
  assert.equal(api.condition('web', 'PodScheduled')?.message, sentence)
  api.put(makeNode('large', { cpu: '4' }))
  await api.until(() => api.nodeOf('web') !== undefined && recorded.length === 3)
  assert.equal(api.nodeOf('web'), 'large')
  assert.deepEqual(recorded, [
    'web: Warning FailedScheduling no nodes available to schedule pods',
    `web: Warning FailedScheduling ${sentence}`,
    'web: Normal Scheduled Successfully assigned blue/web to large',
  ])
  const numbers = metrics.format()
  assert.match(numbers, /^scheduler_schedule_attempts_total\{result="unschedulable",profile="default-scheduler"\} 2$/m)
  assert.match(numbers, /^scheduler_schedule_attempts_total\{result="scheduled",profile="default-scheduler"\} 1$/m)
  assert.match(numbers, /^scheduler_pending_pods\{queue="unschedulable"\} 0$/m)
})

test('a pod that ends or goes makes room for one that waits', async (t) => {
  const { api, start } = startScheduler(t)
  api.put(makeNode('a', { cpu: '1' }))
  api.put(makePod('first', { cpu: '1', spec: { nodeName: 'a' } }))
  for (const name of ['second', 'third']) api.put(makePod(name, { cpu: '1' }))
  void start()
  await api.until(() => ['second', 'third'].every((name) => api.condition(name, 'PodScheduled')))
  api.put({ ...api.pod('first')!, status: { phase: 'Succeeded' } })
  await api.until(() => api.nodeOf('second') === 'a')
  api.removePod('second')
  await api.until(() => api.nodeOf('third') === 'a')
})

test('a refused binding gives the room back and is tried again after a second', async (t) => {
  const clock = new FakeClock()
  const { api, recorded, start } = startScheduler(t, clock)
  api.put(makeNode('a', { cpu: '1' }))
  api.onBinding = (pod) => {
    if (pod.metadata.name === 'first') throw new StatusError(500, 'InternalError', 'out of luck')
  }
  void start()
  api.put(makePod('first', { cpu: '1' }))
  await api.until(() => api.condition('first', 'PodScheduled') !== undefined)
  assert.equal(api.condition('first', 'PodScheduled')?.reason, 'SchedulerError')
  assert.deepEqual(recorded, ['first: Warning FailedScheduling binding rejected: out of luck'])
  api.put(makePod('second', { cpu: '600m' }))
  await api.until(() => api.nodeOf('second') === 'a')
  api.removePod('second')
  api.onBinding = () => {}
  while (!api.nodeOf('first')) await clock.advance(100)
  assert.ok(clock.now() - new FakeClock().now() >= 1_000)
})

test('a more important pod sends a lesser one away and takes its place', async (t) => {
  const { api, recorded, start } = startScheduler(t)
  api.put(makeNode('a', { cpu: '1' }))
  api.put(makePod('lesser', { cpu: '1', priority: 1, spec: { nodeName: 'a' } }))
  void start()
  api.put(makePod('urgent', { cpu: '1', priority: 1000 }))
  await api.until(() => api.nodeOf('urgent') === 'a' && recorded.length === 3)
  assert.equal(api.pod('lesser'), undefined)
  assert.equal(api.pod('urgent')?.status?.nominatedNodeName, 'a')
  assert.deepEqual(recorded.sort(), [
    `lesser: Normal Preempted Preempted by pod uid-urgent on node a`,
    'urgent: Normal Scheduled Successfully assigned blue/urgent to a',
    'urgent: Warning FailedScheduling 0/1 nodes are available: 1 Insufficient cpu.',
  ])
})

test('gated pods and those of other schedulers are left alone', async (t) => {
  const { api, start } = startScheduler(t)
  api.put(makeNode('a'))
  api.put(makePod('foreign', { spec: { schedulerName: 'mine' } }))
  const gated = makePod('gated', { spec: { schedulingGates: [{ name: 'example.com/quota' }] } })
  api.put(gated)
  void start()
  api.put(makePod('web'))
  await api.until(() => api.nodeOf('web') === 'a')
  assert.deepEqual([api.nodeOf('foreign'), api.nodeOf('gated')], [undefined, undefined])
  api.put({ ...gated, spec: { ...gated.spec, schedulingGates: [] } })
  await api.until(() => api.nodeOf('gated') === 'a')
})

test('the scheduler has stopped only when its bindings have ended', async (t) => {
  const { api, stop, start } = startScheduler(t)
  api.put(makeNode('a'))
  const reached = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  api.onBinding = async () => {
    reached.resolve()
    await release.promise
  }
  const running = start()
  api.put(makePod('web'))
  await reached.promise
  stop.abort()
  let stopped = false
  void running.then(() => {
    stopped = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(stopped, false)
  release.resolve()
  await running
  assert.equal(api.nodeOf('web'), 'a')
})
