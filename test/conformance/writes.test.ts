// What a write changes and what it must not: field ownership, generations, finalizers, preconditions, the status, compression, versions
// of HTTP.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { AppsV1Api } from '@kubernetes/client-node'
import { conformanceServer, type Json } from './server.ts'

const api = await conformanceServer()
after(() => api.close())
const MAPS = '/api/v1/namespaces/default/configmaps'
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'
const deployment = (name: string, more: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'app', image: 'nginx:1', ports: [{ containerPort: 80 }] }] },
    },
    ...more,
  },
})
const map = (name: string, data: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data })
const apply = (path: string, manager: string, body: object, force = false) =>
  api.patch('apply', `${path}?fieldManager=${manager}${force ? '&force=true' : ''}`, body)

test('apply creates, owns, conflicts, takes over and gives up', async () => {
  const made = await apply(`${MAPS}/owned`, 'one', map('owned', { a: '1', b: '1' }))
  assert.equal(made.status, 201)
  assert.equal((await apply(`${MAPS}/owned`, 'one', map('owned', { a: '1', b: '1' }))).status, 200)
  const refused = await apply(`${MAPS}/owned`, 'two', map('owned', { a: '2', c: '2' }))
  assert.equal(refused.status, 409)
  assert.equal(refused.body.reason, 'Conflict')
  assert.equal(refused.body.message, 'Apply failed with 1 conflict: conflict with "one": .data.a')
  assert.deepEqual(refused.body.details.causes, [
    { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' },
  ])
  const shared = await apply(`${MAPS}/owned`, 'two', map('owned', { b: '1', c: '2' }))
  assert.equal(shared.status, 200)
  const forced = await apply(`${MAPS}/owned`, 'two', map('owned', { a: '2', b: '1', c: '2' }), true)
  assert.deepEqual(forced.body.data, { a: '2', b: '1', c: '2' })
  const less = await apply(`${MAPS}/owned`, 'one', map('owned', {}))
  assert.deepEqual(less.body.data, { a: '2', b: '1', c: '2' }, 'what two owns stays')
  const none = await apply(`${MAPS}/owned`, 'two', map('owned', {}))
  assert.equal(none.body.data, undefined)
  const updated = await api.patch('merge', `${MAPS}/owned?fieldManager=three`, { data: { z: '3' } })
  assert.equal(updated.status, 200)
  const withUpdate = await apply(`${MAPS}/owned`, 'one', map('owned', { z: '1' }))
  assert.match(withUpdate.body.message, /conflict with "three" using v1: \.data\.z/)
  assert.equal((await api.patch('apply', `${MAPS}/owned`, map('owned'))).status, 422, 'apply needs a manager')
  const managed = { ...map('owned'), metadata: { name: 'owned', managedFields: [{ manager: 'x' }] } }
  assert.equal((await apply(`${MAPS}/owned`, 'one', managed)).status, 400)
})

test('apply merges lists by their keys', async () => {
  const path = `${DEPLOYMENTS}/merged`
  await apply(path, 'one', deployment('merged'))
  const side = deployment('merged')
  side.spec = {
    template: { spec: { containers: [{ name: 'side', image: 'side:1' }] } },
  } as never
  const { status, body } = await apply(path, 'two', side)
  assert.equal(status, 200, JSON.stringify(body))
  assert.deepEqual(
    body.spec.template.spec.containers.map((c: Json) => c.name),
    ['app', 'side'],
  )
  const one = await apply(path, 'one', deployment('merged', { replicas: 3 }))
  assert.equal(one.body.spec.template.spec.containers.length, 2)
  assert.equal(one.body.metadata.generation, 3)
  const scale = await api.patch('merge', `${path}/scale?fieldManager=scaler`, { spec: { replicas: 5 } })
  assert.equal(scale.body.spec.replicas, 5)
  const conflicts = await apply(path, 'one', deployment('merged', { replicas: 3 }))
  assert.equal(conflicts.status, 409)
  assert.match(
    conflicts.body.message,
    /conflict with "scaler" with subresource "scale" using apps\/v1: \.spec\.replicas/,
  )
})

test('the generation counts what is wanted, not what is said about it', async () => {
  const path = `${DEPLOYMENTS}/counted`
  const generation = async (answer: Promise<{ body: Json }>) => (await answer).body.metadata?.generation
  assert.equal(await generation(api.post(DEPLOYMENTS, deployment('counted'))), 1)
  assert.equal(await generation(api.patch('merge', path, { metadata: { labels: { a: 'b' } } })), 1)
  assert.equal(await generation(api.patch('merge', path, { spec: { replicas: 2 } })), 1)
  assert.equal(await generation(api.patch('merge', path, { spec: { replicas: 3 } })), 2)
  assert.equal(await generation(api.patch('merge', `${path}/status`, { status: { replicas: 3 } })), 2)
  const template = { spec: { template: { spec: { containers: [{ name: 'app', image: 'nginx:2' }] } } } }
  assert.equal(await generation(api.patch('strategic', path, template)), 3)
  assert.equal(await generation(api.patch('merge', path, { metadata: { generation: 77 } })), 3)
})

test('an empty selector is not the same as none', async () => {
  const path = '/apis/networking.k8s.io/v1/namespaces/default/networkpolicies'
  const policy = (from: object) => ({
    metadata: { name: 'np' },
    spec: { podSelector: {}, ingress: [{ from: [from] }] },
  })
  const selectors = { podSelector: {}, namespaceSelector: {} }
  const { body: made } = await api.post(path, policy(selectors))
  assert.deepEqual(made.spec.ingress[0].from, [selectors])
  const { body } = await api.put(`${path}/np`, policy({ podSelector: {} }))
  assert.deepEqual(body.spec.ingress[0].from, [{ podSelector: {} }])
  assert.equal(body.metadata.generation, 2)
})

test('a status is written through its endpoint only, and nothing else is there', async () => {
  const path = `${DEPLOYMENTS}/reported`
  const { body: made } = await api.post(DEPLOYMENTS, { ...deployment('reported'), status: { replicas: 9 } })
  assert.equal(made.status.replicas, undefined)
  await api.put(path, { ...made, status: { replicas: 9 } })
  assert.equal((await api.get(path)).body.status.replicas, undefined)
  const through = { ...made, spec: { ...made.spec, replicas: 7 }, status: { replicas: 4 } }
  const { status, body } = await api.put(`${path}/status`, through)
  assert.equal(status, 200, JSON.stringify(body))
  assert.deepEqual([body.spec.replicas, body.status.replicas], [2, 4])
  const entry = body.metadata.managedFields.find((m: Json) => m.subresource === 'status')
  assert.deepEqual(entry.fieldsV1, { 'f:status': { 'f:replicas': {} } })
})

test('what the server owns cannot be changed by anyone', async () => {
  const { body: made } = await api.post(MAPS, map('server', { a: '1' }))
  const forged = {
    ...made,
    metadata: {
      ...made.metadata,
      creationTimestamp: '2001-01-01T00:00:00Z',
      generation: 5,
      selfLink: '/x',
    },
    data: { a: '2' },
  }
  const { body } = await api.put(`${MAPS}/server`, forged)
  assert.equal(body.data.a, '2')
  for (const field of ['creationTimestamp', 'generation', 'selfLink', 'uid']) {
    assert.equal(body.metadata[field], made.metadata[field], field)
  }
  const doomed = { metadata: { deletionTimestamp: '2001-01-01T00:00:00Z', uid: 'another' } }
  const refused = await api.patch('merge', `${MAPS}/server`, doomed)
  assert.equal(refused.status, 422)
  assert.deepEqual(
    refused.body.details.causes.map((cause: Json) => cause.field),
    ['metadata.uid', 'metadata.deletionTimestamp'],
  )
  const clean = await api.put(`${MAPS}/server`, { ...body, metadata: { ...body.metadata, managedFields: [{}] } })
  assert.ok(!clean.body.metadata.managedFields?.length, 'an empty entry resets the field managers')
  const renamed = await api.patch('merge', `${MAPS}/server`, { metadata: { name: 'other' } })
  assert.equal(renamed.status, 400)
})

test('finalizers hold an object until the last is gone, and none is added meanwhile', async () => {
  const finalizers = ['example.com/a', 'example.com/b']
  await api.post(MAPS, { ...map('held', { a: '1' }), metadata: { name: 'held', finalizers } })
  const { body: marked } = await api.delete(`${MAPS}/held`)
  assert.ok(marked.metadata.deletionTimestamp)
  assert.equal(marked.metadata.deletionGracePeriodSeconds, 0)
  assert.equal((await api.delete(`${MAPS}/held`)).status, 200, 'a second delete is no error')
  assert.equal((await api.post(MAPS, map('held'))).status, 409)
  const more = { metadata: { finalizers: [...finalizers, 'example.com/c'] } }
  const refused = await api.patch('merge', `${MAPS}/held`, more)
  assert.equal(refused.status, 422)
  assert.match(
    refused.body.message,
    /metadata\.finalizers: Forbidden: no new finalizers can be added if the object is being deleted/,
  )
  assert.equal((await api.patch('merge', `${MAPS}/held`, { data: { a: '2' } })).body.data.a, '2')
  await api.patch('merge', `${MAPS}/held`, { metadata: { finalizers: ['example.com/b'] } })
  assert.equal((await api.get(`${MAPS}/held`)).status, 200)
  assert.equal((await api.patch('merge', `${MAPS}/held`, { metadata: { finalizers: null } })).status, 200)
  assert.equal((await api.get(`${MAPS}/held`)).status, 404)
})

test('propagation leaves its finalizer for the garbage collector', async () => {
  for (const [policy, finalizer] of [
    ['Orphan', 'orphan'],
    ['Foreground', 'foregroundDeletion'],
  ]) {
    await api.post(DEPLOYMENTS, deployment(finalizer!.toLowerCase()))
    const { body } = await api.delete(`${DEPLOYMENTS}/${finalizer!.toLowerCase()}`, { propagationPolicy: policy })
    assert.deepEqual(body.metadata.finalizers, [finalizer])
  }
  await api.post(DEPLOYMENTS, deployment('background'))
  const { body } = await api.delete(`${DEPLOYMENTS}/background`, { propagationPolicy: 'Background' })
  assert.deepEqual([body.kind, body.status, body.details.kind], ['Status', 'Success', 'deployments'])
})

test('generated names are tried again when taken, and immutable data stays', async () => {
  const names = new Set<string>()
  for (let i = 0; i < 20; i++) {
    const { status, body } = await api.post(MAPS, { metadata: { generateName: 'made-' } })
    assert.equal(status, 201)
    names.add(body.metadata.name)
  }
  assert.equal(names.size, 20)
  for (const name of names) assert.match(name, /^made-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
  await api.post(MAPS, { ...map('fixed', { a: '1' }), immutable: true })
  assert.equal((await api.patch('merge', `${MAPS}/fixed`, { data: { a: '2' } })).status, 422)
  assert.equal((await api.patch('merge', `${MAPS}/fixed`, { immutable: null })).status, 422)
  assert.equal((await api.patch('merge', `${MAPS}/fixed`, { metadata: { labels: { a: 'b' } } })).status, 200)
})

test('fields that may not change are named', async () => {
  await api.post(DEPLOYMENTS, deployment('immutable'))
  const selector = {
    spec: { selector: { matchLabels: { app: 'x' } }, template: { metadata: { labels: { app: 'x' } } } },
  }
  const { status, body } = await api.patch('merge', `${DEPLOYMENTS}/immutable`, selector)
  assert.equal(status, 422)
  assert.deepEqual(
    body.details.causes.map((c: Json) => c.field),
    ['spec.selector'],
  )
  assert.match(body.details.causes[0].message, /field is immutable/)
})

test('writers that race lose nothing', async () => {
  await api.post(MAPS, map('raced'))
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => api.patch('merge', `${MAPS}/raced`, { data: { [`k${i}`]: '1' } })),
  )
  assert.deepEqual([...new Set(answers.map((a) => a.status))], [200])
  assert.equal(Object.keys((await api.get(`${MAPS}/raced`)).body.data).length, 40)
  const { body: current } = await api.get(`${MAPS}/raced`)
  const puts = await Promise.all(
    Array.from({ length: 10 }, (_, i) => api.put(`${MAPS}/raced`, { ...current, data: { winner: String(i) } })),
  )
  assert.equal(puts.filter((p) => p.status === 200).length, 1)
  assert.equal(puts.filter((p) => p.status === 409).length, 9)
})

test('the official client scales through the subresource', async () => {
  const apps = api.config.makeApiClient(AppsV1Api)
  const name = 'scaled'
  await apps.createNamespacedDeployment({ namespace: 'default', body: deployment(name) })
  const scale = await apps.readNamespacedDeploymentScale({ name, namespace: 'default' })
  assert.equal(scale.status?.selector, 'app=scaled')
  scale.spec!.replicas = 4
  await apps.replaceNamespacedDeploymentScale({ name, namespace: 'default', body: scale })
  const after = await apps.readNamespacedDeployment({ name, namespace: 'default' })
  assert.equal(after.spec?.replicas, 4)
  assert.equal(after.metadata?.generation, 2)
  const negative = await api.patch('merge', `${DEPLOYMENTS}/${name}/scale`, { spec: { replicas: -1 } })
  assert.equal(negative.status, 422)
})

test('large answers are compressed, on HTTP/1.1 and on HTTP/2', async () => {
  await api.post(MAPS, map('large', { a: 'x'.repeat(300_000) }))
  const { headers, bytes } = await api.get(`${MAPS}/large`, { headers: { 'accept-encoding': 'gzip' } })
  assert.equal(headers['content-encoding'], 'gzip')
  assert.equal(JSON.parse(gunzipSync(bytes).toString()).data.a.length, 300_000)
  const session = api.http2()
  const stream = session.request({ ':path': `${MAPS}/large`, 'accept-encoding': 'gzip' })
  const answer = new Promise<Json>((resolve) => stream.on('response', resolve))
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  assert.deepEqual([(await answer)[':status'], (await answer)['content-encoding']], [200, 'gzip'])
  assert.equal(JSON.parse(gunzipSync(Buffer.concat(chunks)).toString()).metadata.name, 'large')
  const posted = session.request({ ':path': MAPS, ':method': 'POST', 'content-type': 'application/json' })
  posted.end(JSON.stringify(map('by-http2')))
  const status = await new Promise((resolve) => posted.on('response', (h) => resolve(h[':status'])))
  assert.equal(status, 201)
  session.close()
})
