// Smaller things that clients lean on: forms of answers, what a PUT may create, how pods end, what an old and a new client send, and
// how the server stops.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { CoreV1Api, Watch } from '@kubernetes/client-node'
import { conformanceServer, type Json } from './server.ts'

const api = await conformanceServer()
after(() => api.close())
const MAPS = '/api/v1/namespaces/default/configmaps'
const PODS = '/api/v1/namespaces/default/pods'
const TABLE = { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' } }
await api.post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } })
await api.post(MAPS, { metadata: { name: 'one' }, data: { a: '1' } })

test('JSON is indented for people, and for nobody else', async () => {
  const text = async (query: string, agent: string) =>
    (await api.get(`${MAPS}/one${query}`, { headers: { 'user-agent': agent } })).bytes.toString()
  assert.match(await text('', 'curl/8.5.0'), /^\{\n {2}"kind": "ConfigMap",\n|^\{\n {2}"apiVersion": "v1",\n/)
  assert.match(await text('?pretty=true', 'x'), /\n {2}"data": \{\n {4}"a": "1"\n/)
  assert.ok(!(await text('?pretty=false', 'curl/8.5.0')).includes('\n'))
  assert.ok(!(await text('', 'kubectl/v1.36.0')).includes('\n'))
})

test('a watch as a table says its columns once', async () => {
  const watch = await api.watch(`${MAPS}?fieldSelector=metadata.name%3Dtabled`, TABLE)
  await api.post(MAPS, { metadata: { name: 'tabled' } })
  await api.patch('merge', `${MAPS}/tabled`, { data: { a: '1', b: '2' } })
  const [first, second] = [await watch.next(), await watch.next()]
  watch.stop()
  assert.deepEqual(
    first.object.columnDefinitions.map((c: Json) => c.name),
    ['Name', 'Data', 'Age'],
  )
  assert.equal(second.object.columnDefinitions?.length ?? 0, 0)
  assert.deepEqual(second.object.rows[0].cells.slice(0, 2), ['tabled', 2])
})

test('a table carries as much of its objects as is asked for', async () => {
  const row = async (include: string) => (await api.get(`${MAPS}?includeObject=${include}`, TABLE)).body.rows[0]
  assert.equal((await row('None')).object ?? null, null)
  assert.equal((await row('Object')).object.kind, 'ConfigMap')
  assert.equal((await row('Metadata')).object.kind, 'PartialObjectMetadata')
  assert.equal((await api.get(`${MAPS}?includeObject=Half`, TABLE)).status, 400)
})

test('a PUT creates where the standard has it so', async () => {
  const lease = '/apis/coordination.k8s.io/v1/namespaces/default/leases/new'
  const body = { metadata: { name: 'new' }, spec: { holderIdentity: 'a' } }
  assert.equal((await api.put(lease, body)).status, 201)
  assert.equal((await api.put(lease, body)).status, 422, 'and then wants to know which version is meant')
  assert.equal((await api.put(`${MAPS}/new`, { metadata: { name: 'new' } })).status, 404)
})

test('a generated name fits, however long its beginning', async () => {
  const { status, body } = await api.post(MAPS, { metadata: { generateName: `${'x'.repeat(100)}-` } })
  assert.equal(status, 201)
  assert.match(body.metadata.name, /^x{58}[a-z0-9]{5}$/)
})

const pod = (name: string, spec: object = {}) => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
})

test('a pod ends at once where nothing runs, and in its own time where something does', async () => {
  await api.post(PODS, pod('unscheduled'))
  await api.delete(`${PODS}/unscheduled`)
  assert.equal((await api.get(`${PODS}/unscheduled`)).status, 404)
  await api.post(PODS, pod('running', { nodeName: 'n1' }))
  await api.patch('merge', `${PODS}/running/status`, { status: { phase: 'Running' } })
  const { body: first } = await api.delete(`${PODS}/running`)
  assert.equal(first.metadata.deletionGracePeriodSeconds, 30)
  const later = Date.parse(first.metadata.deletionTimestamp) - Date.now()
  assert.ok(later > 20_000 && later <= 31_000, `${later}`)
  const { body: longer } = await api.delete(`${PODS}/running`, { gracePeriodSeconds: 60 })
  assert.equal(longer.metadata.deletionGracePeriodSeconds, 30, 'a period is only shortened')
  const { body: shorter } = await api.delete(`${PODS}/running`, { gracePeriodSeconds: 5 })
  assert.equal(shorter.metadata.deletionGracePeriodSeconds, 5)
  const { body: last } = await api.delete(`${PODS}/running`, { gracePeriodSeconds: 0 })
  assert.equal(last.metadata.name, 'running')
  assert.equal((await api.get(`${PODS}/running`)).status, 404)
})

test('little of a pod changes once it exists', async () => {
  await api.post(PODS, pod('fixed', { activeDeadlineSeconds: 100 }))
  const patch = async (spec: object) => (await api.patch('strategic', `${PODS}/fixed`, { spec })).status
  assert.equal(await patch({ containers: [{ name: 'c', image: 'other' }] }), 200)
  assert.equal(await patch({ containers: [{ name: 'c', command: ['x'] }] }), 422)
  assert.equal(await patch({ nodeName: 'n2' }), 422)
  assert.equal(await patch({ activeDeadlineSeconds: 50 }), 200)
  assert.equal(await patch({ activeDeadlineSeconds: 200 }), 422)
  assert.equal(await patch({ tolerations: [{ key: 'more', operator: 'Exists' }] }), 200)
  const words = { containers: [{ name: 'c', image: 'i', imagePullPolicy: 'Sometimes' }] }
  const { status, body } = await api.post(PODS, pod('words', words))
  assert.equal(status, 422)
  assert.deepEqual(
    body.details.causes.map((c: Json) => c.field),
    ['spec.containers[0].imagePullPolicy'],
  )
})

test('a status is applied by whoever owns it', async () => {
  const path = '/apis/apps/v1/namespaces/default/deployments'
  const spec = {
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  }
  await api.post(path, { metadata: { name: 'd' }, spec })
  const status = { apiVersion: 'apps/v1', kind: 'Deployment', status: { readyReplicas: 1, replicas: 1 } }
  const { body } = await api.patch('apply', `${path}/d/status?fieldManager=controller`, status)
  assert.equal(body.status?.readyReplicas, 1, JSON.stringify(body))
  const entry = body.metadata.managedFields.find((m: Json) => m.manager === 'controller')
  assert.deepEqual([entry.operation, entry.subresource], ['Apply', 'status'])
  const absent = await api.patch('apply', `${path}/none/status?fieldManager=controller`, status)
  assert.equal(absent.status, 404)
  const unknown = { ...status, status: { wrong: 1 } }
  const strict = await api.patch('apply', `${path}/d/status?fieldManager=x&fieldValidation=Strict`, unknown)
  assert.equal(strict.status, 400)
})

test('requests of an unknown size, in pieces, and with a charset are read', async () => {
  const session = api.http2()
  const stream = session.request({
    ':path': MAPS,
    ':method': 'POST',
    'content-type': 'application/json; charset=utf-8',
  })
  const status = new Promise((resolve) => stream.on('response', (headers) => resolve(headers[':status'])))
  for (const part of ['{"metadata":', '{"name":"in-', 'pieces"}}']) {
    stream.write(part)
    await new Promise((resolve) => setImmediate(resolve))
  }
  stream.end()
  assert.equal(await status, 201)
  session.close()
})

test("the official client's watch is told of events and of its end", async () => {
  const seen: string[] = []
  let notify = () => {}
  const done = new Promise<void>((resolve, reject) => {
    new Watch(api.config)
      .watch(
        MAPS,
        { fieldSelector: 'metadata.name=watched', timeoutSeconds: 2 },
        (type, obj) => {
          seen.push(`${type} ${obj.metadata.name}`)
          notify()
        },
        () => resolve(),
      )
      .catch(reject)
  })
  const told = new Promise<void>((resolve) => {
    notify = resolve
  })
  const core = api.config.makeApiClient(CoreV1Api)
  await core.createNamespacedConfigMap({ namespace: 'default', body: { metadata: { name: 'watched' } } })
  await told
  assert.deepEqual(seen, ['ADDED watched'])
  await done
})

test('the server stops within seconds, whatever is still open', async () => {
  const other = await conformanceServer()
  const watches = await Promise.all(Array.from({ length: 20 }, () => other.watch(MAPS)))
  const session = other.http2()
  session.on('error', () => undefined)
  const half = session.request({ ':path': MAPS, ':method': 'POST' })
  half.on('error', () => undefined)
  half.write('{')
  const open = session.request({ ':path': `${MAPS}?watch=true` })
  open.on('error', () => undefined)
  await new Promise((resolve) => open.once('response', resolve))
  const ended = Promise.all(watches.map((watch) => watch.ended()))
  const began = performance.now()
  await other.close()
  assert.ok(performance.now() - began < 5000, `${performance.now() - began} ms`)
  await ended
  session.destroy()
})
