import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testApi } from '../test-api.ts'
import { NO_SETTINGS } from './plugin-choice.ts'

test('events beyond the limit are refused for a while, those of others are not', async () => {
  const limits = [
    { type: 'Namespace', qps: 1, burst: 2 },
    { type: 'SourceAndObject', qps: 1, burst: 5, cacheSize: 2 },
  ] as const
  const configurations = { EventRateLimit: limits }
  const api = await testApi({ admission: { ...NO_SETTINGS, enabled: ['EventRateLimit'], configurations } })
  await api.post('/api/v1/namespaces', { metadata: { name: 'other' } })
  let next = 0
  const post = (namespace = 'default', query = '') =>
    api.post(`/api/v1/namespaces/${namespace}/events${query}`, {
      metadata: { name: `e${next++}` },
      involvedObject: { kind: 'Pod', name: 'p', namespace },
      source: { component: 'test' },
    })
  assert.deepEqual(
    [(await post()).status, (await post('default', '?dryRun=All')).status, (await post()).status],
    [201, 201, 201],
  )
  const refused = await post()
  assert.equal(refused.status, 429)
  assert.equal(refused.body.reason, 'TooManyRequests')
  assert.equal(
    refused.body.message,
    'Too many requests: Too many requests: limit reached on type Namespace for key default',
  )
  assert.equal((await post('other')).status, 201)
  await api.clock.advance(1000)
  assert.equal((await post()).status, 201)
  assert.equal((await post()).status, 429)
  await api.close()
})
