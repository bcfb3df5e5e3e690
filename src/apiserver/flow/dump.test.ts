// What priority and fairness shows of itself, and that a level which is changed while requests wait in it is served by its new limits.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserInfo } from '../../api/wire.ts'
import { openMemoryStore } from '../storage/memory.ts'
import type { Store } from '../storage/store.ts'
import { configMap, testApi } from '../test-api.ts'

const DUMP = '/debug/api_priority_and_fairness/dump_'
const LEVELS = '/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations'
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const jane: UserInfo = { name: 'jane', groups: ['system:authenticated'] }

/** Rows by column. */
function table(text: string): Record<string, string>[] {
  const [head, ...rows] = text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/,\s*/))
  return rows.map((row) => Object.fromEntries(row.map((cell, at) => [head![at]!, cell])))
}

async function flooded() {
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
  const api = await testApi({ store, maxRequestsInFlight: 60 })
  await api.post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'jane' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' }],
  })
  const maps = '/api/v1/namespaces/default/configmaps'
  assert.equal((await api.get(`${DUMP}priority_levels`, { user: jane })).status, 403, 'not for everybody')
  const flood = Array.from({ length: 100 }, (_, i) => api.post(maps, configMap(`slow-${i}`), { user: jane }))
  await turn()
  const end = async () => {
    let open = true
    void Promise.all(flood).then(() => {
      open = false
    })
    for (let i = 0; i < 300 && open; i++) {
      for (const resolve of held.splice(0)) resolve()
      await turn()
    }
    await api.close()
  }
  const page = async (name: string) => table((await api.get(`${DUMP}${name}`)).body)
  const level = async () =>
    (await page('priority_levels')).find((row) => row['PriorityLevelName'] === 'global-default')!
  return { api, flood, end, page, level }
}

test('the pages show levels, queues and who waits', async () => {
  const { end, page, level } = await flooded()
  const row = await level()
  assert.equal(Number(row['WaitingRequests']) + Number(row['ExecutingRequests']), 100)
  assert.equal(Number(row['DispatchedRequests']), Number(row['ExecutingRequests']) + 1, 'one has been answered')
  assert.equal(row['IsIdle'], 'false')
  const queues = await page('queues')
  assert.equal(String(queues.length), row['ActiveQueues'])
  const pending = queues.reduce((sum, queue) => sum + Number(queue['PendingRequests']), 0)
  assert.equal(String(pending), row['WaitingRequests'])
  const requests = await page('requests?includeRequestDetails=1')
  assert.equal(String(requests.length), row['WaitingRequests'])
  const { ArriveTime, QueueIndex, ...first } = requests[0]!
  assert.match(ArriveTime!, /^\d{4}-.*Z$/)
  assert.equal(QueueIndex, queues[0]!['Index'])
  assert.deepEqual(first, {
    PriorityLevelName: 'global-default',
    FlowSchemaName: 'global-default',
    RequestIndexInQueue: '0',
    FlowDistingsher: 'jane',
    InitialSeats: '1',
    FinalSeats: '0',
    AdditionalLatency: '0s',
    UserName: 'jane',
    Verb: 'create',
    APIPath: '/api/v1/namespaces/default/configmaps',
    Namespace: 'default',
    Name: '',
    APIVersion: 'v1',
    Resource: 'configmaps',
    SubResource: '',
  })
  await end()
})

test('a level that is given more while requests wait lets more of them in', async () => {
  const { api, end, level } = await flooded()
  const before = Number((await level())['ExecutingRequests'])
  const annotations = { 'apf.kubernetes.io/autoupdate-spec': 'false' }
  await api.patch('merge', `${LEVELS}/global-default`, {
    metadata: { annotations },
    spec: { limited: { nominalConcurrencyShares: 2000, lendablePercent: 0 } },
  })
  await turn()
  const after = Number((await level())['ExecutingRequests'])
  assert.ok(after > before, `${before} → ${after}`)
  await end()
})
