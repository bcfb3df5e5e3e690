// Conversion by a web service: what is asked, what may come back, and reads, writes, lists and watches in the other version.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Json } from '../test-api.ts'
import { testApi } from '../test-api.ts'
import { testWebhook } from '../webhooks/test-webhook.ts'
import { CRON_TABS, cronTab, cronTabs, cronTabVersion, establish } from './crd-fixtures.ts'

/** v1 has `spec.hostPort`, v2 has `spec.host` and `spec.port`. */
function converted(object: Json, apiVersion: string): Json {
  const { spec, ...rest } = object
  if (apiVersion.endsWith('/v2')) {
    const [host, port] = spec.hostPort.split(':')
    return { ...rest, apiVersion, spec: { host, port } }
  }
  return { ...rest, apiVersion, spec: { hostPort: `${spec.host}:${spec.port}` } }
}
const good = ({ request }: Json): Json => ({
  uid: request.uid,
  result: { status: 'Success' },
  convertedObjects: request.objects.map((o: Json) => converted(o, request.desiredAPIVersion)),
})
let answer: (review: Json) => Json = good
const webhook = await testWebhook((review) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'ConversionReview',
  response: answer(review),
}))
const api = await testApi()
after(async () => {
  await api.close()
  await webhook.close()
})

const text = { type: 'string' }
const version = (name: string, storage: boolean, properties: object) =>
  cronTabVersion({
    name,
    storage,
    schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } },
  })
const clientConfig = { url: `https://localhost:${webhook.port}/convert`, caBundle: webhook.caBundle }
await establish(
  api,
  cronTabs([version('v1', true, { hostPort: text }), version('v2', false, { host: text, port: text })], {
    conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'], clientConfig } },
  }),
)
const V2 = CRON_TABS.replace('/v1/', '/v2/')
const v1 = (name: string, hostPort: string) => ({ ...cronTab(name), spec: { hostPort } })

test('an object is read and written in both versions', async () => {
  assert.equal((await api.post(CRON_TABS, v1('a', 'x:1'))).status, 201)
  assert.equal(webhook.reviews.length, 0)
  const read = await api.get(`${V2}/a`)
  assert.deepEqual([read.body.apiVersion, read.body.spec], ['stable.example.com/v2', { host: 'x', port: '1' }])
  const second = { apiVersion: 'stable.example.com/v2', kind: 'CronTab', metadata: { name: 'b' } }
  const made = await api.post(V2, { ...second, spec: { host: 'y', port: '2' } })
  assert.deepEqual([made.status, made.body.spec], [201, { host: 'y', port: '2' }])
  assert.deepEqual((await api.get(`${CRON_TABS}/b`)).body.spec, { hostPort: 'y:2' })
  const patched = await api.patch('merge', `${V2}/a`, { spec: { port: '9' } })
  assert.deepEqual(patched.body.spec, { host: 'x', port: '9' })
  assert.deepEqual((await api.get(`${CRON_TABS}/a`)).body.spec, { hostPort: 'x:9' })
})

test('a list is converted with one review, in order', async () => {
  const before = webhook.reviews.length
  const { body } = await api.get(V2)
  assert.deepEqual(
    body.items.map((item: Json) => item.spec.host),
    ['x', 'y'],
  )
  assert.equal(webhook.reviews.length, before + 1)
  const { request } = webhook.reviews.at(-1)!
  assert.deepEqual(
    request.objects.map((o: Json) => o.metadata.name),
    ['a', 'b'],
  )
  assert.equal(request.desiredAPIVersion, 'stable.example.com/v2')
})

test('watches are in their version', async () => {
  const watch = await api.watch(V2)
  assert.deepEqual([(await watch.next()).object.spec.host, (await watch.next()).object.spec.host], ['x', 'y'])
  await api.post(CRON_TABS, v1('c', 'z:3'))
  const { type, object } = await watch.next()
  assert.deepEqual([type, object.apiVersion, object.spec], ['ADDED', 'stable.example.com/v2', { host: 'z', port: '3' }])
  await api.delete(`${CRON_TABS}/c`)
  assert.deepEqual((await watch.next()).type, 'DELETED')
  watch.stop()
})

const SUBJECT = 'conversion webhook for stable.example.com/v1, Kind=CronTab'
const BAD: readonly [string, (review: Json) => Json, string][] = [
  [
    'a failure',
    ({ request }) => ({ uid: request.uid, result: { status: 'Failure', message: 'no way' } }),
    `${SUBJECT} failed: no way`,
  ],
  ['another uid', (review) => ({ ...good(review), uid: 'x' }), `${SUBJECT} failed: expected response.uid=`],
  [
    'too few objects',
    (review) => ({ ...good(review), convertedObjects: [] }),
    `${SUBJECT} returned 0 objects, expected 1`,
  ],
  [
    'another name',
    (review) => {
      const response = good(review)
      response.convertedObjects[0].metadata.name = 'other'
      return response
    },
    `${SUBJECT} returned invalid object: must have the same name: a != other`,
  ],
  [
    'another version',
    (review) => {
      const response = good(review)
      response.convertedObjects[0].apiVersion = 'stable.example.com/v3'
      return response
    },
    `${SUBJECT} returned invalid object at index 0: invalid groupVersion (expected stable.example.com/v2, received stable.example.com/v3)`,
  ],
]
for (const [what, response, message] of BAD) {
  test(`${what} is an error of the request`, async () => {
    answer = response
    const { status, body } = await api.get(`${V2}/a`)
    answer = good
    assert.equal(status, 500)
    assert.ok(body.message.startsWith(message), body.message)
  })
}

test('only labels and annotations of the metadata may be changed by a conversion', async () => {
  answer = (review) => {
    const response = good(review)
    const { metadata } = response.convertedObjects[0]
    Object.assign(metadata, { labels: { by: 'webhook' }, finalizers: ['example.com/x'] })
    return response
  }
  const { body } = await api.get(`${V2}/a`)
  answer = good
  assert.deepEqual(body.metadata.labels, { by: 'webhook' })
  assert.equal(body.metadata.finalizers, undefined)
})
