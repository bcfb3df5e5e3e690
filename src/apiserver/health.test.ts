import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ApiRequest } from '../api/wire.ts'
import { FakeClock } from '../base/clock.ts'
import { silentLogger } from '../base/log.ts'
import { healthResponse, ownsHealthPath, serverChecks } from './health.ts'
import { testApi } from './test-api.ts'

const clock = new FakeClock()
let since: number | undefined
let ready = true
let stopping = false
const checks = serverChecks({
  clock,
  writingSinceMs: () => since,
  isReady: () => ready,
  isStopping: () => stopping,
})

async function ask(url: string): Promise<[status: number, text: string]> {
  const [path = '', query = ''] = url.split('?')
  const request = { path, query: new URLSearchParams(query) } as ApiRequest
  const { status, body } = await healthResponse(request, checks, silentLogger)
  return [status, body.kind === 'bytes' ? Buffer.from(body.bytes).toString() : '']
}

test('one word, or a line for each check', async () => {
  assert.deepEqual(await ask('/readyz'), [200, 'ok'])
  const [status, text] = await ask('/readyz?verbose')
  assert.equal(status, 200)
  assert.match(text, /^\[\+\]ping ok\n\[\+\]log ok\n\[\+\]etcd ok\n\[\+\]etcd-readiness ok\n\[\+\]informer-sync ok\n/)
  assert.match(text, /\[\+\]poststarthook\/rbac\/bootstrap-roles ok\n/)
  assert.match(text, /\[\+\]shutdown ok\nreadyz check passed\n$/)
  assert.doesNotMatch((await ask('/livez?verbose'))[1], /shutdown|readiness/)
})

test('single checks have paths of their own, those with slashes too', async () => {
  assert.ok(ownsHealthPath('/livez/poststarthook/rbac/bootstrap-roles'))
  assert.deepEqual(await ask('/livez/poststarthook/rbac/bootstrap-roles'), [200, 'ok'])
  assert.deepEqual(await ask('/readyz/etcd'), [200, 'ok'])
  assert.equal((await ask('/livez/shutdown'))[0], 404)
})

test('checks can be left out; a name that is none is warned of', async () => {
  const [, text] = await ask('/livez?verbose&exclude=etcd&exclude=nothing&exclude=never')
  assert.match(text, /\[\+\]etcd excluded: ok\n/)
  assert.match(
    text,
    /warn: some health checks cannot be excluded: no matches for "never", "nothing"\nlivez check passed/,
  )
})

test('a failed check is a 500 that says which one, and not why', async () => {
  since = clock.now()
  await clock.advance(29_000)
  assert.deepEqual(await ask('/livez'), [200, 'ok'])
  await clock.advance(1000)
  const [status, text] = await ask('/livez')
  assert.equal(status, 500)
  assert.match(text, /\[-\]etcd failed: reason withheld\n/)
  assert.match(text, /livez check failed\n$/)
  assert.equal((await ask('/livez?exclude=etcd'))[0], 200)
  assert.match(
    (await ask('/livez/etcd'))[1],
    /^internal server error: a write to the database has been under way for 30 s/,
  )
  since = undefined
})

test('a server that begins or ends is alive and not ready', async () => {
  stopping = true
  assert.deepEqual([(await ask('/livez'))[0], (await ask('/readyz'))[0]], [200, 500])
  stopping = false
  ready = false
  assert.equal((await ask('/readyz'))[0], 500)
  ready = true
  const api = await testApi()
  assert.equal((await api.get('/readyz')).status, 200)
  await api.server.close()
  assert.match((await api.get('/readyz')).body, /\[-\]shutdown failed/)
  assert.equal((await api.get('/livez')).status, 200)
  assert.equal((await api.get('/logs')).status, 404)
})
