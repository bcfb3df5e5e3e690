import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '../api/kinds/config-map.ts'
import { isNotFound, notFound } from '../api/meta/errors.ts'
import type { ApiRequest, ApiResponse, WatchFrame } from '../api/wire.ts'
import { silentLogger } from '../base/log.ts'
import { createClient } from './api-client.ts'
import { inProcessTransport } from './in-process-transport.ts'

const ctx = { signal: new AbortController().signal, log: silentLogger }
const user = { name: 'me', groups: [] }
const clientOf = (handler: (request: ApiRequest) => Promise<ApiResponse>) =>
  createClient(inProcessTransport(handler, { user, userAgent: 'skiff-test' }))
const answer = (object: object, status = 200): ApiResponse => ({
  status,
  headers: {},
  body: { kind: 'object', object },
})

test('objects are passed as they are, both ways', async () => {
  const stored = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }
  let seen: ApiRequest | undefined
  const client = clientOf(async (request) => {
    seen = request
    return answer(stored)
  })
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'blue' } }
  const made: unknown = await client.create(ctx, ConfigMap, object)
  assert.equal(made, stored)
  assert.equal(seen?.body, object)
  assert.equal(seen?.user, user)
  assert.equal(seen?.headers['user-agent'], 'skiff-test')
})

test('requests say what they mean in path, query and content type', async () => {
  const seen: string[] = []
  const client = clientOf(async ({ method, path, query, headers }) => {
    seen.push(`${method} ${path}?${query} ${headers['content-type'] ?? ''}`.replace('? ', ' ').trim())
    return answer({ metadata: {}, items: [] })
  })
  const target = { name: 'a', namespace: 'blue' }
  await client.get(ctx, ConfigMap, 'a', 'blue')
  await client.list(ctx, ConfigMap, { namespace: 'blue', labelSelector: 'a=b', limit: 5, continue: 'x' })
  await client.patch(
    ctx,
    ConfigMap,
    target,
    { type: 'apply', body: {}, force: true },
    { fieldManager: 'm', dryRun: true },
  )
  await client.patch(ctx, ConfigMap, target, { type: 'json', operations: [] }, { subresource: 'status' })
  await client.delete(ctx, ConfigMap, target, { propagationPolicy: 'Foreground' })
  await client.deleteCollection(ctx, ConfigMap, { namespace: 'blue', labelSelector: 'a=b' })
  await client.createSubresource(ctx, ConfigMap as never, target, 'token', {})
  await client.raw(ctx, 'GET', '/readyz?verbose=1')
  assert.deepEqual(seen, [
    'GET /api/v1/namespaces/blue/configmaps/a',
    'GET /api/v1/namespaces/blue/configmaps?labelSelector=a%3Db&limit=5&continue=x',
    'PATCH /api/v1/namespaces/blue/configmaps/a?fieldManager=m&dryRun=All&force=true application/apply-patch+yaml',
    'PATCH /api/v1/namespaces/blue/configmaps/a/status application/json-patch+json',
    'DELETE /api/v1/namespaces/blue/configmaps/a application/json',
    'DELETE /api/v1/namespaces/blue/configmaps?labelSelector=a%3Db',
    'POST /api/v1/namespaces/blue/configmaps/a/token application/json',
    'GET /readyz?verbose=1',
  ])
})

test('lists are put together from head and items; a Status is thrown', async () => {
  const items = [{ object: { metadata: { name: 'a' } }, json: new Uint8Array() }]
  const head = { kind: 'ConfigMapList', metadata: { resourceVersion: '7', continue: 'next' } }
  const list = clientOf(async () => ({ status: 200, headers: {}, body: { kind: 'list', head, items } }))
  const { items: found, resourceVersion, continue: next } = await list.list(ctx, ConfigMap)
  assert.deepEqual([found[0]?.metadata.name, found[0]?.kind, resourceVersion, next], ['a', 'ConfigMap', '7', 'next'])
  const missing = clientOf(async () => answer(notFound({ group: '', resource: 'configmaps' }, 'a').toStatus(), 404))
  await assert.rejects(missing.get(ctx, ConfigMap, 'a', 'blue'), (err) => isNotFound(err))
})

/** A source that never gives anything, and notes when its reader leaves. */
function stuck() {
  const state = { left: false }
  const events: AsyncIterable<WatchFrame> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: async () => {
        state.left = true
        return { done: true, value: undefined }
      },
    }),
  }
  return { events, state }
}

test('an abort ends a watch that waits, even when its source does not heed it', async () => {
  const { events, state } = stuck()
  const client = clientOf(async () => ({ status: 200, headers: {}, body: { kind: 'watch', events } }))
  const stop = new AbortController()
  const reading = (async () => {
    for await (const _ of client.watch({ ...ctx, signal: stop.signal }, ConfigMap, {})) assert.fail('nothing was sent')
  })()
  await new Promise((resolve) => setImmediate(resolve))
  stop.abort(new Error('enough'))
  await assert.rejects(reading, /enough/)
  assert.equal(state.left, true)
})
