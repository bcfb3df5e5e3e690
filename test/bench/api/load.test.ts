import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { conformanceServer } from '../../conformance/server.ts'
import { runJob } from './load.ts'
import { podOf } from './sample-pod.ts'

const api = await conformanceServer()
after(() => api.close())
const target = { port: api.port, ca: api.pki.authorityCert, cert: api.pki.admin.cert, key: api.pki.admin.key }
await api.post('/api/v1/namespaces', { metadata: { name: 'bench' } })
const MAPS = '/api/v1/namespaces/bench/configmaps'
const map = (name: string) => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: {} })

test('the load creates, gets and lists over both protocols, and says so when an answer is no success', async () => {
  const common = { kind: 'rate', target, connections: 2, first: 0, modulo: 1000 } as const
  const made = await runJob({
    ...common,
    protocol: 'http/1.1',
    total: 6,
    method: 'POST',
    path: MAPS,
    body: map('map-#'),
  })
  assert.equal(made.count, 6)
  const got = await runJob({ ...common, protocol: 'h2', total: 4, method: 'GET', path: `${MAPS}/map-#` })
  assert.ok(got.sizeBytes > 100)
  const pages = await runJob({ kind: 'pages', target, path: `${MAPS}?limit=3`, rounds: 1 })
  assert.equal(pages.count, 2)
  await assert.rejects(
    runJob({ ...common, protocol: 'http/1.1', total: 1, method: 'GET', path: `${MAPS}/none` }),
    /answered with 404/,
  )
})

test('a sample pod is about 2 KiB', () => {
  const { length } = JSON.stringify(podOf(12_345, 5000))
  assert.ok(length > 1900 && length < 2300, String(length))
})

test('every update reaches every watcher, and each is counted once', async () => {
  await api.post(MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'watched-0' }, data: { n: '' } })
  const { resourceVersion } = (await api.get(MAPS)).body.metadata
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '#name' }, data: { n: '#n' } })
  const job = { kind: 'watch', target, watchers: 3, collection: MAPS, resourceVersion, perSecond: 0, body } as const
  const result = await runJob({ ...job, updates: 20, writers: 1 })
  assert.equal(result.count, 60)
})
