import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { configMap, deployment, testApi } from '../test-api.ts'

const api = await testApi()
after(() => api.close())
const MAPS = '/api/v1/namespaces/default/configmaps'
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'

test('create gives the object its identity and answers 201', async () => {
  const { status, body } = await api.post(MAPS, {
    ...configMap('born', { a: '1' }),
    metadata: { name: 'born', uid: 'mine', generation: 9 },
  })
  assert.equal(status, 201)
  assert.notEqual(body.metadata.uid, 'mine')
  assert.equal(body.metadata.creationTimestamp, '2026-01-01T00:00:00Z')
  assert.match(body.metadata.resourceVersion, /^\d+$/)
  assert.equal(body.metadata.managedFields[0].manager, 'test')
})

test('a name is taken once', async () => {
  await api.post(MAPS, configMap('twice'))
  const { status, body } = await api.post(MAPS, configMap('twice'))
  assert.equal(status, 409)
  assert.equal(body.message, 'configmaps "twice" already exists')
  assert.equal(body.reason, 'AlreadyExists')
})

test('generateName completes the name', async () => {
  const { body } = await api.post(MAPS, { metadata: { generateName: 'job-' } })
  assert.match(body.metadata.name, /^job-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
})

test('nothing is created without a name, with a bad one, or in a namespace that is not there', async () => {
  const none = await api.post(MAPS, { metadata: {} })
  assert.equal(none.status, 422)
  assert.match(none.body.message, /metadata\.name: Required value: name or generateName is required/)
  const bad = await api.post(MAPS, configMap('Not_A_Name'))
  assert.equal(bad.status, 422)
  assert.equal(bad.body.details.causes[0].field, 'metadata.name')
  const nowhere = await api.post('/api/v1/namespaces/nope/configmaps', configMap('x'))
  assert.equal(nowhere.status, 404)
  assert.equal(nowhere.body.message, 'namespaces "nope" not found')
})

test('namespace and name of the body must be those of the URL', async () => {
  const other = await api.post(MAPS, configMap('x', {}, { namespace: 'kube-system' }))
  assert.equal(
    other.body.message,
    'the namespace of the provided object does not match the namespace sent on the request',
  )
  const renamed = await api.put(`${MAPS}/born`, configMap('reborn'))
  assert.equal(renamed.body.message, 'the name of the object (reborn) does not match the name on the URL (born)')
})

test('unknown fields are ignored, warned about, or refused, as the client wishes', async () => {
  const body = (name: string) => ({ ...configMap(name), wrong: 1 })
  const warned = await api.post(MAPS, body('warned'))
  assert.equal(warned.status, 201)
  assert.equal(warned.headers['warning'], '299 - "unknown field \\"wrong\\""')
  const ignored = await api.post(`${MAPS}?fieldValidation=Ignore`, body('ignored'))
  assert.equal(ignored.headers['warning'], undefined)
  const strict = await api.post(`${MAPS}?fieldValidation=Strict`, body('strict'))
  assert.equal(strict.status, 400)
  assert.match(strict.body.message, /strict decoding error: unknown field "wrong"/)
})

test('a dry run answers as if it were done and changes nothing', async () => {
  const before = api.store.revision
  const { status, body } = await api.post(`${MAPS}?dryRun=All`, configMap('dry'))
  assert.equal(status, 201)
  assert.ok(body.metadata.uid)
  assert.equal(api.store.revision, before)
  assert.equal((await api.post(`${MAPS}?dryRun=All`, configMap('born'))).status, 409)
  assert.equal((await api.delete(`${MAPS}/born?dryRun=All`)).status, 200)
  assert.equal((await api.get(`${MAPS}/born`)).status, 200)
  assert.equal((await api.post(`${MAPS}?dryRun=Some`, configMap('dry'))).status, 422)
})

test('an update decided on an old state is refused, one without a state overwrites', async () => {
  const { body: old } = await api.post(MAPS, configMap('raced'))
  const { body: newer } = await api.put(`${MAPS}/raced`, { ...old, data: { a: '1' } })
  assert.notEqual(newer.metadata.resourceVersion, old.metadata.resourceVersion)
  const late = await api.put(`${MAPS}/raced`, { ...old, data: { a: '2' } })
  assert.equal(late.status, 409)
  assert.equal(
    late.body.message,
    'Operation cannot be fulfilled on configmaps "raced": the object has been modified; please apply your changes to the latest version and try again',
  )
  assert.equal((await api.put(`${MAPS}/raced`, configMap('raced', { a: '3' }))).status, 200)
  const stranger = await api.put(`${MAPS}/raced`, configMap('raced', {}, { uid: 'another' }))
  assert.equal(stranger.status, 409)
  assert.match(stranger.body.message, /Precondition failed: UID in precondition: another/)
})

test('an update that changes nothing is not written', async () => {
  const { body: old } = await api.post(MAPS, configMap('same', { a: '1' }))
  await api.clock.advance(5000)
  const { body } = await api.put(`${MAPS}/same`, configMap('same', { a: '1' }))
  assert.equal(body.metadata.resourceVersion, old.metadata.resourceVersion)
})

test('updates of the object and of its status each leave the other alone, and only the former is a new generation', async () => {
  const { body: made } = await api.post(DEPLOYMENTS, { ...deployment('split'), status: { replicas: 5 } })
  assert.equal(made.status.replicas ?? 0, 0)
  assert.equal(made.metadata.generation, 1)
  const { body: viaSpec } = await api.put(`${DEPLOYMENTS}/split`, {
    ...made,
    spec: { ...made.spec, replicas: 3 },
    status: { replicas: 5 },
  })
  assert.equal(viaSpec.status.replicas ?? 0, 0)
  assert.equal(viaSpec.metadata.generation, 2)
  const { body: viaStatus } = await api.put(`${DEPLOYMENTS}/split/status`, {
    ...viaSpec,
    spec: { ...viaSpec.spec, replicas: 9 },
    status: { replicas: 2, observedGeneration: 2 },
  })
  assert.equal(viaStatus.spec.replicas, 3)
  assert.equal(viaStatus.status.replicas, 2)
  assert.equal(viaStatus.metadata.generation, 2)
  const { body: noted } = await api.patch('merge', `${DEPLOYMENTS}/split/status`, {
    metadata: { annotations: { a: 'b' } },
  })
  assert.equal(noted.metadata.annotations.a, 'b')
})

test('all four patch types change what they say and nothing else', async () => {
  await api.post(DEPLOYMENTS, deployment('patched'))
  const url = `${DEPLOYMENTS}/patched`
  await api.patch('merge', url, { spec: { replicas: 2 } })
  await api.patch('json', url, [{ op: 'add', path: '/metadata/labels', value: { tier: 'front' } }])
  await api.patch('strategic', url, {
    spec: { template: { spec: { containers: [{ name: 'side', image: 'busybox' }] } } },
  })
  const config = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'patched', labels: { owner: 'me' } },
  }
  const applied = await api.patch('apply', `${url}?fieldManager=me`, config)
  assert.equal(applied.status, 200)
  const { body } = await api.get(url)
  assert.equal(body.spec.replicas, 2)
  assert.deepEqual(body.metadata.labels, { tier: 'front', owner: 'me' })
  assert.deepEqual(body.spec.template.spec.containers.map((c: { name: string }) => c.name).sort(), ['app', 'side'])
})

test('apply creates, is silent when nothing is new, and conflicts over fields of others unless forced', async () => {
  const config = (replicas: number) => ({ ...deployment('applied'), spec: { ...deployment('applied').spec, replicas } })
  const url = (manager: string) => `${DEPLOYMENTS}/applied?fieldManager=${manager}`
  assert.equal((await api.patch('apply', url('one'), config(1))).status, 201)
  const before = (await api.get(`${DEPLOYMENTS}/applied`)).body.metadata.resourceVersion
  await api.clock.advance(2000)
  const again = await api.patch('apply', url('one'), config(1))
  assert.equal(again.body.metadata.resourceVersion, before)
  const conflict = await api.patch('apply', url('two'), config(4))
  assert.equal(conflict.status, 409)
  assert.equal(conflict.body.details.causes[0].field, '.spec.replicas')
  const forced = await api.patch('apply', `${url('two')}&force=true`, config(4))
  assert.equal(forced.body.spec.replicas, 4)
  assert.equal((await api.patch('apply', `${DEPLOYMENTS}/applied`, config(1))).status, 422)
})

test('a patch is tried again when somebody else was quicker, unless it names the state it means', async () => {
  await api.post(MAPS, configMap('busy', {}))
  const url = `${MAPS}/busy`
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => api.patch('merge', url, { data: { [`k${i}`]: 'v' } })),
  )
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
  assert.equal(Object.keys((await api.get(url)).body.data).length, 20)
  const stale = await api.patch('merge', url, { metadata: { resourceVersion: '1' }, data: { x: 'y' } })
  assert.equal(stale.status, 409)
})

test('patches that cannot be applied, and unknown patch types, are refused', async () => {
  assert.equal((await api.patch('merge', `${MAPS}/none`, { data: {} })).status, 404)
  const wrongType = await api.patch('merge', `${DEPLOYMENTS}/applied`, { spec: { replicas: 'many' } })
  assert.equal(wrongType.status, 422)
  const unknown = await api.request('PATCH', `${MAPS}/busy`, {}, { headers: { 'content-type': 'text/plain' } })
  assert.equal(unknown.status, 415)
  const renamed = await api.patch('merge', `${MAPS}/busy`, { metadata: { name: 'lazy' } })
  assert.equal(renamed.status, 400)
})

test('scale reads and sets the one number', async () => {
  await api.post(DEPLOYMENTS, deployment('sized', 2))
  const { body: scale } = await api.get(`${DEPLOYMENTS}/sized/scale`)
  assert.equal(scale.kind, 'Scale')
  assert.deepEqual([scale.spec.replicas, scale.status.selector], [2, 'app=sized'])
  const { body: larger } = await api.put(`${DEPLOYMENTS}/sized/scale`, { ...scale, spec: { replicas: 6 } })
  assert.equal(larger.spec.replicas, 6)
  assert.equal((await api.get(`${DEPLOYMENTS}/sized`)).body.spec.replicas, 6)
  assert.equal((await api.put(`${DEPLOYMENTS}/sized/scale`, scale)).status, 409)
  const negative = await api.patch('merge', `${DEPLOYMENTS}/sized/scale`, { spec: { replicas: -1 } })
  assert.equal(negative.status, 422)
  assert.match(negative.body.message, /Scale\.autoscaling "sized" is invalid: spec\.replicas: Invalid value: -1/)
})

test('a method that a resource does not have is a 405', async () => {
  assert.equal((await api.post('/api/v1/configmaps', configMap('x'))).status, 405)
  assert.equal((await api.get('/apis/authentication.k8s.io/v1/tokenreviews')).status, 405)
  assert.equal((await api.delete('/api/v1/namespaces/default/configmaps/born/status')).status, 404)
})

test('what cannot be written names the field as Kubernetes does', async () => {
  await api.post(DEPLOYMENTS, deployment('typed'))
  const patched = await api.patch('strategic', `${DEPLOYMENTS}/typed`, { spec: { replicas: 'many' } })
  assert.equal(patched.status, 422)
  assert.match(
    patched.body.message,
    /patch: Invalid value: "map\[spec:map\[replicas:many\]\]": cannot convert string to int32/,
  )
  const { spec, ...rest } = deployment('unselected')
  const unselected = await api.post(DEPLOYMENTS, { ...rest, spec: { ...spec, selector: undefined } })
  assert.deepEqual(
    unselected.body.details.causes.map((cause: { field: string }) => cause.field),
    ['spec.selector', 'spec.template.metadata.labels'],
  )
  const large = await api.post(MAPS, configMap('large', { a: 'x'.repeat(1 << 20), b: 'x' }))
  assert.equal(large.body.message, 'ConfigMap "large" is invalid: []: Too long: may not be more than 1048576 bytes')
})

test('answers about a deprecated kind carry its warning', async () => {
  const { headers } = await api.get('/api/v1/namespaces/default/endpoints')
  assert.equal(
    headers['warning'],
    '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"',
  )
})
