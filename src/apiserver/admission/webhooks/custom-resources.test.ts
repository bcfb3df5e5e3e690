import assert from 'node:assert/strict'
import { after, afterEach, it } from 'node:test'
import { type Json, testApi } from '../../test-api.ts'
import { type Answering, type TestWebhook, testWebhook } from '../../webhooks/test-webhook.ts'

const api = await testApi()
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1'
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const THINGS = '/apis/example.com/v1/namespaces/default/things'
const open: TestWebhook[] = []

const schema = {
  openAPIV3Schema: {
    type: 'object',
    properties: { data: { type: 'object', properties: { known: { type: 'string' }, second: { type: 'string' } } } },
  },
}
const versions = (stored: string) =>
  ['v1', 'v2'].map((name) => ({ name, served: true, storage: name === stored, schema }))
const made = await api.post(DEFINITIONS, {
  metadata: { name: 'things.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'things', kind: 'Thing' },
    versions: versions('v1'),
  },
})
assert.equal(made.status, 201, JSON.stringify(made.body))

afterEach(async () => {
  for (const kind of ['mutating', 'validating']) await api.delete(`${WEBHOOKS}/${kind}webhookconfigurations`)
  for (const one of open.splice(0)) await one.close()
})
after(() => api.close())

async function configure(
  kind: 'mutating' | 'validating',
  answering: Answering,
  rule: object = {},
): Promise<TestWebhook> {
  const server = await testWebhook(answering)
  open.push(server)
  const operations = ['CREATE', 'UPDATE', 'DELETE']
  const rules = [{ apiGroups: ['example.com'], apiVersions: ['v1'], resources: ['things'], operations, ...rule }]
  const { status, body } = await api.post(`${WEBHOOKS}/${kind}webhookconfigurations`, {
    metadata: { name: 'things' },
    webhooks: [
      {
        name: 'things.example.com',
        clientConfig: { url: `https://127.0.0.1:${server.port}/`, caBundle: server.caBundle },
        rules,
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  })
  assert.equal(status, 201, JSON.stringify(body))
  return server
}
const answer = (review: Json, more: object) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid: review.request.uid, allowed: true, ...more },
})
const patch = (review: Json, operations: object[]) =>
  answer(review, { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') })
const thing = (name: string, data: object = {}, version = 'v1') => ({
  apiVersion: `example.com/${version}`,
  kind: 'Thing',
  metadata: { name },
  data,
})

it('a custom resource is changed by a webhook, and pruned by its schema afterwards', async () => {
  await configure('mutating', (review) =>
    review.request.operation === 'CREATE'
      ? patch(review, [
          { op: 'add', path: '/data/second', value: 'added' },
          { op: 'add', path: '/data/unknown', value: 'pruned' },
        ])
      : answer(review, {}),
  )
  const { status, body } = await api.post(THINGS, thing('mutated', { known: 'x' }))
  assert.equal(status, 201, JSON.stringify(body))
  assert.deepEqual(body.data, { known: 'x', second: 'added' })
})

it('creating, changing and deleting custom resources can be refused', async () => {
  await api.post(THINGS, thing('kept'))
  await configure('validating', (review) => answer(review, { allowed: false, status: { message: 'no' } }))
  assert.equal((await api.post(THINGS, thing('refused'))).status, 400)
  assert.equal((await api.patch('merge', `${THINGS}/kept`, { data: { known: 'y' } })).status, 400)
  assert.equal((await api.delete(`${THINGS}/kept`)).status, 400)
})

it('a webhook for one version is asked about the others in its own, also when the stored one changes', async () => {
  const server = await configure('mutating', (review) =>
    patch(review, [{ op: 'add', path: '/data/second', value: review.request.kind.version }]),
  )
  const path = THINGS.replace('v1', 'v2')
  const first = await api.post(path, thing('versions', { known: 'x' }, 'v2'))
  assert.equal(first.status, 201, JSON.stringify(first.body))
  assert.equal(first.body.apiVersion, 'example.com/v2')
  assert.equal(first.body.data.second, 'v1')
  const { request } = server.reviews[0]
  assert.deepEqual([request.kind.version, request.requestKind.version], ['v1', 'v2'])
  assert.equal(request.object.apiVersion, 'example.com/v1')
  await api.patch('merge', `${DEFINITIONS}/things.example.com`, { spec: { versions: versions('v2') } })
  const patched = await api.patch('merge', `${THINGS}/versions`, { data: { known: 'later' } })
  assert.equal(patched.status, 200, JSON.stringify(patched.body))
  assert.deepEqual(patched.body.data, { known: 'later', second: 'v1' })
})

it('definitions themselves can be refused', async () => {
  const rule = { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'] }
  await configure('validating', (review) => answer(review, { allowed: false }), rule)
  const names = { plural: 'others', kind: 'Other' }
  const spec = { group: 'example.com', scope: 'Namespaced', names, versions: versions('v1') }
  assert.equal((await api.post(DEFINITIONS, { metadata: { name: 'others.example.com' }, spec })).status, 400)
})

it('custom group-versions have APIServices as they come and go', async () => {
  const path = '/apis/apiregistration.k8s.io/v1/apiservices/v1.example.com'
  const watch = await api.watch('/apis/apiregistration.k8s.io/v1/apiservices')
  const until = async (type: string, name: string) => {
    for (;;) {
      const event = await watch.next()
      if (event.type === type && event.object.metadata.name === name) return event.object
    }
  }
  const service = await until('ADDED', 'v1.example.com')
  assert.equal(service.metadata.labels['kube-aggregator.kubernetes.io/automanaged'], 'true')
  assert.deepEqual([service.spec.groupPriorityMinimum, service.spec.versionPriority], [1000, 100])
  await api.delete(THINGS)
  await api.delete(`${DEFINITIONS}/things.example.com`)
  await until('DELETED', 'v1.example.com')
  assert.equal((await api.get(path)).status, 404)
  watch.stop()
})
