import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { configMap, testApi } from '../test-api.ts'

const api = await testApi()
after(() => api.close())
const MAPS = '/api/v1/namespaces/reading/configmaps'
await api.post('/api/v1/namespaces', { metadata: { name: 'reading' } })
for (let i = 0; i < 7; i++) {
  await api.post(MAPS, configMap(`m${i}`, { i: String(i) }, { labels: { parity: i % 2 ? 'odd' : 'even' } }))
}

test('a missing object is a NotFound with the details clients look at', async () => {
  const { status, body } = await api.get(`${MAPS}/none`)
  assert.equal(status, 404)
  assert.equal(body.message, 'configmaps "none" not found')
  assert.deepEqual(body.details, { name: 'none', kind: 'configmaps' })
})

test('a kind, group or version that is not served is a 404', async () => {
  for (const url of ['/api/v1/foos', '/apis/apps/v2/deployments', '/apis/nope.example.com/v1/things', '/nowhere']) {
    assert.equal((await api.get(url)).status, 404, url)
  }
})

test('a list read in pieces shows one state, says how much is left, and survives changes in between', async () => {
  const first = (await api.get(`${MAPS}?limit=3`)).body
  assert.equal(first.items.length, 3)
  assert.equal(first.metadata.remainingItemCount, 4)
  await api.post(MAPS, configMap('m00'))
  const second = (await api.get(`${MAPS}?limit=3&continue=${first.metadata.continue}`)).body
  const third = (await api.get(`${MAPS}?limit=3&continue=${second.metadata.continue}`)).body
  assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion)
  assert.equal(third.metadata.continue, undefined)
  const names = [first, second, third].flatMap((page) =>
    page.items.map((i: { metadata: { name: string } }) => i.metadata.name),
  )
  assert.deepEqual(names, ['m0', 'm1', 'm2', 'm3', 'm4', 'm5', 'm6'])
  await api.delete(`${MAPS}/m00`)
})

test('a continue token that the server did not make is refused', async () => {
  const { status, body } = await api.get(`${MAPS}?limit=3&continue=xyz`)
  assert.equal(status, 400)
  assert.match(body.message, /^invalid continue token: continue key is not valid: invalid character/)
})

test('selectors choose by labels and fields, also when the list is limited', async () => {
  const names = async (query: string) =>
    (await api.get(`${MAPS}?${query}`)).body.items.map((i: { metadata: { name: string } }) => i.metadata.name)
  assert.deepEqual(await names('labelSelector=parity%3Dodd'), ['m1', 'm3', 'm5'])
  assert.deepEqual(await names('labelSelector=parity%20notin%20(odd)&fieldSelector=metadata.name!%3Dm0'), [
    'm2',
    'm4',
    'm6',
  ])
  assert.deepEqual(await names('fieldSelector=metadata.name%3Dm4'), ['m4'])
  const page = (await api.get(`${MAPS}?labelSelector=parity%3Deven&limit=3`)).body
  assert.equal(page.items.length, 3)
  assert.equal(page.metadata.remainingItemCount, undefined)
  const rest = (await api.get(`${MAPS}?labelSelector=parity%3Deven&limit=3&continue=${page.metadata.continue}`)).body
  assert.deepEqual(
    rest.items.map((i: { metadata: { name: string } }) => i.metadata.name),
    ['m6'],
  )
})

test('a field that cannot be selected by is named', async () => {
  const { status, body } = await api.get(`${MAPS}?fieldSelector=spec.x%3D1`)
  assert.equal(status, 400)
  assert.match(body.message, /spec\.x/)
})

test('an exact resourceVersion shows the state as of then', async () => {
  const then = (await api.get(MAPS)).body.metadata.resourceVersion
  await api.post(MAPS, configMap('later'))
  const names = async (query: string) => (await api.get(`${MAPS}?${query}`)).body.items.length
  assert.equal(await names(`resourceVersion=${then}&resourceVersionMatch=Exact`), 7)
  assert.equal(await names(`resourceVersion=${then}&resourceVersionMatch=NotOlderThan`), 8)
  assert.equal(await names('resourceVersion=0'), 8)
  await api.delete(`${MAPS}/later`)
})

test('a resourceVersion that has not happened is waited for, then answered with the cause that clients retry on', async () => {
  const answer = api.get(`${MAPS}?resourceVersion=999999&resourceVersionMatch=NotOlderThan`)
  await new Promise((resolve) => setImmediate(resolve))
  await api.clock.advance(3000)
  const { status, body } = await answer
  assert.equal(status, 504)
  assert.equal(body.details.causes[0].reason, 'ResourceVersionTooLarge')
})

test('contradictory list options are refused', async () => {
  const message = async (query: string) => (await api.get(`${MAPS}?${query}`)).body.message
  assert.match(await message('resourceVersionMatch=Exact'), /forbidden unless resourceVersion is provided/)
  assert.match(await message('resourceVersionMatch=Exact&resourceVersion=0'), /forbidden for resourceVersion "0"/)
  assert.match(await message('sendInitialEvents=true'), /sendInitialEvents is forbidden for list/)
})

test('clients get tables and bare metadata when they ask, and a 406 for what cannot be had', async () => {
  const asked = (accept: string, url = MAPS) => api.get(url, { headers: { accept } })
  const table = (await asked('application/json;as=Table;v=v1;g=meta.k8s.io,application/json')).body
  assert.equal(table.kind, 'Table')
  assert.equal(table.rows.length, 7)
  const partial = (await asked('application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io')).body
  assert.equal(partial.kind, 'PartialObjectMetadataList')
  assert.equal(partial.items[0].data, undefined)
  const one = (await asked('application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io', `${MAPS}/m1`)).body
  assert.equal(one.kind, 'PartialObjectMetadata')
  assert.equal((await asked('text/html')).status, 406)
  assert.equal((await asked('application/json;as=Table;v=v1;g=meta.k8s.io', '/api/v1')).status, 200)
  const review = await api.post(
    '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    { spec: { nonResourceAttributes: { path: '/', verb: 'get' } } },
    { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } },
  )
  assert.equal(review.status, 406)
})
