// Lists and watches as informers use them: resuming, selectors, bookmarks, pages under writes, revisions that are too old or too new.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { CoreV1Api, makeInformer, type V1ConfigMap } from '@kubernetes/client-node'
import { openLevelStore } from '../../src/apiserver/storage/leveldb.ts'
import { openMemoryStore } from '../../src/apiserver/storage/memory.ts'
import { silentLogger } from '../../src/base/log.ts'
import { conformanceServer, type Json } from './server.ts'

const api = await conformanceServer({ store: openMemoryStore({ maxEvents: 300, minEvents: 100 }) })
after(() => api.close())

const path = (namespace: string, name = '') => `/api/v1/namespaces/${namespace}/configmaps${name ? `/${name}` : ''}`
const map = (name: string, labels: Record<string, string> = {}, data: Record<string, string> = {}) => ({
  metadata: { name, labels },
  data,
})
const inNamespace = async (name: string) => {
  await api.post('/api/v1/namespaces', { metadata: { name } })
  return path(name)
}
const label = (key: string, value: string) => encodeURIComponent(`${key}=${value}`)

test('watchers see what their labels choose, whole lives long', async () => {
  const MAPS = await inNamespace('labels')
  const open = (selector: string) => api.watch(`${MAPS}?labelSelector=${encodeURIComponent(selector)}`)
  const [a, b, both] = await Promise.all([open('w=A'), open('w=B'), open('w in (A,B)')])
  await api.post(MAPS, map('a', { w: 'A' }))
  await api.patch('merge', `${MAPS}/a`, { data: { n: '1' } })
  await api.patch('merge', `${MAPS}/a`, { metadata: { labels: { w: 'B' } } })
  await api.delete(`${MAPS}/a`)
  const events = async (watch: typeof a, n: number) => {
    const seen: string[] = []
    for (let i = 0; i < n; i++) {
      const { type, object } = await watch.next()
      seen.push(`${type} ${object.metadata.labels.w} ${object.data?.n ?? 0}`)
    }
    watch.stop()
    return seen
  }
  assert.deepEqual(await events(a, 3), ['ADDED A 0', 'MODIFIED A 1', 'DELETED A 1'])
  assert.deepEqual(await events(b, 2), ['ADDED B 1', 'DELETED B 1'])
  assert.deepEqual(await events(both, 4), ['ADDED A 0', 'MODIFIED A 1', 'MODIFIED B 1', 'DELETED B 1'])
})

test('a watch goes on from any revision it was told, and concurrent watches agree', async () => {
  const MAPS = await inNamespace('resume')
  const first = await api.watch(`${MAPS}?resourceVersion=${(await api.get(MAPS)).body.metadata.resourceVersion}`)
  for (let i = 0; i < 10; i++) await api.post(MAPS, map(`m${i}`))
  const versions: string[] = []
  for (let i = 0; i < 10; i++) versions.push((await first.next()).object.metadata.resourceVersion)
  first.stop()
  for (const [i, version] of versions.entries()) {
    const again = await api.watch(`${MAPS}?resourceVersion=${version}`)
    for (const expected of versions.slice(i + 1)) {
      assert.equal((await again.next()).object.metadata.resourceVersion, expected)
    }
    again.stop()
  }
})

test('a watch of one object by its name sees no other', async () => {
  const MAPS = await inNamespace('named')
  const watch = await api.watch(`${MAPS}?fieldSelector=${encodeURIComponent('metadata.name=wanted')}`)
  await api.post(MAPS, map('other'))
  await api.post(MAPS, map('wanted'))
  assert.equal((await watch.next()).object.metadata.name, 'wanted')
  watch.stop()
  const legacy = await api.watch(`/api/v1/watch/namespaces/named/configmaps/wanted`)
  assert.equal((await legacy.next()).object.metadata.name, 'wanted')
  legacy.stop()
})

test('initial events are streamed and marked as ended by a bookmark', async () => {
  const MAPS = await inNamespace('streamed')
  await api.post(MAPS, map('one'))
  await api.post(MAPS, map('two'))
  const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
  const watch = await api.watch(`${MAPS}?${query}`)
  const seen = [await watch.next(), await watch.next(), await watch.next()]
  assert.deepEqual(
    seen.map((e) => e.type),
    ['ADDED', 'ADDED', 'BOOKMARK'],
  )
  assert.equal(seen[2]!.object.metadata.annotations['k8s.io/initial-events-end'], 'true')
  const created = await api.post(MAPS, map('three'))
  assert.equal((await watch.next()).object.metadata.resourceVersion, created.body.metadata.resourceVersion)
  watch.stop()
  const none = await api.watch(`${MAPS}?sendInitialEvents=false&resourceVersionMatch=NotOlderThan`)
  await api.post(MAPS, map('four'))
  assert.equal((await none.next()).object.metadata.name, 'four')
  none.stop()
  const refused = await api.get(`${MAPS}?watch=true&sendInitialEvents=true`)
  assert.equal(refused.status, 422)
})

test('a watch ends when its time is up', async () => {
  const MAPS = await inNamespace('timed')
  const watch = await api.watch(`${MAPS}?timeoutSeconds=1`)
  await watch.ended()
})

test('a list in pages shows one instant, whatever is written meanwhile', async () => {
  const MAPS = await inNamespace('pages')
  for (let i = 0; i < 25; i++) await api.post(MAPS, map(`m${String(i).padStart(2, '0')}`))
  const names: string[] = []
  let token = ''
  let revision: string | undefined
  do {
    const { body } = await api.get(`${MAPS}?limit=7${token ? `&continue=${encodeURIComponent(token)}` : ''}`)
    names.push(...body.items.map((item: Json) => item.metadata.name))
    revision ??= body.metadata.resourceVersion
    assert.equal(body.metadata.resourceVersion, revision)
    if (body.metadata.continue) assert.equal(body.metadata.remainingItemCount, 25 - names.length)
    else assert.equal(body.metadata.remainingItemCount, undefined)
    token = body.metadata.continue ?? ''
    await api.delete(`${MAPS}/m${String(24 - names.length / 7).padStart(2, '0')}`)
    await api.post(MAPS, map(`n${names.length}`))
  } while (token)
  assert.equal(names.length, 25)
  assert.deepEqual(names, [...names].sort())
  const exact = await api.get(`${MAPS}?resourceVersion=${revision}&resourceVersionMatch=Exact`)
  assert.equal(exact.body.items.length, 25)
  const newer = await api.get(`${MAPS}?resourceVersion=${revision}&resourceVersionMatch=NotOlderThan`)
  assert.ok(Number(newer.body.metadata.resourceVersion) > Number(revision))
})

test('contradictory, foreign and broken options of a list are refused', async () => {
  const MAPS = await inNamespace('options')
  const status = async (query: string) => (await api.get(`${MAPS}?${query}`)).status
  assert.equal(await status('resourceVersionMatch=Exact'), 422)
  assert.equal(await status('resourceVersionMatch=Exact&resourceVersion=0'), 422)
  assert.equal(await status('resourceVersionMatch=Nearly&resourceVersion=1'), 422)
  assert.equal(await status('continue=nonsense'), 400)
  assert.equal(await status('limit=many'), 400)
  assert.equal(await status('resourceVersion=new'), 400)
  assert.equal(await status('labelSelector=a%3D%3D%3Db'), 400)
  assert.equal(await status('fieldSelector=data.x%3D1'), 400)
  const foreign = (await api.get(`/api/v1/secrets?limit=1`)).body.metadata.continue
  if (foreign) assert.equal(await status(`continue=${encodeURIComponent(foreign)}`), 400)
})

test('what is too old is gone, what is too new is waited for and then refused', async () => {
  const MAPS = await inNamespace('gone')
  await api.post(MAPS, map('one'))
  const { body } = await api.get(`${MAPS}?limit=1`)
  await api.post(MAPS, map('busy'))
  const { body: page } = await api.get(`${MAPS}?limit=1`)
  const future = Number(body.metadata.resourceVersion) + 1_000_000
  const tooNew = await api.get(`${MAPS}?resourceVersion=${future}`)
  assert.equal(tooNew.status, 504)
  assert.equal(tooNew.body.details.causes[0].reason, 'ResourceVersionTooLarge')
  assert.ok(tooNew.headers['retry-after'])
  for (let i = 0; i < 400; i += 20) {
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => api.patch('merge', `${MAPS}/busy`, { data: { i: String(i + n) } })),
    )
  }
  const old = await api.get(`${MAPS}?resourceVersion=${body.metadata.resourceVersion}&resourceVersionMatch=Exact`)
  assert.equal(old.status, 410)
  assert.equal(old.body.reason, 'Expired')
  const watch = await api.watch(`${MAPS}?resourceVersion=${body.metadata.resourceVersion}`)
  const event = await watch.next()
  assert.equal(event.type, 'ERROR')
  assert.equal(event.object.code, 410)
  await watch.ended()
  const expired = await api.get(`${MAPS}?limit=1&continue=${encodeURIComponent(page.metadata.continue)}`)
  assert.equal(expired.status, 410)
  assert.equal(expired.body.reason, 'Expired')
  const rest = await api.get(`${MAPS}?limit=1&continue=${encodeURIComponent(expired.body.metadata.continue)}`)
  assert.equal(rest.status, 200)
  assert.equal(rest.body.items[0].metadata.name, 'one')
})

test('field and label selectors choose alike in lists and collections', async () => {
  const PODS = '/api/v1/namespaces/chosen/pods'
  await inNamespace('chosen')
  await api.post('/api/v1/namespaces/chosen/serviceaccounts', { metadata: { name: 'default' } })
  for (const [name, nodeName, tier] of [
    ['a', 'n1', 'web'],
    ['b', 'n2', 'web'],
    ['c', 'n1', ''],
  ]) {
    const labels = tier ? { tier } : {}
    await api.post(PODS, { metadata: { name, labels }, spec: { nodeName, containers: [{ name: 'c', image: 'i' }] } })
  }
  const names = async (query: string) =>
    (await api.get(`${PODS}?${query}`)).body.items.map((p: Json) => p.metadata.name).join()
  const fields = (text: string) => `fieldSelector=${encodeURIComponent(text)}`
  const labels = (text: string) => `labelSelector=${encodeURIComponent(text)}`
  assert.equal(await names(fields('spec.nodeName=n1')), 'a,c')
  assert.equal(await names(fields('spec.nodeName!=n1')), 'b')
  assert.equal(await names(fields('status.phase=Pending,metadata.namespace=chosen')), 'a,b,c')
  assert.equal(await names(`${fields('spec.nodeName=n1')}&${labels('tier')}`), 'a')
  assert.equal(await names(labels('!tier')), 'c')
  assert.equal(await names(labels('tier notin (db),tier')), 'a,b')
  assert.equal(await names(labels('tier!=web')), 'c')
  const all = await api.get(`/api/v1/pods?${fields('spec.nodeName=n2')}`)
  assert.equal(all.body.items.length, 1)
})

test('hundreds of watchers each get every event', async () => {
  const MAPS = await inNamespace('crowd')
  const session = api.http2()
  const counts = Array.from({ length: 300 }, () => 0)
  const opened = counts.map(
    (_, i) =>
      new Promise<void>((resolve) => {
        const stream = session.request({ ':path': `${MAPS}?watch=true&resourceVersion=0` })
        stream.on('response', () => resolve())
        stream.on('data', (chunk: Buffer) => {
          counts[i]! += chunk.toString().split('\n').length - 1
        })
      }),
  )
  await Promise.all(opened)
  for (let i = 0; i < 5; i++) await api.post(MAPS, map(`m${i}`))
  const deadline = Date.now() + 5000
  while (counts.some((n) => n < 5) && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([...new Set(counts)], [5])
  session.destroy()
})

test("the official client's informer lists, watches and follows", async () => {
  const MAPS = await inNamespace('informed')
  await api.post(MAPS, map('before'))
  const core = api.config.makeApiClient(CoreV1Api)
  const informer = makeInformer<V1ConfigMap>(api.config, MAPS, () =>
    core.listNamespacedConfigMap({ namespace: 'informed' }),
  )
  const seen: string[] = []
  let notify = () => {}
  for (const verb of ['add', 'update', 'delete'] as const) {
    informer.on(verb, (obj) => {
      seen.push(`${verb} ${obj.metadata?.name}`)
      notify()
    })
  }
  await informer.start()
  await api.post(MAPS, map('after'))
  await api.patch('merge', `${MAPS}/after`, { data: { a: 'b' } })
  await api.delete(`${MAPS}/before`)
  while (seen.length < 4) {
    await new Promise<void>((resolve) => {
      notify = resolve
    })
  }
  assert.deepEqual(seen, ['add before', 'add after', 'update after', 'delete before'])
  await informer.stop()
})

test('a watch resumes across a restart of the server, and nothing acknowledged is missing', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'skiff-conformance-restart-'))
  const open = () => openLevelStore({ log: silentLogger }, join(directory, 'db'))
  let store = await open()
  let server = await conformanceServer({ store, directory })
  const MAPS = path('default')
  const { body } = await server.get(MAPS)
  const watch = await server.watch(`${MAPS}?resourceVersion=${body.metadata.resourceVersion}`)
  await server.post(MAPS, map('one', {}, { a: '1' }))
  const { object } = await watch.next()
  await server.patch('merge', `${MAPS}/one`, { data: { a: '2' } })
  await server.post(MAPS, map('two'))
  await server.delete(`${MAPS}/two`)
  const ended = watch.ended()
  await server.close()
  await ended
  await store.close()

  store = await open()
  server = await conformanceServer({ store, directory })
  const again = await server.watch(`${MAPS}?resourceVersion=${object.metadata.resourceVersion}`)
  const events = [await again.next(), await again.next(), await again.next()]
  assert.deepEqual(
    events.map((e) => `${e.type} ${e.object.metadata.name}`),
    ['MODIFIED one', 'ADDED two', 'DELETED two'],
  )
  assert.equal(events[0]!.object.data.a, '2')
  assert.equal((await server.get(`${MAPS}/one`)).body.data.a, '2')
  assert.equal((await server.get(MAPS)).body.items.length, 1)
  const token = (await server.get(`${MAPS}?labelSelector=${label('a', 'b')}`)).body.items
  assert.deepEqual(token, [])
  again.stop()
  await server.close()
  await store.close()
  await rm(directory, { recursive: true })
})
