// Every way a request can be wrong, with the status, the reason and the details that clients act on. Nothing of it changes anything.
import assert from 'node:assert/strict'
import { after, afterEach, test } from 'node:test'
import { ApiException, CoreV1Api } from '@kubernetes/client-node'
import { conformanceServer, type Json, type Reply, type SendOptions } from './server.ts'

const api = await conformanceServer()
after(() => api.close())
await api.post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } })
const MAPS = '/api/v1/namespaces/default/configmaps'
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'
await api.post(MAPS, { metadata: { name: 'kept' }, data: { a: '1' } })
const before = await api.get('/api/v1/configmaps')

afterEach(async () => {
  const { body } = await api.get('/api/v1/configmaps')
  assert.deepEqual(body.items, before.body.items, 'a refused request changes nothing')
})

function assertStatus({ status, body, headers }: Reply, code: number, reason: string, message?: RegExp): Json {
  assert.equal(status, code, JSON.stringify(body))
  assert.equal(headers['content-type'], 'application/json')
  assert.deepEqual([body.kind, body.apiVersion, body.status, body.code], ['Status', 'v1', 'Failure', code])
  assert.equal(body.reason, reason)
  if (message) assert.match(body.message, message)
  return body.details
}

test('401: a token that is none', async () => {
  assertStatus(await api.get('/api', { token: 'nonsense' }), 401, 'Unauthorized', /^Unauthorized$/)
  const basic = { token: '', headers: { authorization: 'Bearer a.b.c' } }
  assertStatus(await api.get(MAPS, basic), 401, 'Unauthorized')
})

test('403: who, what and where it was not allowed', async () => {
  assertStatus(await api.get(MAPS, { token: '' }), 401, 'Unauthorized')
  const jane = { as: 'jane' }
  const list = await api.get(`${MAPS}/kept`, jane)
  const details = assertStatus(
    list,
    403,
    'Forbidden',
    /^configmaps "kept" is forbidden: User "jane" cannot get resource "configmaps" in API group "" in the namespace "default"$/,
  )
  assert.deepEqual(details, { name: 'kept', kind: 'configmaps' })
  assertStatus(
    await api.get('/api/v1/nodes', jane),
    403,
    'Forbidden',
    /cannot list resource "nodes" in API group "" at the cluster scope$/,
  )
  assertStatus(
    await api.delete(`${DEPLOYMENTS}/x`, undefined, jane),
    403,
    'Forbidden',
    /cannot delete resource "deployments" in API group "apps" in the namespace "default"$/,
  )
  assertStatus(await api.get('/metrics', jane), 403, 'Forbidden', /User "jane" cannot get path "\/metrics"$/)
})

test('404: an object, a kind, a group, a path', async () => {
  const details = assertStatus(await api.get(`${MAPS}/none`), 404, 'NotFound', /^configmaps "none" not found$/)
  assert.deepEqual(details, { name: 'none', kind: 'configmaps' })
  const inGroup = assertStatus(
    await api.get(`${DEPLOYMENTS}/none`),
    404,
    'NotFound',
    /^deployments.apps "none" not found$/,
  )
  assert.deepEqual(inGroup, { name: 'none', group: 'apps', kind: 'deployments' })
  for (const path of [
    '/api/v1/wombats',
    '/apis/apps/v9/deployments',
    '/apis/none.io/v1/things',
    `${MAPS}/kept/status`,
  ]) {
    const { status } = await api.get(path)
    assert.equal(status, 404, path)
  }
  for (const path of ['/nothing', '/api/v2', '/apis/none.io']) assert.equal((await api.get(path)).status, 404, path)
  assert.equal((await api.post('/api/v1/namespaces/none/configmaps', { metadata: { name: 'a' } })).status, 404)
  assert.equal((await api.put(`${MAPS}/none`, { metadata: { name: 'none' } })).status, 404)
  assert.equal((await api.patch('merge', `${MAPS}/none`, {})).status, 404)
  assert.equal((await api.delete(`${MAPS}/none`)).status, 404)
})

test('405: a method that a resource does not have', async () => {
  assertStatus(await api.post(`${MAPS}/kept`, {}), 405, 'MethodNotAllowed')
  assertStatus(await api.put(MAPS, {}), 405, 'MethodNotAllowed')
  assertStatus(await api.get('/apis/authentication.k8s.io/v1/tokenreviews'), 405, 'MethodNotAllowed')
  assertStatus(await api.delete('/api/v1/namespaces'), 405, 'MethodNotAllowed')
})

test('406: an encoding or a form that is not served', async () => {
  const accept = (type: string) => ({ headers: { accept: type } })
  assertStatus(await api.get(MAPS, accept('text/html')), 406, 'NotAcceptable')
  const table = 'application/json;as=Table;g=meta.k8s.io;v=v1'
  const review = { spec: { nonResourceAttributes: { path: '/', verb: 'get' } } }
  const SELF = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
  assertStatus(await api.post(SELF, review, accept(table)), 406, 'NotAcceptable')
  assertStatus(await api.get(MAPS, accept('application/json;as=Table;g=meta.k8s.io;v=v9')), 406, 'NotAcceptable')
  assert.equal((await api.get(MAPS, accept(`text/html, application/json;q=0.5`))).status, 200)
})

test('409: taken names, stale versions and unmet preconditions', async () => {
  const taken = assertStatus(
    await api.post(MAPS, { metadata: { name: 'kept' } }),
    409,
    'AlreadyExists',
    /^configmaps "kept" already exists$/,
  )
  assert.deepEqual(taken, { name: 'kept', kind: 'configmaps' })
  const stale = { metadata: { name: 'kept', resourceVersion: '1' }, data: { a: '2' } }
  assertStatus(
    await api.put(`${MAPS}/kept`, stale),
    409,
    'Conflict',
    /the object has been modified; please apply your changes to the latest version and try again$/,
  )
  const uid = { metadata: { name: 'kept', uid: 'another' }, data: { a: '2' } }
  assertStatus(await api.put(`${MAPS}/kept`, uid), 409, 'Conflict', /Precondition failed: UID in precondition: another/)
  const patch = { metadata: { resourceVersion: '1' }, data: { a: '2' } }
  assertStatus(await api.patch('merge', `${MAPS}/kept`, patch), 409, 'Conflict')
  assertStatus(await api.delete(`${MAPS}/kept`, { preconditions: { resourceVersion: '1' } }), 409, 'Conflict')
})

test('400: what cannot be understood', async () => {
  const post = (body: string, type = 'application/json') =>
    api.send('POST', MAPS, body, { headers: { 'content-type': type } })
  assertStatus(await post('{'), 400, 'BadRequest')
  assertStatus(await post('[]'), 400, 'BadRequest')
  assertStatus(await post('a: [', 'application/yaml'), 400, 'BadRequest')
  assertStatus(
    await post('{"kind":"Secret","apiVersion":"v1"}'),
    400,
    'BadRequest',
    /Secret in version "v1" cannot be handled as a ConfigMap/,
  )
  assertStatus(
    await post('{"apiVersion":"v2"}'),
    400,
    'BadRequest',
    /no kind "ConfigMap" is registered for version "v2" in scheme/,
  )
  assertStatus(
    await post('{"metadata":{"name":1}}'),
    400,
    'BadRequest',
    /cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string/,
  )
  const unknown = '{"metadata":{"name":"a"},"dat":{},"data":{"x":"1","x":"2"}}'
  const strict = await api.send('POST', `${MAPS}?fieldValidation=Strict`, unknown)
  assertStatus(strict, 400, 'BadRequest', /strict decoding error: unknown field "dat", duplicate field "data.x"/)
  const warned = await api.send('POST', `${MAPS}?dryRun=All`, unknown)
  assert.equal(warned.status, 201)
  assert.match(String(warned.headers['warning']), /299 - "unknown field \\"dat\\""/)
  const ignored = await api.send('POST', `${MAPS}?dryRun=All&fieldValidation=Ignore`, unknown)
  assert.equal(ignored.headers['warning'], undefined)
  assertStatus(
    await api.post(`${MAPS}?fieldValidation=Maybe`, {}),
    422,
    'Invalid',
    /^CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Maybe"/,
  )
  assertStatus(await api.patch('json', `${MAPS}/kept`, { a: 1 }), 400, 'BadRequest')
  const missing = [{ op: 'remove', path: '/data/none' }]
  assert.equal((await api.patch('json', `${MAPS}/kept`, missing)).status, 422)
  const failed = [{ op: 'test', path: '/data/a', value: 'x' }]
  assert.equal((await api.patch('json', `${MAPS}/kept`, failed)).status, 422)
  const elsewhere = { metadata: { name: 'a', namespace: 'kube-system' } }
  assertStatus(
    await api.post(MAPS, elsewhere),
    400,
    'BadRequest',
    /the namespace of the provided object does not match the namespace sent on the request/,
  )
})

test('413: a body over three mebibytes, in every encoding', async () => {
  const body = JSON.stringify({ metadata: { name: 'big' }, data: { a: 'x'.repeat(3 * 1024 * 1024) } })
  for (const type of ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf']) {
    assertStatus(
      await api.send('POST', MAPS, body, { headers: { 'content-type': type } }),
      413,
      'RequestEntityTooLarge',
    )
  }
  const secret = { metadata: { name: 'big' }, stringData: { a: 'x'.repeat(1024 * 1024 + 1) } }
  assertStatus(await api.post('/api/v1/namespaces/default/secrets', secret), 422, 'Invalid', /Too long/)
  const map = { metadata: { name: 'big' }, data: { a: 'x'.repeat(1024 * 1024 + 1) } }
  assertStatus(await api.post(MAPS, map), 422, 'Invalid', /Too long/)
})

test('415: a media type that is not read', async () => {
  const as = (type: string): SendOptions => ({ headers: { 'content-type': type } })
  assertStatus(await api.send('POST', MAPS, 'x', as('text/plain')), 415, 'UnsupportedMediaType')
  const patch = await api.send('PATCH', `${MAPS}/kept`, '{}', as('application/json'))
  assertStatus(patch, 415, 'UnsupportedMediaType', /^415: Unsupported Media Type$/)
  assertStatus(await api.send('PATCH', `${MAPS}/kept`, '{}', as(';;')), 415, 'UnsupportedMediaType')
  assertStatus(
    await api.send('POST', MAPS, '{}', as('none')),
    415,
    'UnsupportedMediaType',
    /accepted media types include: application\/json, /,
  )
})

test('422: every wrong field by its name', async () => {
  const deployment = {
    metadata: { name: 'Bad_Name', labels: { 'a b': 'c' } },
    spec: {
      replicas: -1,
      selector: { matchLabels: { app: 'x' } },
      template: { metadata: { labels: { app: 'y' } }, spec: { containers: [{ name: 'c' }], restartPolicy: 'Never' } },
    },
  }
  const details = assertStatus(
    await api.post(DEPLOYMENTS, deployment),
    422,
    'Invalid',
    /^Deployment.apps "Bad_Name" is invalid: \[/,
  )
  assert.deepEqual([details.name, details.group, details.kind], ['Bad_Name', 'apps', 'Deployment'])
  assert.deepEqual(details.causes.map((c: Json) => c.field).sort(), [
    'metadata.labels',
    'metadata.name',
    'spec.replicas',
    'spec.template.metadata.labels',
    'spec.template.spec.containers[0].image',
    'spec.template.spec.restartPolicy',
  ])
  const reasons = new Set(details.causes.map((c: Json) => c.reason))
  assert.deepEqual([...reasons].sort(), ['FieldValueInvalid', 'FieldValueNotSupported', 'FieldValueRequired'])
  assertStatus(
    await api.post(MAPS, { metadata: { name: 'empty-key' }, data: { '': 'x' } }),
    422,
    'Invalid',
    /a valid config key/,
  )
  const secret = { metadata: { name: 'empty-key' }, data: { '': 'eA==' } }
  assertStatus(await api.post('/api/v1/namespaces/default/secrets', secret), 422, 'Invalid', /a valid config key/)
  assertStatus(await api.post(MAPS, { data: {} }), 422, 'Invalid', /name or generateName is required/)
  assertStatus(await api.post(`${MAPS}?dryRun=Some`, { metadata: { name: 'a' } }), 422, 'Invalid')
  assertStatus(await api.delete(`${MAPS}/kept?propagationPolicy=Sideways`), 422, 'Invalid')
})

test('the official client turns a Status into an error with its code', async () => {
  const core = api.config.makeApiClient(CoreV1Api)
  await assert.rejects(core.readNamespacedConfigMap({ name: 'none', namespace: 'default' }), (err) => {
    assert.ok(err instanceof ApiException)
    assert.equal(err.code, 404)
    return JSON.parse(err.body as string).reason === 'NotFound'
  })
})

test('resources have no HEAD, OPTIONS or TRACE', async () => {
  for (const method of ['HEAD', 'OPTIONS', 'TRACE']) {
    assert.equal((await api.send(method, `${MAPS}/kept`)).status, 405, method)
  }
  assert.deepEqual((await api.send('HEAD', '/version')).bytes.length, 0)
})

test('the version has whole numbers, and health answers', async () => {
  const { body } = await api.get('/version', { token: '' })
  assert.match(body.major, /^\d+$/)
  assert.match(body.minor, /^\d+$/)
  for (const path of ['/livez', '/readyz', '/healthz']) {
    assert.equal((await api.get(path, { token: '' })).bytes.toString(), 'ok')
  }
  assert.match((await api.get('/readyz?verbose')).bytes.toString(), /\[\+\]ping ok\n/)
})
