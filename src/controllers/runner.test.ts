import assert from 'node:assert/strict'
import { test } from 'node:test'
import pino from 'pino'
import { ConfigMap } from '../api/kinds/config-map.ts'
import { StatusError } from '../api/meta/errors.ts'
import { FakeClock } from '../base/clock.ts'
import { silentLogger } from '../base/log.ts'
import { createClient } from '../client/api-client.ts'
import { createEventRecorder } from '../client/event-recorder.ts'
import { createCache } from '../client/informer-cache.ts'
import { ScriptedApi } from '../client/scripted-api.ts'
import { type Controller, defineController, terminal } from './controller.ts'
import { ControllerMetrics } from './metrics.ts'
import { runControllers } from './runner.ts'

const path = (name: string) => `/api/v1/namespaces/blue/configmaps/${name}`
const map = (data: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: {}, data })
async function settle() {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
}

async function setUp(
  sync: Controller<ConfigMap>['sync'],
  log = silentLogger,
  more: Pick<Controller<ConfigMap>, 'only'> = {},
) {
  const api = new ScriptedApi()
  const clock = new FakeClock()
  const stop = new AbortController()
  const ctx = { signal: stop.signal, log }
  const client = createClient(api)
  const cache = createCache(ctx, client, clock)
  const events = createEventRecorder(ctx, client, clock, { component: 'test' })
  const metrics = new ControllerMetrics()
  const controller = defineController<ConfigMap>({ name: 'test', kind: ConfigMap, triggers: [], sync, ...more })
  const running = runControllers(ctx, { client, cache, events, clock, metrics }, [controller])
  await settle()
  return {
    api,
    clock,
    cache,
    metrics,
    async end() {
      stop.abort()
      await running
      await cache.stopped()
      assert.equal(clock.untilNextMs(), undefined, 'no timer is left behind')
    },
  }
}

test('every object that exists is synced once, and again when it changes or goes', async () => {
  const seen: string[] = []
  const { api, end } = await setUp(async (_ctx, object, key) => {
    seen.push(`${key} ${object ? object.data?.['v'] : 'gone'}`)
  })
  api.put(path('a'), map({ v: '1' }))
  await settle()
  api.put(path('a'), map({ v: '2' }))
  await settle()
  api.remove(path('a'))
  await settle()
  assert.deepEqual(seen, ['blue/a 1', 'blue/a 2', 'blue/a gone'])
  await end()
})

test('objects that a controller has no eye for are not queued', async () => {
  const seen: string[] = []
  const only = ({ metadata }: { metadata: { name: string } }) => metadata.name === 'mine'
  const { api, end } = await setUp(async (_ctx, _object, key) => void seen.push(key), silentLogger, { only })
  api.put(path('other'), map())
  api.put(path('mine'), map())
  await settle()
  api.remove(path('other'))
  api.remove(path('mine'))
  await settle()
  assert.deepEqual(seen, ['blue/mine', 'blue/mine'])
  await end()
})

test('a key is not synced again before the cache has shown what its last sync wrote', async () => {
  const seen: (string | undefined)[] = []
  const { api, end } = await setUp(async (ctx, object, _key, { client }) => {
    seen.push(object?.data?.['v'])
    if (object?.data?.['v'] !== '1') return
    await client.update(ctx, ConfigMap, { ...object, data: { v: '2' } })
    // The event of an earlier write that arrives only now must not start a sync on the old state.
  })
  api.put(path('a'), map({ v: '1' }))
  await settle()
  assert.deepEqual(seen, ['1', '2'])
  await end()
})

test('a failing key backs off, a terminal failure is not tried again, a success begins anew', async () => {
  let calls = 0
  let failure: Error | undefined = new Error('not yet')
  const { api, clock, metrics, end } = await setUp(async () => {
    calls++
    if (failure) throw failure
  })
  api.put(path('a'), map())
  await settle()
  assert.equal(clock.untilNextMs(), 5)
  await clock.advance(5)
  await settle()
  assert.equal(clock.untilNextMs(), 10)
  failure = undefined
  await clock.advance(10)
  await settle()
  assert.equal(calls, 3)
  assert.equal(clock.untilNextMs(), undefined)
  failure = terminal(new Error('never'))
  api.put(path('a'), map({ v: 'x' }))
  await settle()
  assert.equal(calls, 4)
  assert.equal(clock.untilNextMs(), undefined)
  assert.match(metrics.format(), /workqueue_retries_total\{name="test"\} 2/)
  assert.match(metrics.format(), /controller_sync_failures_total\{name="test"\} 3/)
  await end()
})

test('what fails again and again is logged once, and what admission refuses is no warning', async () => {
  const lines: string[] = []
  const destination = {
    write: (line: string) => void lines.push(`${JSON.parse(line).level} ${JSON.parse(line).err.message}`),
  }
  let failure: Error = new Error('not yet')
  const { api, clock, end } = await setUp(
    async () => {
      throw failure
    },
    pino({ level: 'info' }, destination),
  )
  api.put(path('a'), map())
  await settle()
  await clock.advance(1000)
  await settle()
  assert.deepEqual(lines.splice(0), ['40 not yet'])
  failure = new StatusError(403, 'Forbidden', 'exceeded quota')
  api.put(path('b'), map())
  await settle()
  await clock.advance(1000)
  await settle()
  assert.deepEqual(lines, ['30 exceeded quota'])
  api.remove(path('a'))
  api.remove(path('b'))
  failure = terminal(new Error('over'))
  await clock.advance(1_000_000)
  await settle()
  await end()
})

test('a sync may ask to look again, and a change before then takes its place', async () => {
  let calls = 0
  const { api, clock, end } = await setUp(async () => {
    calls++
    return { againInMs: 1000 }
  })
  api.put(path('a'), map())
  await settle()
  await clock.advance(600)
  api.put(path('a'), map({ v: 'x' }))
  await settle()
  assert.equal(calls, 2)
  await clock.advance(600)
  await settle()
  assert.equal(calls, 2)
  await clock.advance(400)
  await settle()
  assert.equal(calls, 3)
  await end()
})

test('a deleted object counts as seen only when the cache has lost it', async () => {
  const seen: boolean[] = []
  const { api, end } = await setUp(async (ctx, object, _key, { client }) => {
    seen.push(object !== undefined)
    if (object) await client.delete(ctx, ConfigMap, { name: 'a', namespace: 'blue' })
  })
  api.put(path('a'), map())
  await settle()
  assert.deepEqual(seen, [true, false])
  await end()
})
