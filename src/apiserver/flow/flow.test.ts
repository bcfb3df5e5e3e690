// Priority and fairness: the decisions by themselves, then the server under a flood.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserInfo } from '../../api/wire.ts'
import { FakeClock } from '../../base/clock.ts'
import { parseRequestInfo } from '../request-info.ts'
import { openMemoryStore } from '../storage/memory.ts'
import type { Store } from '../storage/store.ts'
import { ADMIN, configMap, type TestApi, testApi } from '../test-api.ts'
import { dealtHand, FairQueues } from './fair-queues.ts'
import { FlowControl, Refused, type Ticket } from './flow-control.ts'
import { Pool, seatLimits } from './seats.ts'
import { maintainFlows } from './upkeep.ts'
import { workWidth } from './work-estimate.ts'

const FLOWS = '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas'
const LEVELS = '/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations'
const user = (name: string, ...groups: string[]): UserInfo => ({ name, groups: [...groups, 'system:authenticated'] })
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

async function flowControl(totalSeats = 600, width = 1) {
  const store = openMemoryStore()
  const clock = new FakeClock()
  let uid = 0
  await maintainFlows({ store, clock, newUid: () => `uid-${uid++}` })
  const flow = await FlowControl.open({ store, clock, totalSeats, widthOf: () => width })
  const enter = (who: UserInfo, method: 'GET' | 'POST' = 'GET', path = '/api/v1/namespaces/blue/pods') => {
    const query = new URLSearchParams()
    const signal = new AbortController().signal
    const request = { method, path, query, headers: {}, user: who, signal }
    return flow.enter(request, parseRequestInfo(method, path, query))
  }
  const levelOf = (ticket: unknown) => {
    const uid = (ticket as Ticket).headers['x-kubernetes-pf-prioritylevel-uid']
    return flow.state().levels.find((level) => level.uid === uid)?.name
  }
  return { flow, clock, enter, levelOf }
}

test('requests are placed as on a standard cluster', async () => {
  const { enter, levelOf } = await flowControl()
  const node = user('system:node:n1', 'system:nodes')
  const account = user('system:serviceaccount:blue:app', 'system:serviceaccounts', 'system:serviceaccounts:blue')
  const system = user('system:serviceaccount:kube-system:job-controller', 'system:serviceaccounts')
  const lease = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/l'
  assert.equal(levelOf(enter(user('root', 'system:masters'))), 'exempt')
  assert.equal(levelOf(enter(node)), 'system')
  assert.equal(levelOf(enter(node, 'GET', '/api/v1/nodes/n1')), 'node-high')
  assert.equal(levelOf(enter(node, 'GET', lease)), 'node-high')
  assert.equal(levelOf(enter(user('system:kube-scheduler'))), 'workload-high')
  assert.equal(levelOf(enter(user('system:kube-scheduler'), 'GET', lease)), 'leader-election')
  assert.equal(levelOf(enter(system)), 'workload-high')
  assert.equal(levelOf(enter(account)), 'workload-low')
  assert.equal(levelOf(enter(user('jane'))), 'global-default')
  assert.equal(levelOf(enter(user('jane'), 'GET', '/healthz')), 'exempt')
  assert.equal(levelOf(enter({ name: 'system:anonymous', groups: ['system:unauthenticated'] })), 'global-default')
  assert.equal(enter(user('jane'), 'POST', '/api/v1/namespaces/blue/pods/p/exec'), undefined)
})

test('a flow that floods its level waits, is refused with Retry-After, and does not hold up another flow or level', async () => {
  const { enter, flow } = await flowControl(60)
  const queues = flow.state().levels.find(({ name }) => name === 'global-default')!.queues
  const passed: Ticket[] = []
  const waiting: Promise<Ticket>[] = []
  for (let i = 0; i < 2000; i++) {
    const ticket = enter(user('flood'))
    if (ticket instanceof Promise) waiting.push(ticket)
    else passed.push(ticket!)
  }
  const settled = Promise.allSettled(waiting)
  await turn()
  // All it can have: its level's floor, and what all others may lend.
  assert.ok(passed.length < 60, String(passed.length))
  assert.equal(queues.waiting, 6 * 50, 'a hand of six queues of fifty')
  assert.ok(!(enter(user('system:node:n1', 'system:nodes')) instanceof Promise))
  assert.ok(!(enter(user('root', 'system:masters')) instanceof Promise))
  const other = enter(user('jane'))
  assert.ok(other instanceof Promise)
  let served = 0
  void other.then(() => served++)
  passed.pop()!.leave()
  for (let i = 0; i < 7 && served === 0; i++) {
    await turn()
    passed.pop()!.leave()
  }
  await turn()
  assert.equal(served, 1, 'the other flow is served among the first seven')
  for (const ticket of passed) ticket.leave()
  void settled
})

test('who waits too long is refused, and who goes away leaves the queue', async () => {
  const { enter, clock, flow } = await flowControl(10)
  const queues = flow.state().levels.find(({ name }) => name === 'global-default')!.queues
  const held: unknown[] = []
  let ticket = enter(user('jane'))
  while (!(ticket instanceof Promise)) {
    held.push(ticket)
    ticket = enter(user('jane'))
  }
  const refused = assert.rejects(ticket, (err) => err instanceof Refused && err.details?.retryAfterSeconds === 1)
  const gone = new AbortController()
  const path = '/api/v1/pods'
  const query = new URLSearchParams()
  const request = { method: 'GET', path, query, headers: {}, user: user('joe'), signal: gone.signal } as const
  const leaving = assert.rejects(async () => flow.enter(request, parseRequestInfo('GET', path, query)), /gone/)
  assert.equal(queues.waiting, 2)
  gone.abort(new Error('gone'))
  await leaving
  assert.equal(queues.waiting, 1)
  await clock.advance(15_000)
  await refused
  assert.equal(queues.waiting, 0)
})

test('seats are divided by shares; what may be lent is one pool, the rest is each level’s own', () => {
  const level = (nominalConcurrencyShares: number, lendablePercent: number, borrowingLimitPercent?: number) => ({
    type: 'Limited',
    limited: {
      nominalConcurrencyShares,
      lendablePercent,
      ...(borrowingLimitPercent === undefined ? {} : { borrowingLimitPercent }),
    },
  })
  const limits = seatLimits(
    new Map([
      ['a', level(30, 50)],
      ['b', level(10, 0, 100)],
    ]),
    40,
  )
  assert.deepEqual(limits.get('a'), { nominal: 30, floor: 15, most: 40 })
  assert.deepEqual(limits.get('b'), { nominal: 10, floor: 10, most: 20 })
  const pool = new Pool()
  pool.size = 15
  const [a, b] = [new FairQueues(pool, limits.get('a')!, undefined), new FairQueues(pool, limits.get('b')!, undefined)]
  const fill = (queues: FairQueues) => {
    let seats = 0
    while (queues.tryPass(1)) seats++
    return seats
  }
  assert.equal(fill(b), 20, 'its own ten, and as many again from the pool')
  assert.equal(fill(a), 20, 'its floor, and what is left in the pool')
  for (let i = 0; i < 20; i++) b.release(1)
  assert.equal(fill(a), 10, 'the pool is back')
  assert.equal(fill(b), 10, 'the floor was kept for it')
})

test('queues are served in turn by seats, so that a flow of wide requests gets no more than one of narrow ones', () => {
  const pool = new Pool()
  const queues = new FairQueues(
    pool,
    { nominal: 4, floor: 4, most: 4 },
    { queues: 2, handSize: 1, queueLengthLimit: 99 },
  )
  assert.ok(queues.tryPass(4))
  const flows = [0, 1].map(
    (index) => ['a', 'b', 'c', 'd', 'e'].find((flow) => dealtHand(`s\0${flow}`, 2, 1)[0] === index)!,
  )
  const seats = [0, 0]
  const running: number[] = []
  for (const [i, width] of [4, 1].entries()) {
    for (let n = 0; n < 40; n++) {
      const seated = () => {
        seats[i]! += width
        running.push(width)
      }
      queues.enqueue(width, seated, { schema: 's', distinguisher: flows[i]! } as never)
    }
  }
  queues.release(4)
  queues.dispatch()
  while (seats[0]! + seats[1]! < 40) {
    queues.release(running.shift()!)
    queues.dispatch()
  }
  assert.ok(Math.abs(seats[0]! - seats[1]!) <= 8, String(seats))
})

test('a hand has different cards, the same ones each time', () => {
  const hand = dealtHand('flow', 64, 8)
  assert.equal(new Set(hand).size, 8)
  assert.ok(hand.every((card) => card >= 0 && card < 64))
  assert.deepEqual(dealtHand('flow', 64, 8), hand)
  assert.notDeepEqual(dealtHand('other', 64, 8), hand)
})

test('a list takes seats by what it has to look at', () => {
  const width = (path: string, search = '') => {
    const query = new URLSearchParams(search)
    return workWidth(parseRequestInfo('GET', path, query), query, () => 450)
  }
  const pods = '/api/v1/pods'
  assert.equal(width(pods), 5)
  assert.equal(width(pods, 'limit=50'), 1)
  assert.equal(width(pods, 'limit=50&labelSelector=a'), 5)
  assert.equal(width('/api/v1/namespaces/a/pods/b'), 1)
  assert.equal(width(pods, 'watch=1'), 5)
  assert.equal(width(pods, 'watch=1&resourceVersion=7'), 1)
  assert.equal(width(pods, 'watch=1&resourceVersion=7&sendInitialEvents=true'), 5)
})

test('the default objects are kept as they are meant, unless they are said to be the users’', async () => {
  const api = await testApi()
  const settled = async () => {
    for (let i = 0; i < 20; i++) await turn()
  }
  assert.equal((await api.get(FLOWS)).body.items.length, 11)
  assert.equal((await api.get(LEVELS)).body.items.length, 8)
  const { body: schema } = await api.get(`${FLOWS}/system-nodes`)
  assert.deepEqual(
    schema.status.conditions.map(({ type, status, reason }: Record<string, string>) => [type, status, reason]),
    [['Dangling', 'False', 'Found']],
  )
  const shares = async (name: string) => (await api.get(`${LEVELS}/${name}`)).body.spec.limited.nominalConcurrencyShares
  const change = (name: string, body: object) => api.patch('merge', `${LEVELS}/${name}`, body)
  await change('system', { spec: { limited: { nominalConcurrencyShares: 99 } } })
  await settled()
  assert.equal(await shares('system'), 30)
  const mine = { metadata: { annotations: { 'apf.kubernetes.io/autoupdate-spec': 'false' } } }
  await change('system', { ...mine, spec: { limited: { nominalConcurrencyShares: 99 } } })
  await settled()
  assert.equal(await shares('system'), 99)
  await change('catch-all', { ...mine, spec: { limited: { nominalConcurrencyShares: 99 } } })
  await settled()
  assert.equal(await shares('catch-all'), 5, 'a mandatory one cannot be had')
  await api.delete(`${FLOWS}/exempt`)
  await settled()
  assert.equal((await api.get(`${FLOWS}/exempt`)).status, 200)
  const spec = { priorityLevelConfiguration: { name: 'nowhere' }, matchingPrecedence: 5 }
  await api.post(FLOWS, { metadata: { name: 'mine' }, spec })
  await settled()
  const { body: dangling } = await api.get(`${FLOWS}/mine`)
  assert.equal(dangling.status.conditions[0].status, 'True')
  assert.match(dangling.status.conditions[0].message, /named "nowhere" but there is no such object$/)
  await api.close()
})

/** A store whose writes of objects named `slow-…` last until they are let go. */
async function withSlowWrites(maxRequestsInFlight: number): Promise<{ api: TestApi; release: () => void }> {
  const held: (() => void)[] = []
  const memory = openMemoryStore()
  const store = new Proxy(memory, {
    get(target, property) {
      const value = Reflect.get(target, property, target)
      if (typeof value !== 'function') return value
      if (property !== 'write') return value.bind(target)
      return async (write: Parameters<Store['write']>[0]) => {
        if (write.key.includes('/slow-')) await new Promise<void>((resolve) => held.push(resolve))
        return target.write(write)
      }
    },
  })
  const api = await testApi({ store, maxRequestsInFlight })
  const release = () => {
    for (const resolve of held.splice(0)) resolve()
  }
  return { api, release }
}

test('with all of an ordinary user’s seats taken, nodes, leader election and administrators are answered at once', async () => {
  const { api, release } = await withSlowWrites(60)
  await api.post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'all' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:authenticated' }],
  })
  const maps = '/api/v1/namespaces/default/configmaps'
  const flood = Array.from({ length: 1000 }, (_, i) => api.post(maps, configMap(`slow-${i}`), { user: user('flood') }))
  await turn()
  const answered = async (who: UserInfo, url: string) => (await api.get(url, { user: who })).status
  assert.equal(await answered(ADMIN, maps), 200)
  assert.equal(await answered(user('system:node:n1', 'system:nodes'), '/api/v1/services'), 200)
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases'
  assert.notEqual(await answered(user('system:kube-scheduler'), `${leases}/kube-scheduler`), 429)
  assert.equal(await answered(user('flood'), '/healthz'), 200)
  const metrics = (await api.get('/metrics')).body as string
  assert.match(metrics, /apiserver_flowcontrol_current_inqueue_requests\{priority_level="global-default"\} 300/)
  assert.match(metrics, /rejected_requests_total\{flow_schema="global-default",.*reason="queue-full"\}/)
  for (let i = 0; i < 500; i++) {
    release()
    await turn()
  }
  const answers = await Promise.all(flood)
  const [refused] = answers.filter(({ status }) => status === 429)
  assert.equal(refused!.headers['retry-after'], '1')
  assert.equal(refused!.body.reason, 'TooManyRequests')
  assert.match(refused!.headers['x-kubernetes-pf-flowschema-uid']!, /./)
  assert.ok(answers.filter(({ status }) => status === 201).length >= 300)
  await api.close()
})
