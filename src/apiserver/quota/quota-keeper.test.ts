import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { silentLogger } from '../../base/log.ts'
import { NO_SETTINGS } from '../admission/plugin-choice.ts'
import { openLevelStore } from '../storage/leveldb.ts'
import { configMap, pod, type TestApi, testApi, withDefaultAccount } from '../test-api.ts'

const NS = '/api/v1/namespaces/default'
let api: TestApi
beforeEach(async () => {
  api = await testApi()
  await withDefaultAccount(api)
})
afterEach(() => api.close())

const quota = (hard: object, more: object = {}, name = 'q') =>
  api.post(`${NS}/resourcequotas`, { metadata: { name }, spec: { hard, ...more } })

/** Statuses follow in the same turns of the event loop as the writes that change them. */
async function used(name = 'q'): Promise<Record<string, string>> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
  return (await api.get(`${NS}/resourcequotas/${name}`)).body.status.used
}
const sized = (name: string, requests: object, limits: object = requests) =>
  pod(name, { containers: [{ name: 'app', image: 'i', resources: { requests, limits } }] })

test('a quota shows at once what is used, and follows every create and delete', async () => {
  await api.post(`${NS}/configmaps`, configMap('before'))
  const hard = { configmaps: '3', secrets: '2', services: '2', resourcequotas: '1' }
  await quota(hard)
  // The API's own Service is there from the start.
  const start = { configmaps: '1', secrets: '0', services: '1', resourcequotas: '1' }
  assert.deepEqual(await used(), start)
  assert.deepEqual((await api.get(`${NS}/resourcequotas/q`)).body.status.hard, hard)
  await api.post(`${NS}/configmaps`, configMap('a'))
  await api.post(`${NS}/secrets`, { metadata: { name: 's' } })
  await api.post(`${NS}/services`, { metadata: { name: 'web' }, spec: { ports: [{ port: 80 }] } })
  assert.deepEqual(await used(), { ...start, configmaps: '2', secrets: '1', services: '2' })
  await api.delete(`${NS}/configmaps/a`)
  await api.delete(`${NS}/secrets/s`)
  await api.delete(`${NS}/services/web`)
  assert.deepEqual(await used(), start)
})

test('a pod beyond the bound is refused with the sums, and deleting another makes room', async () => {
  await quota({ pods: '2', 'requests.cpu': '1', 'requests.example.com/gpu': '3' })
  const gpu = { cpu: '500m', 'example.com/gpu': '2' }
  assert.equal((await api.post(`${NS}/pods`, sized('one', gpu))).status, 201)
  assert.deepEqual(await used(), { pods: '1', 'requests.cpu': '500m', 'requests.example.com/gpu': '2' })
  const refused = await api.post(`${NS}/pods`, sized('two', gpu))
  assert.equal(refused.status, 403)
  assert.equal(
    refused.body.message,
    'pods "two" is forbidden: exceeded quota: q, requested: requests.example.com/gpu=2, used: requests.example.com/gpu=2, limited: requests.example.com/gpu=3',
  )
  assert.equal(
    (await api.post(`${NS}/pods`, pod('vague'))).body.message,
    'pods "vague" is forbidden: failed quota: q: must specify requests.cpu for: app',
  )
  assert.deepEqual(await used(), { pods: '1', 'requests.cpu': '500m', 'requests.example.com/gpu': '2' })
  await api.delete(`${NS}/pods/one?gracePeriodSeconds=0`)
  assert.deepEqual(await used(), { pods: '0', 'requests.cpu': '0', 'requests.example.com/gpu': '0' })
  assert.equal((await api.post(`${NS}/pods`, sized('two', gpu))).status, 201)
})

test('64 writers at once never exceed a bound, and what fails is given back', async () => {
  await quota({ pods: '20', 'count/configmaps': '10' })
  const creates = Array.from({ length: 64 }, (_, i) => [
    api.post(`${NS}/pods`, pod(`p${i}`)),
    api.post(`${NS}/configmaps`, configMap(`c${i % 16}`)),
  ]).flat()
  const statuses = (await Promise.all(creates)).map(({ status }) => status)
  const pods = (await api.get(`${NS}/pods`)).body.items.length
  const maps = (await api.get(`${NS}/configmaps`)).body.items.length
  assert.deepEqual([pods, maps], [20, 10])
  assert.equal(statuses.filter((status) => status === 201).length, 30)
  assert.deepEqual(await used(), { pods: '20', 'count/configmaps': '10' })
  await api.delete(`${NS}/configmaps`)
  assert.deepEqual(await used(), { pods: '20', 'count/configmaps': '0' })
})

test('the bound holds on a database too, whose writes take their time', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'quota-'))
  const store = await openLevelStore({ log: silentLogger }, dir)
  const durable = await testApi({ store })
  try {
    const q = { metadata: { name: 'q' }, spec: { hard: { configmaps: '100' } } }
    await durable.post(`${NS}/resourcequotas`, q)
    let next = 0
    const statuses: number[] = []
    const writer = async () => {
      while (next < 200) statuses.push((await durable.post(`${NS}/configmaps`, configMap(`c${next++}`))).status)
    }
    await Promise.all(Array.from({ length: 64 }, writer))
    assert.equal(statuses.filter((status) => status === 201).length, 100)
    assert.equal((await durable.get(`${NS}/configmaps`)).body.items.length, 100)
  } finally {
    await durable.server.close()
    await store.close()
    rmSync(dir, { recursive: true })
  }
})

test('a dry run is refused like the real thing and charges nothing', async () => {
  await quota({ configmaps: '1' })
  assert.equal((await api.post(`${NS}/configmaps?dryRun=All`, configMap('a'))).status, 201)
  assert.deepEqual(await used(), { configmaps: '0' })
  await api.post(`${NS}/configmaps`, configMap('a'))
  assert.equal((await api.post(`${NS}/configmaps?dryRun=All`, configMap('b'))).status, 403)
  assert.equal((await api.post(`${NS}/configmaps`, configMap('a'))).status, 403)
  assert.deepEqual(await used(), { configmaps: '1' })
})

test('scopes keep pods apart, and an ended pod no longer counts', async () => {
  await quota({ pods: '5' }, { scopes: ['BestEffort'] }, 'best-effort')
  await quota({ pods: '5' }, { scopes: ['NotBestEffort'] }, 'not-best-effort')
  await quota({ pods: '5' }, { scopes: ['Terminating'] }, 'terminating')
  const counts = async () =>
    Promise.all(['best-effort', 'not-best-effort', 'terminating'].map(async (name) => (await used(name))['pods']))
  await api.post(`${NS}/pods`, pod('plain'))
  assert.deepEqual(await counts(), ['1', '0', '0'])
  await api.post(`${NS}/pods`, sized('sized', { cpu: '1' }))
  await api.post(`${NS}/pods`, pod('timed', { activeDeadlineSeconds: 60 }))
  assert.deepEqual(await counts(), ['2', '1', '1'])
  await api.patch('merge', `${NS}/pods/plain/status`, { status: { phase: 'Succeeded' } })
  assert.deepEqual(await counts(), ['1', '1', '1'])
})

test('a resize is charged for what it adds, and kept within the limits of the namespace', async () => {
  await quota({ 'requests.cpu': '1' })
  await api.post(`${NS}/pods`, sized('a', { cpu: '400m' }))
  const resize = (cpu: string) =>
    api.patch('strategic', `${NS}/pods/a/resize`, {
      spec: { containers: [{ name: 'app', resources: { requests: { cpu }, limits: { cpu } } }] },
    })
  assert.equal((await resize('900m')).status, 200)
  assert.deepEqual(await used(), { 'requests.cpu': '900m' })
  const beyond = await resize('1100m')
  assert.equal(beyond.status, 403)
  assert.match(beyond.body.message, /exceeded quota: q, requested: requests\.cpu=200m, used: requests\.cpu=900m/)
  const limits = [{ type: 'Container', min: { cpu: '300m' } }]
  await api.post(`${NS}/limitranges`, { metadata: { name: 'bounds' }, spec: { limits } })
  assert.match((await resize('200m')).body.message, /minimum cpu usage per Container is 300m, but request is 200m/)
  assert.equal((await resize('300m')).status, 200)
  assert.deepEqual(await used(), { 'requests.cpu': '300m' })
})

test('a changed bound counts from then on, also for kinds that it did not count before', async () => {
  await quota({ pods: '1' })
  await api.post(`${NS}/pods`, pod('a'))
  await api.patch('merge', `${NS}/resourcequotas/q`, { spec: { hard: { pods: '2', 'count/serviceaccounts': '9' } } })
  assert.deepEqual(await used(), { pods: '1', 'count/serviceaccounts': '1' })
  assert.equal((await api.post(`${NS}/pods`, pod('b'))).status, 201)
  assert.equal((await api.post(`${NS}/pods`, pod('c'))).status, 403)
})

test('Services count their node ports when they get them, by update too', async () => {
  await quota({ 'services.nodeports': '1' })
  const service = (name: string, type: string) =>
    api.post(`${NS}/services`, { metadata: { name }, spec: { type, ports: [{ port: 80 }] } })
  assert.equal((await service('a', 'NodePort')).status, 201)
  assert.equal((await service('b', 'NodePort')).status, 403)
  assert.equal((await service('c', 'ClusterIP')).status, 201)
  const grown = await api.patch('merge', `${NS}/services/c`, { spec: { type: 'NodePort' } })
  assert.match(grown.body.message, /exceeded quota: q, requested: services\.nodeports=1, used: services\.nodeports=1/)
  await api.patch('merge', `${NS}/services/a`, { spec: { type: 'ClusterIP' } })
  assert.deepEqual(await used(), { 'services.nodeports': '0' })
})

test('a status that somebody else wrote is put right, and a quota may be deleted', async () => {
  await quota({ configmaps: '1' })
  await api.patch('merge', `${NS}/resourcequotas/q/status`, { status: { used: { configmaps: '7' } } })
  assert.deepEqual(await used(), { configmaps: '0' })
  await api.delete(`${NS}/resourcequotas/q`)
  for (const name of ['a', 'b']) assert.equal((await api.post(`${NS}/configmaps`, configMap(name))).status, 201)
})

test('what the configuration calls limited needs a quota', async () => {
  const limited = { resource: 'pods', matchScopes: [{ scopeName: 'PriorityClass', operator: 'In', values: ['top'] }] }
  const strict = await testApi({
    admission: {
      ...NO_SETTINGS,
      configurations: { ResourceQuota: [limited, { resource: 'configmaps', matchContains: ['count/'] }] },
    },
  })
  await withDefaultAccount(strict)
  await strict.post('/apis/scheduling.k8s.io/v1/priorityclasses', { metadata: { name: 'top' }, value: 1 })
  assert.equal(
    (await strict.post(`${NS}/pods`, pod('a', { priorityClassName: 'top' }))).body.message,
    'pods "a" is forbidden: insufficient quota to match these scopes: [{PriorityClass In [top]}]',
  )
  assert.equal((await strict.post(`${NS}/pods`, pod('a'))).status, 201)
  assert.equal(
    (await strict.post(`${NS}/configmaps`, configMap('a'))).body.message,
    'configmaps "a" is forbidden: insufficient quota to consume: count/configmaps',
  )
  await strict.post(`${NS}/resourcequotas`, { metadata: { name: 'q' }, spec: { hard: { 'count/configmaps': '5' } } })
  assert.equal((await strict.post(`${NS}/configmaps`, configMap('a'))).status, 201)
  await strict.close()
})

test('what is wrong with a quota itself is told by field', async () => {
  const table: [object, RegExp][] = [
    [{ hard: { podz: '1' } }, /spec\.hard\[podz\]: Invalid value: "podz": must be a standard resource for quota/],
    [{ hard: { pods: '1500m' } }, /spec\.hard\[pods\]: Invalid value: "1500m": must be an integer/],
    [{ hard: { pods: '-1' } }, /must be greater than or equal to 0/],
    [{ hard: { cpu: '1' }, scopes: ['BestEffort'] }, /unsupported scope applied to resource/],
    [{ hard: { pods: '1' }, scopes: ['BestEffort', 'NotBestEffort'] }, /conflicting scopes/],
    [
      { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In' }] } },
      /must be at least one value when `operator` is 'In' or 'NotIn'/,
    ],
  ]
  for (const [spec, why] of table) {
    const refused = await api.post(`${NS}/resourcequotas`, { metadata: { name: 'bad' }, spec })
    assert.equal(refused.status, 422)
    assert.match(refused.body.message, why)
  }
})
