// What a request looks like from outside: forms of answers, order of checks, dry runs, preconditions and the paths around resources.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, test } from 'node:test'
import { WebSocket } from 'ws'
import { decodeProtobuf, openEnvelope } from '../../src/api/schema/protobuf.ts'
import { structNamed } from '../../src/api/schema/tables.ts'
import { conformanceServer, type Json } from './server.ts'

const api = await conformanceServer()
after(() => api.close())
const MAPS = '/api/v1/namespaces/default/configmaps'
const PROTOBUF = 'application/vnd.kubernetes.protobuf'
const map = (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}) => ({
  metadata: { name, labels },
  data,
})
for (const name of ['a', 'b', 'c']) await api.post(MAPS, map(name, { name }, { set: 'one' }))
const accept = (type: string) => ({ headers: { accept: type } })
const message = (reply: { status: number; body: Json }) => [reply.status, reply.body.message]

test('metadata alone comes in protobuf too, one object, a list and in older clients’ version', async () => {
  const as = (kind: string, version = 'v1') => accept(`${PROTOBUF};as=${kind};v=${version};g=meta.k8s.io`)
  for (const version of ['v1', 'v1beta1']) {
    const one = await api.get(`${MAPS}/a`, as('PartialObjectMetadata', version))
    assert.equal(one.headers['content-type'], PROTOBUF)
    const envelope = openEnvelope(one.bytes)
    assert.deepEqual([envelope.apiVersion, envelope.kind], [`meta.k8s.io/${version}`, 'PartialObjectMetadata'])
    const object = decodeProtobuf(structNamed('meta.v1.PartialObjectMetadata'), envelope) as Json
    assert.equal(object.metadata.name, 'a')
    const many = openEnvelope((await api.get(MAPS, as('PartialObjectMetadataList', version))).bytes)
    const list = decodeProtobuf(structNamed('meta.v1.PartialObjectMetadataList'), many) as Json
    assert.deepEqual(
      list.items.map((item: Json) => item.metadata.name),
      ['a', 'b', 'c'],
    )
  }
})

test('errors come in the form that was asked for', async () => {
  const yaml = await api.get(`${MAPS}/none`, accept('application/yaml'))
  assert.deepEqual([yaml.status, yaml.headers['content-type']], [404, 'application/yaml'])
  assert.match(yaml.bytes.toString(), /^apiVersion: v1\ncode: 404\n/)
  const forbidden = await api.get(`${MAPS}/a`, { ...accept('application/yaml'), as: 'jane' })
  assert.deepEqual([forbidden.status, forbidden.headers['content-type']], [403, 'application/yaml'])
})

test('an answer of the wrong form is refused with what it would have been', async () => {
  const as = (kind: string) => accept(`application/json;as=${kind};v=v1;g=meta.k8s.io`)
  assert.deepEqual(message(await api.get(MAPS, as('PartialObjectMetadata'))), [
    406,
    'you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)',
  ])
  assert.deepEqual(message(await api.get(`${MAPS}/a`, as('PartialObjectMetadataList'))), [
    406,
    'you requested PartialObjectMetadataList, but the requested object is not a list (*core.ConfigMap)',
  ])
})

test('paths around resources', async () => {
  assert.equal((await api.get('/apis/none.example.com/v1/things')).bytes.toString(), '404 page not found\n')
  assert.deepEqual(message(await api.get('/api/v1/wombats')), [404, 'the server could not find the requested resource'])
  assert.equal((await api.get(`${MAPS}/a/status/more`)).status, 404)
  assert.equal((await api.get('/api/v1/namespaces/default/status/more')).status, 404)
  assert.equal((await api.get('/api/v1/watch/namespaces/default/configmaps/a/status')).status, 404)
  assert.deepEqual(message(await api.post('/api/v1/watch/namespaces/default/configmaps', {})), [
    405,
    'the server does not allow this method on the requested resource',
  ])
})

test('options are checked all at once, in their order', async () => {
  const long = 'x'.repeat(129)
  const { status, body } = await api.put(`${MAPS}/a?fieldManager=${long}&dryRun=Some&fieldValidation=Maybe`, map('a'))
  assert.deepEqual([status, body.details.kind, body.details.group], [422, 'UpdateOptions', 'meta.k8s.io'])
  assert.deepEqual(
    body.details.causes.map((cause: Json) => cause.field),
    ['fieldManager', 'dryRun', 'fieldValidation'],
  )
  const odd = await api.post(`${MAPS}?fieldManager=a%0Ab`, map('d'))
  assert.match(odd.body.message, /fieldManager: Invalid value: "a\\nb": invalid character U\+000A \(at position 1\)$/)
})

test('a write names the object it means', async () => {
  const missing = await api.put(`${MAPS}/a`, { data: {} })
  const undeterminable = 'the name of the object (a based on URL) was undeterminable: name must be provided'
  assert.deepEqual(message(missing), [400, undeterminable])
  assert.deepEqual(message(await api.patch('merge', `${MAPS}/a`, { metadata: { name: null } })), [400, undeterminable])
  assert.deepEqual(message(await api.patch('merge', `${MAPS}/a`, { metadata: { name: 'b' } })), [
    400,
    'the name of the object (b) does not match the name on the URL (a)',
  ])
  const another = await api.put(`${MAPS}/a`, { metadata: { name: 'a', uid: 'x' } })
  assert.equal(another.status, 409)
  assert.match(
    another.body.message,
    /: StorageError: invalid object, Code: 4, Key: .*\/a, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: x, UID in object meta: /,
  )
  const created = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'new', uid: 'x' } }
  const mismatch = await api.patch('apply', `${MAPS}/new?fieldManager=me`, created)
  assert.equal(mismatch.status, 409)
  assert.match(mismatch.body.message, /uid mismatch: the provided object specified uid x, and no existing object/)
  assert.equal((await api.post(`${MAPS}?dryRun=All`, { metadata: { name: 'e', resourceVersion: '0' } })).status, 201)
  assert.equal((await api.post(`${MAPS}?dryRun=All`, { metadata: { name: 'e', resourceVersion: '7' } })).status, 400)
})

test('some kinds are only updated from a known version', async () => {
  const path = '/apis/node.k8s.io/v1/runtimeclasses'
  const made = await api.post(path, { metadata: { name: 'quick' }, handler: 'quick' })
  assert.equal(made.status, 201)
  const { body } = await api.put(`${path}/quick`, { metadata: { name: 'quick' }, handler: 'quick' })
  assert.equal(
    body.message,
    'runtimeclasses.node.k8s.io "quick" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
  )
  assert.equal((await api.put(`${path}/quick`, made.body)).status, 200)
})

test('deleting a collection takes a page at a time', async () => {
  for (const name of ['p', 'q', 'r']) await api.post(MAPS, map(name, {}, { set: 'pages' }))
  const tried = await api.delete(`${MAPS}?labelSelector=set%3Dpages&limit=2&dryRun=All`)
  assert.deepEqual(
    tried.body.items.map((item: Json) => item.metadata.name),
    ['p', 'q'],
  )
  assert.ok(tried.body.metadata.continue)
  await api.delete(`${MAPS}?labelSelector=set%3Dpages&limit=2`)
  const { body } = await api.get(`${MAPS}?labelSelector=set%3Dpages`)
  assert.deepEqual(
    body.items.map((item: Json) => item.metadata.name),
    ['r'],
  )
  assert.equal((await api.delete(`${MAPS}?continue=abc`)).status, 400)
})

test('a watch from a revision that is still to come tells what happens after it', async () => {
  const { body: before } = await api.get(MAPS)
  const later = Number(before.metadata.resourceVersion) + 2
  const watch = await api.watch(`${MAPS}?resourceVersion=${later}`)
  for (const name of ['w1', 'w2', 'w3']) await api.post(MAPS, map(name))
  const first = await watch.next()
  assert.ok(Number(first.object.metadata.resourceVersion) > later)
  watch.stop()
  const far = await api.watch(
    `${MAPS}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=99999999`,
  )
  const { type, object } = await far.next()
  assert.deepEqual(
    [type, object.code, object.details.causes],
    ['ERROR', 504, [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }]],
  )
})

test('rules of lists and watches, in their order', async () => {
  const refused = async (query: string) => (await api.get(`${MAPS}?${query}`)).body.message
  assert.match(
    await refused('watch=1&resourceVersionMatch=Exact&resourceVersion=1'),
    /\[resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"\]$/,
  )
  assert.match(await refused('watch=1&continue=abc'), /resourceVersionMatch is forbidden when continue is provided$/)
  assert.match(
    await refused('resourceVersion=1&resourceVersionMatch=Bad&sendInitialEvents=true'),
    /\[resourceVersionMatch: Unsupported value: "Bad".*, sendInitialEvents: Forbidden/,
  )
  assert.equal(
    await refused('resourceVersion=99999999999999999999999'),
    'invalid resource version: resourceVersion: Invalid value: "99999999999999999999999": ' +
      'strconv.ParseUint: parsing "99999999999999999999999": value out of range',
  )
  assert.equal(await refused('limit='), 'strconv.ParseInt: parsing "": invalid syntax')
})

test('a watch over a WebSocket has a message for each event, and is refused like any other', async () => {
  const open = (query: string, protocols: string[] = []) =>
    new WebSocket(`wss://127.0.0.1:${api.port}${MAPS}?watch=true${query}`, protocols, {
      ca: api.pki.authorityCert,
      cert: api.pki.admin.cert,
      key: api.pki.admin.key,
    })
  const socket = open('&fieldSelector=metadata.name%3Da', ['v1.watch.example.com'])
  const [data, binary] = (await once(socket, 'message')) as [Buffer, boolean]
  const { type, object } = JSON.parse(data.toString()) as Json
  assert.deepEqual([binary, type, object.metadata.name, socket.protocol], [false, 'ADDED', 'a', 'v1.watch.example.com'])
  const following = once(socket, 'message')
  await api.patch('merge', `${MAPS}/a`, { data: { more: 'yes' } })
  const [next] = (await following) as [Buffer]
  assert.equal(JSON.parse(next.toString()).type, 'MODIFIED')
  const closed = once(socket, 'close')
  socket.close()
  await closed
  const refused = open('&labelSelector=!!')
  const [, response] = (await once(refused, 'unexpected-response')) as [unknown, { statusCode: number }]
  refused.on('error', () => undefined)
  assert.equal(response.statusCode, 400)
  refused.terminate()
  const ends = open('&timeoutSeconds=1&labelSelector=none')
  await once(ends, 'close')
})

test('a connection to a pod is refused for what is wrong with the pod before it is refused for being none', async () => {
  const PODS = '/api/v1/namespaces/default/pods'
  await api.post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } })
  const containers = ['a', 'b'].map((name) => ({ name, image: 'i' }))
  await api.post('/api/v1/nodes', {
    metadata: { name: 'n' },
    status: { addresses: [{ type: 'InternalIP', address: '127.0.0.1' }] },
  })
  await api.post(PODS, { metadata: { name: 'two' }, spec: { containers } })
  const exec = (query: string) => api.post(`${PODS}/two/exec?${query}`, {})
  assert.deepEqual(message(await exec('command=ls&stdout=1')), [400, 'pod two does not have a host assigned'])
  const target = { kind: 'Node', name: 'n' }
  await api.post(`${PODS}/two/binding`, { metadata: { name: 'two' }, target })
  assert.deepEqual(message(await exec('command=ls&stdout=1')), [
    400,
    'a container name must be specified for pod two, choose one of: [a b]',
  ])
  assert.deepEqual(message(await exec('command=ls&stdout=1&container=a')), [400, 'Upgrade request required'])
  assert.deepEqual(message(await api.post(`${PODS}/none/attach?stdout=1`, {})), [404, 'pods "none" not found'])
})
