import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openMemoryStore } from '../storage/memory.ts'
import { configMap, testApi } from '../test-api.ts'

const api = await testApi()
after(() => api.close())
const MAPS = '/api/v1/namespaces/default/configmaps'
const revision = async () => (await api.get(MAPS)).body.metadata.resourceVersion
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('a watch from a revision tells every change after it, in order', async () => {
  const from = await revision()
  await api.post(MAPS, configMap('w1'))
  const watch = await api.watch(`${MAPS}?resourceVersion=${from}`)
  await api.patch('merge', `${MAPS}/w1`, { data: { a: '1' } })
  await api.delete(`${MAPS}/w1`)
  const events = [await watch.next(), await watch.next(), await watch.next()]
  assert.deepEqual(
    events.map((e) => e.type),
    ['ADDED', 'MODIFIED', 'DELETED'],
  )
  assert.equal(events[2]!.object.data.a, '1')
  const versions = events.map((e) => Number(e.object.metadata.resourceVersion))
  assert.deepEqual(
    versions,
    [...versions].sort((a, b) => a - b),
  )
  watch.stop()
  assert.equal(await watch.ended(), true)
})

test('a watch without a revision begins with what there is', async () => {
  await api.post(MAPS, configMap('w2'))
  const watch = await api.watch(MAPS)
  const first = await watch.next()
  assert.deepEqual([first.type, first.object.metadata.name], ['ADDED', 'w2'])
  watch.stop()
  await api.delete(`${MAPS}/w2`)
})

test('for a selecting watch, objects come and go as they begin and stop to match', async () => {
  const watch = await api.watch(`${MAPS}?labelSelector=on%3Dyes&resourceVersion=${await revision()}`)
  await api.post(MAPS, configMap('w3', {}, { labels: { on: 'no' } }))
  await api.patch('merge', `${MAPS}/w3`, { metadata: { labels: { on: 'yes' } } })
  await api.patch('merge', `${MAPS}/w3`, { data: { x: '1' } })
  const { body: off } = await api.patch('merge', `${MAPS}/w3`, { metadata: { labels: { on: 'no' } } })
  await api.delete(`${MAPS}/w3`)
  await api.post(MAPS, configMap('w4', {}, { labels: { on: 'yes' } }))
  const seen = []
  for (let i = 0; i < 4; i++) seen.push(await watch.next())
  assert.deepEqual(
    seen.map((e) => [e.type, e.object.metadata.name]),
    [
      ['ADDED', 'w3'],
      ['MODIFIED', 'w3'],
      ['DELETED', 'w3'],
      ['ADDED', 'w4'],
    ],
  )
  assert.equal(seen[2]!.object.metadata.labels.on, 'yes')
  assert.equal(seen[2]!.object.metadata.resourceVersion, off.metadata.resourceVersion)
  watch.stop()
  await api.delete(`${MAPS}/w4`)
})

test('a streaming list ends its beginning with an annotated bookmark', async () => {
  await api.post(MAPS, configMap('w5'))
  const watch = await api.watch(
    `${MAPS}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
  )
  assert.equal((await watch.next()).object.metadata.name, 'w5')
  const bookmark = await watch.next()
  assert.equal(bookmark.type, 'BOOKMARK')
  assert.equal(bookmark.object.metadata.annotations['k8s.io/initial-events-end'], 'true')
  assert.equal(bookmark.object.metadata.resourceVersion, await revision())
  watch.stop()
  await api.delete(`${MAPS}/w5`)
})

test('a quiet watch hears every minute how far it has got, when the store has moved on', async () => {
  const watch = await api.watch(`${MAPS}?allowWatchBookmarks=true&resourceVersion=${await revision()}`)
  const next = watch.next()
  await turn()
  await api.post('/api/v1/namespaces', { metadata: { name: 'elsewhere' } })
  await api.clock.advance(60_000)
  const bookmark = await next
  assert.equal(bookmark.type, 'BOOKMARK')
  assert.equal(Number(bookmark.object.metadata.resourceVersion), api.store.revision)
  watch.stop()
})

test('a watch ends when its time is over', async () => {
  const watch = await api.watch(`${MAPS}?timeoutSeconds=5&resourceVersion=${await revision()}`)
  const ended = watch.ended()
  await turn()
  await api.clock.advance(5000)
  assert.equal(await ended, true)
})

test('a revision that is too old is told as an event, with code 410', async () => {
  const store = openMemoryStore({ maxEvents: 1, minEvents: 0 })
  const small = await testApi({ store })
  const watch = await small.watch(`${MAPS}?resourceVersion=1`)
  const event = await watch.next()
  assert.equal(event.type, 'ERROR')
  assert.deepEqual([event.object.code, event.object.reason], [410, 'Expired'])
  assert.equal(await watch.ended(), true)
  const list = await small.get(`${MAPS}?resourceVersion=1&resourceVersionMatch=Exact`)
  assert.equal(list.status, 410)
  await small.close()
})

test('watchers of one change get the very same bytes', async () => {
  const response = () =>
    api.server.handler({
      method: 'GET',
      path: MAPS,
      query: new URLSearchParams({ watch: 'true', resourceVersion: String(api.store.revision) }),
      headers: {},
      user: { name: 'admin', groups: ['system:masters'] },
      signal: new AbortController().signal,
    })
  const frames = []
  for (const { body } of [await response(), await response()]) {
    assert.ok(body.kind === 'watch')
    frames.push(body.events[Symbol.asyncIterator]().next())
  }
  await turn()
  await api.post(MAPS, configMap('w6'))
  const [one, two] = (await Promise.all(frames)).map(({ value }) => value.line())
  assert.equal(one, two)
})

test('tables are watched with their columns in the first event only', async () => {
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
  const watch = await api.watch(`${MAPS}?resourceVersion=${await revision()}`, { headers: { accept } })
  await api.post(MAPS, configMap('w7'))
  await api.delete(`${MAPS}/w7`)
  const [first, second] = [await watch.next(), await watch.next()]
  assert.equal(first.object.kind, 'Table')
  assert.equal(first.object.columnDefinitions[0].name, 'Name')
  assert.equal(second.object.columnDefinitions, null)
  assert.equal(second.object.rows[0].cells[0], 'w7')
  watch.stop()
})

test('watches end when the server stops', async () => {
  const other = await testApi()
  const watch = await other.watch(`${MAPS}?resourceVersion=${other.store.revision}`)
  const ended = watch.ended()
  await turn()
  await other.close()
  assert.equal(await ended, true)
})
