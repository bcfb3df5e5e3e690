// Who owns the fields that admission changes, what becomes of managed fields that it spoils, and what many configurations at once do.
import assert from 'node:assert/strict'
import { after, afterEach, it } from 'node:test'
import { configMap, type Json, testApi } from '../../test-api.ts'
import { type Answering, type TestWebhook, testWebhook } from '../../webhooks/test-webhook.ts'

const api = await testApi()
const GROUP = '/apis/admissionregistration.k8s.io/v1'
const MAPS = '/api/v1/namespaces/default/configmaps'
const open: TestWebhook[] = []
afterEach(async () => {
  for (const kind of ['mutating', 'validating']) await api.delete(`${GROUP}/${kind}webhookconfigurations`)
  for (const one of open.splice(0)) await one.close()
  await api.delete(MAPS)
})
after(() => api.close())

async function served(answering: Answering): Promise<TestWebhook> {
  const server = await testWebhook(answering)
  open.push(server)
  return server
}
const configuration = (name: string, server: TestWebhook, labels: object = {}) => ({
  metadata: { name, labels },
  webhooks: [
    {
      name: `${name}.example.com`,
      clientConfig: { url: `https://127.0.0.1:${server.port}/`, caBundle: server.caBundle },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE', 'UPDATE'] }],
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
    },
  ],
})
const answer = (review: Json, more: object) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid: review.request.uid, allowed: true, ...more },
})
const patch = (review: Json, operations: object[]) =>
  answer(review, { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') })
const owners = ({ metadata }: Json) => metadata.managedFields.map(({ manager, fieldsV1 }: Json) => [manager, fieldsV1])

it('what a webhook adds has no owner, neither in a create nor in an update nor in an apply', async () => {
  const server = await served((review) => patch(review, [{ op: 'add', path: '/data/added', value: 'x' }]))
  await api.post(`${GROUP}/mutatingwebhookconfigurations`, configuration('adds', server))
  const made = await api.post(`${MAPS}?fieldManager=me`, configMap('one', { own: 'a' }))
  assert.deepEqual(made.body.data, { own: 'a', added: 'x' })
  const mine = { 'f:data': { '.': {}, 'f:own': {} } }
  assert.deepEqual(owners(made.body), [['me', mine]])
  const changed = await api.patch('merge', `${MAPS}/one?fieldManager=me`, { data: { own: 'b', added: null } })
  assert.deepEqual(changed.body.data, { own: 'b', added: 'x' })
  assert.deepEqual(owners(changed.body), [['me', mine]])
  const configured = { apiVersion: 'v1', kind: 'ConfigMap', data: { applied: 'c' } }
  const applied = await api.patch('apply', `${MAPS}/two?fieldManager=applier`, configured)
  assert.deepEqual(applied.body.data, { applied: 'c', added: 'x' })
  assert.deepEqual(owners(applied.body), [['applier', { 'f:data': { 'f:applied': {} } }]])
})

it('managed fields that a webhook spoils are put back, and the client is told', async () => {
  const spoil = [{ op: 'replace', path: '/metadata/managedFields/0/operation', value: 'Wrong' }]
  const server = await served((review) => patch(review, spoil))
  await api.post(`${GROUP}/mutatingwebhookconfigurations`, configuration('spoils', server))
  const made = await api.post(`${MAPS}?fieldManager=me`, configMap('one', { own: 'a' }))
  assert.equal(made.status, 201)
  assert.equal(made.body.metadata.managedFields[0].operation, 'Update')
  assert.match(
    String(made.headers.warning),
    /managedFields was in an invalid state after admission; .*: operation must be `Apply` or `Update`/,
  )
})

for (const kind of ['mutating', 'validating'] as const) {
  it(`ten ${kind} configurations are listed by their label, all heeded, and gone with one deletecollection`, async () => {
    const path = `${GROUP}/${kind}webhookconfigurations`
    const labels = { 'e2e-list': kind }
    for (let i = 0; i < 10; i++) {
      const server = await served((review) =>
        kind === 'mutating'
          ? patch(review, [{ op: 'add', path: `/data/hook-${i}`, value: 'yes' }])
          : answer(review, { allowed: !review.request.object.data.bad }),
      )
      const made = await api.post(path, configuration(`hook-${i}`, server, labels))
      assert.equal(made.status, 201, JSON.stringify(made.body))
    }
    const listed = await api.get(`${path}?labelSelector=e2e-list%3D${kind}`)
    assert.equal(listed.body.items.length, 10)
    const first = await api.post(MAPS, configMap('first', { bad: 'yes' }))
    if (kind === 'mutating') assert.equal(Object.keys(first.body.data).length, 11)
    else assert.equal(first.status, 400)
    await api.delete(`${path}?labelSelector=e2e-list%3D${kind}`)
    assert.equal((await api.get(path)).body.items.length, 0)
    const second = await api.post(MAPS, configMap('second', { bad: 'yes' }))
    assert.equal(second.status, 201)
    assert.deepEqual(second.body.data, { bad: 'yes' })
  })
}

for (const [failurePolicy, timeoutSeconds, status] of [
  ['Fail', 1, 500],
  ['Ignore', 1, 201],
  ['Fail', 10, 201],
  // k8s: ten seconds unless the configuration says otherwise
  ['Fail', undefined, 201],
] as const) {
  const name = `slow-${failurePolicy.toLowerCase()}-${timeoutSeconds ?? 'default'}`
  it(`${name}: a webhook that takes five seconds makes it ${status}`, async () => {
    let [asked, answered] = [() => {}, () => {}]
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve
    })
    const mayAnswer = new Promise<void>((resolve) => {
      answered = resolve
    })
    const server = await served(async (review) => {
      asked()
      await mayAnswer
      return answer(review, {})
    })
    const wanted = configuration('slow', server)
    Object.assign(wanted.webhooks[0]!, { failurePolicy, ...(timeoutSeconds ? { timeoutSeconds } : {}) })
    await api.post(`${GROUP}/validatingwebhookconfigurations`, wanted)
    const making = api.post(MAPS, configMap(name))
    await isAsked
    await api.clock.advance(5000)
    answered()
    const made = await making
    assert.equal(made.status, status, made.body.message)
    if (status === 500) assert.match(made.body.message, /slow\.example\.com.*\?timeout=1s": context deadline exceeded$/)
  })
}

it('discovery names the group, its version and its resources', async () => {
  const groups = (await api.get('/apis')).body.groups as Json[]
  const found = groups.find(({ name }) => name === 'admissionregistration.k8s.io')
  assert.ok(found.versions.some(({ groupVersion }: Json) => groupVersion === 'admissionregistration.k8s.io/v1'))
  const group = (await api.get('/apis/admissionregistration.k8s.io')).body
  assert.equal(group.preferredVersion.version, 'v1')
  const names = (await api.get(GROUP)).body.resources.map(({ name }: Json) => name)
  assert.ok(names.includes('mutatingwebhookconfigurations') && names.includes('validatingwebhookconfigurations'))
})
