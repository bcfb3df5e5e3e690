// The client against the real API server over HTTPS: what an agent lives through when the server goes and comes back.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ConfigMap } from '../../src/api/kinds/config-map.ts'
import { isAlreadyExists, isNotFound } from '../../src/api/meta/errors.ts'
import { type ApiServer, createApiServer } from '../../src/apiserver/server.ts'
import { openMemoryStore } from '../../src/apiserver/storage/memory.ts'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import { ensurePki, type Pki } from '../../src/base/pki.ts'
import { createClient } from '../../src/client/api-client.ts'
import { httpsTransport } from '../../src/client/https-transport.ts'
import { createCache } from '../../src/client/informer-cache.ts'
import type { Transport } from '../../src/client/transport.ts'

const ctx = { signal: new AbortController().signal, log: silentLogger }
const store = openMemoryStore()
let directory: string
let pki: Pki
let server: ApiServer
let port = 0

async function start(): Promise<void> {
  const log = silentLogger
  server = await createApiServer({ store, clock: systemClock, log, serviceCIDR: '10.96.0.0/16', pki })
  port = (await server.listen({ host: '127.0.0.1', port })).port
}

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pki-'))
  pki = await ensurePki(ctx, directory, { addresses: [], dnsNames: [], clock: systemClock })
  await start()
})
after(async () => {
  await server.close()
  await store.close()
  await rm(directory, { recursive: true })
})

const connect = () =>
  httpsTransport({ server: `https://127.0.0.1:${port}`, ca: pki.authorityCert, clientCertificate: () => pki.admin })
const map = (name: string) => ({ metadata: { name, namespace: 'default' }, data: { text: 'ä'.repeat(100) } })

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const endMs = Date.now() + 5000; !holds(); ) {
    assert.ok(Date.now() < endMs, `not within 5 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test('reads, writes, errors and text answers come through as they do in-process', async () => {
  const transport = connect()
  const client = createClient(transport)
  const made = await client.create(ctx, ConfigMap, map('plain'))
  assert.equal(made.metadata.namespace, 'default')
  await assert.rejects(client.create(ctx, ConfigMap, map('plain')), (err) => isAlreadyExists(err))
  const patch = { type: 'merge', body: { data: { more: 'x' } } } as const
  const patched = await client.patch(ctx, ConfigMap, { name: 'plain', namespace: 'default' }, patch)
  assert.deepEqual(Object.keys(patched.data ?? {}).sort(), ['more', 'text'])
  const { items } = await client.list(ctx, ConfigMap, { namespace: 'default', fieldSelector: 'metadata.name=plain' })
  assert.deepEqual([items.length, items[0]?.kind], [1, 'ConfigMap'])
  await client.delete(
    ctx,
    ConfigMap,
    { name: 'plain', namespace: 'default' },
    { preconditions: { uid: made.metadata.uid } },
  )
  await assert.rejects(client.get(ctx, ConfigMap, 'plain', 'default'), (err) => isNotFound(err))
  assert.equal(await client.raw(ctx, 'GET', '/readyz'), 'ok')
  transport.close()
})

test('a cache outlives a restart of the server and goes on where it was, without listing again', async () => {
  const stop = new AbortController()
  const requests: string[] = []
  const transport = recorded(connect(), requests)
  const client = createClient(transport)
  const cache = createCache({ ...ctx, signal: stop.signal }, client, systemClock)
  const added: string[] = []
  cache.watch(ConfigMap, ({ type, object }) => {
    if (type === 'added' && object.metadata.namespace === 'default') added.push(object.metadata.name)
  })
  await cache.synced(ctx.signal)
  await client.create(ctx, ConfigMap, map('before'))
  await until('the first object is seen', () => added.includes('before'))

  await server.close()
  await assert.rejects(client.get(ctx, ConfigMap, 'before', 'default'))
  assert.equal(cache.get(ConfigMap, 'before', 'default')?.metadata.name, 'before')
  await start()
  await client.create(ctx, ConfigMap, map('after'))
  await until('an object made after the restart is seen', () => added.includes('after'))
  assert.deepEqual(added, ['before', 'after'])
  assert.equal(requests.filter((r) => r.startsWith('list')).length, 1)

  stop.abort()
  await cache.stopped()
  transport.close()
})

function recorded(transport: Transport, requests: string[]): Transport {
  return {
    ...transport,
    request: (requestCtx, request) => {
      requests.push(request.query?.has('limit') ? `list ${request.path}` : `${request.method} ${request.path}`)
      return transport.request(requestCtx, request)
    },
  }
}
