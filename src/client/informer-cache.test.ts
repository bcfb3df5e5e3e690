import assert from 'node:assert/strict'
import { test } from 'node:test'
import pino from 'pino'
import { ConfigMap } from '../api/kinds/config-map.ts'
import { Pod } from '../api/kinds/pod.ts'
import { StatusError } from '../api/meta/errors.ts'
import { FakeClock } from '../base/clock.ts'
import { type Logger, silentLogger } from '../base/log.ts'
import { createClient } from './api-client.ts'
import { type CacheOptions, createCache } from './informer-cache.ts'
import { ScriptedApi } from './scripted-api.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))
const map = (labels: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { labels } })
const path = (name: string, namespace = 'blue') => `/api/v1/namespaces/${namespace}/configmaps/${name}`

function setUp(options?: CacheOptions, log: Logger = silentLogger) {
  const api = new ScriptedApi()
  const clock = new FakeClock()
  const stop = new AbortController()
  const ctx = { signal: stop.signal, log }
  const cache = createCache(ctx, createClient(api), clock, options)
  const seen: string[] = []
  const follow = () =>
    cache.watch(ConfigMap, ({ type, object, old }) => {
      seen.push(`${type} ${object.metadata.name}${old ? ` was ${old.metadata.resourceVersion}` : ''}`)
    })
  return { api, clock, cache, seen, follow, stop, ctx }
}

test('the cache lists page by page, then follows, and reads by key, namespace and owner', async () => {
  const { api, cache, seen, follow, stop, ctx } = setUp({ pageSize: 2 })
  for (const name of ['a', 'b', 'c', 'd', 'e']) api.put(path(name), map())
  follow()
  await cache.synced(ctx.signal)
  assert.deepEqual(seen, ['added a', 'added b', 'added c', 'added d', 'added e'])
  assert.equal(api.calls.filter((c) => c.includes('limit=2')).length, 3)

  const owned = { ...map(), metadata: { ownerReferences: [{ uid: 'u1', controller: true }, { uid: 'u2' }] } }
  api.put(path('f', 'green'), owned)
  api.remove(path('a'))
  await turn()
  assert.equal(cache.get(ConfigMap, 'f', 'green')?.metadata.name, 'f')
  assert.equal(cache.get(ConfigMap, 'a', 'blue'), undefined)
  assert.equal(cache.list(ConfigMap).length, 5)
  assert.equal(cache.list(ConfigMap, { namespace: 'blue' }).length, 4)
  assert.deepEqual(
    cache.list(ConfigMap, { ownedBy: { metadata: { uid: 'u1' } } }).map((o) => o.metadata.name),
    ['f'],
  )
  assert.equal(cache.list(ConfigMap, { ownedBy: { metadata: { uid: 'u2' } } }).length, 0)
  stop.abort()
  await cache.stopped()
})

test('a watch that was cut is resumed from the last revision, without a new list', async () => {
  const { api, cache, seen, follow, stop, clock, ctx } = setUp()
  api.put(path('a'), map())
  follow()
  await cache.synced(ctx.signal)
  api.put(path('b'), map())
  await turn()
  api.cutWatches()
  await turn()
  api.put(path('c'), map())
  await clock.advance(1000)
  await turn()
  assert.deepEqual(seen, ['added a', 'added b', 'added c'])
  assert.equal(api.calls.filter((c) => c.includes('limit=')).length, 1)
  stop.abort()
  await cache.stopped()
})

test('after 410 the kind is listed again and only differences are told', async () => {
  const { api, cache, seen, follow, stop, clock, ctx } = setUp()
  api.put(path('same'), map())
  api.put(path('changed'), map())
  api.put(path('gone'), map())
  api.put(path('replaced'), map())
  follow()
  await cache.synced(ctx.signal)
  seen.length = 0
  api.failure = new Error('connect ECONNREFUSED')
  api.cutWatches()
  await turn()
  api.put(path('changed'), map({ new: 'yes' }))
  api.remove(path('gone'))
  api.remove(path('replaced'))
  api.put(path('replaced'), map())
  api.put(path('new'), map())
  api.expire()
  await clock.advance(60_000)
  assert.deepEqual(seen, [])
  assert.equal(cache.list(ConfigMap).length, 4, 'the last state is served while the API is away')
  api.failure = undefined
  await clock.advance(30_000)
  await turn()
  assert.deepEqual(seen.sort(), [
    'added new',
    'added replaced',
    'deleted gone was 13',
    'deleted replaced was 14',
    'updated changed was 12',
  ])
  stop.abort()
  await cache.stopped()
})

test('attempts back off to at most 15 seconds while the API is away', async () => {
  const { api, follow, stop, clock, cache } = setUp()
  api.failure = new Error('connect ECONNREFUSED')
  follow()
  await turn()
  await clock.advance(10 * 60_000)
  assert.ok(api.calls.length > 35 && api.calls.length < 75, `${api.calls.length} attempts in ten minutes`)
  const quietMs = clock.untilNextMs() ?? 0
  assert.ok(quietMs <= 15_000)
  stop.abort()
  await cache.stopped()
})

test('an API that cannot be reached is worth a warning only when that goes on; one that refuses is at once', async () => {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line).msg) }
  const { api, follow, stop, clock, cache } = setUp({}, pino({ level: 'info' }, destination))
  api.failure = new Error('connect ECONNREFUSED')
  follow()
  await turn()
  await clock.advance(3000)
  api.failure = undefined
  await clock.advance(15_000)
  await turn()
  assert.deepEqual(lines, [])
  api.failure = new Error('connect ECONNREFUSED')
  api.cutWatches()
  await turn()
  await clock.advance(60_000)
  api.failure = undefined
  await clock.advance(30_000)
  api.put(path('a'), map())
  await turn()
  assert.deepEqual(lines.splice(0), ['cannot follow the api, retrying', 'following the api again'])
  api.failure = new StatusError(403, 'Forbidden', 'no')
  api.cutWatches()
  await clock.advance(1000)
  await turn()
  assert.deepEqual(lines, ['cannot follow the api, retrying'])
  stop.abort()
  await cache.stopped()
})

test('a quiet cache sets no timer', async () => {
  const { follow, stop, clock, cache, ctx } = setUp()
  follow()
  await cache.synced(ctx.signal)
  await turn()
  assert.equal(clock.untilNextMs(), undefined)
  stop.abort()
  await cache.stopped()
})

test('a handler that comes late is given what exists, and nothing after it is taken off', async () => {
  const { api, cache, seen, follow, stop, ctx } = setUp()
  api.put(path('a'), map())
  cache.watch(ConfigMap)
  await cache.synced(ctx.signal)
  const off = follow()
  assert.deepEqual(seen, ['added a'])
  off()
  api.put(path('b'), map())
  await turn()
  assert.deepEqual(seen, ['added a'])
  assert.equal(api.calls.filter((c) => c.includes('watch=true')).length, 1)
  stop.abort()
  await cache.stopped()
})

test('hasSeen turns true with the event of the write', async () => {
  const { api, cache, follow, stop, ctx } = setUp()
  follow()
  await cache.synced(ctx.signal)
  const { resourceVersion } = api.put(path('a'), map()).metadata
  assert.equal(cache.hasSeen(ConfigMap as never, resourceVersion), false)
  await turn()
  assert.equal(cache.hasSeen(ConfigMap as never, resourceVersion), true)
  assert.equal(cache.hasSeen(Pod as never, resourceVersion), false, 'a kind that is not followed has seen nothing')
  stop.abort()
  await cache.stopped()
})

test('a handler that throws does not keep others from hearing', async () => {
  const { api, cache, seen, follow, stop, ctx } = setUp()
  cache.watch(ConfigMap, () => {
    throw new Error('broken')
  })
  follow()
  await cache.synced(ctx.signal)
  api.put(path('a'), map())
  await turn()
  assert.deepEqual(seen, ['added a'])
  stop.abort()
  await cache.stopped()
})

test('a selection reaches the server with the list and the watch', async () => {
  const { api, cache, stop, ctx } = setUp({
    select: (kind) => (kind.kind === 'Pod' ? { fieldSelector: 'spec.nodeName=n1' } : {}),
  })
  cache.watch(Pod)
  await cache.synced(ctx.signal)
  await turn()
  assert.equal(api.calls.length, 2)
  for (const call of api.calls) assert.match(call, /fieldSelector=spec.nodeName%3Dn1/)
  stop.abort()
  await cache.stopped()
})

test('synced gives up when its signal is aborted', async () => {
  const { api, cache, follow, stop } = setUp()
  api.failure = new Error('connect ECONNREFUSED')
  follow()
  const giveUp = new AbortController()
  const synced = cache.synced(giveUp.signal)
  giveUp.abort(new Error('enough'))
  await assert.rejects(synced, /enough/)
  stop.abort()
  await cache.stopped()
})
