import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { after, test } from 'node:test'
import { APIService } from '../api/kinds/api-service.ts'
import { builtinKinds } from '../api/kinds/builtin.ts'
import { ConfigMap } from '../api/kinds/config-map.ts'
import type { Kind } from '../api/kinds/kind.ts'
import { Namespace } from '../api/kinds/namespace.ts'
import type { DeepReadonly, KubeObject } from '../api/meta/object.ts'
import { type Json, testApi } from '../apiserver/test-api.ts'
import { publishService, setEndpoints, testWebhook } from '../apiserver/webhooks/test-webhook.ts'
import { systemClock } from '../base/clock.ts'
import { silentLogger } from '../base/log.ts'
import { createClient } from '../client/api-client.ts'
import { createEventRecorder } from '../client/event-recorder.ts'
import { inProcessTransport } from '../client/in-process-transport.ts'
import { createCache } from '../client/informer-cache.ts'
import { runGarbageCollector } from './garbage-collector.ts'
import { deletableKinds, isNamespaced, namespaceController } from './namespace.ts'
import { runControllers } from './runner.ts'

const GROUP = '/apis/wardle.example.com/v1'

/** An API server of one kind, whose objects are in memory. */
class Flunders {
  readonly objects = new Map<string, Json>()
  readonly #watches = new Set<ServerResponse>()
  #revision = 100

  put(namespace: string, name: string, more: object = {}): void {
    const metadata = { namespace, name, uid: `uid-${name}`, resourceVersion: String(++this.#revision), ...more }
    const object = { apiVersion: 'wardle.example.com/v1', kind: 'Flunder', metadata }
    this.objects.set(`${namespace}/${name}`, object)
    this.#tell('ADDED', object)
  }

  readonly answer = (_body: Json, request: IncomingMessage, response: ServerResponse): Json => {
    const url = new URL(request.url ?? '/', 'https://x')
    if (url.pathname === GROUP) return this.#discovery
    const [, namespace, name] = /^(?:\/namespaces\/([^/]+))?\/flunders(?:\/([^/]+))?$/.exec(
      url.pathname.slice(GROUP.length),
    ) ?? [undefined, undefined, undefined]
    if (url.searchParams.get('watch')) {
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
      this.#watches.add(response)
      response.once('close', () => this.#watches.delete(response))
      return undefined
    }
    const chosen = [...this.objects].filter(
      ([, { metadata }]) => (!namespace || metadata.namespace === namespace) && (!name || metadata.name === name),
    )
    if (name && chosen.length === 0) {
      response.writeHead(404, { 'content-type': 'application/json' })
      response.end(
        JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 }),
      )
      return undefined
    }
    if (request.method === 'DELETE') {
      for (const [key, object] of chosen) {
        this.objects.delete(key)
        object.metadata.resourceVersion = String(++this.#revision)
        this.#tell('DELETED', object)
      }
      return { kind: 'Status', apiVersion: 'v1', status: 'Success' }
    }
    if (name) return chosen[0]![1]
    const metadata = { resourceVersion: String(this.#revision) }
    return { kind: 'FlunderList', metadata, items: chosen.map(([, object]) => object) }
  }

  readonly #discovery = {
    kind: 'APIResourceList',
    groupVersion: 'wardle.example.com/v1',
    resources: [
      {
        name: 'flunders',
        singularName: 'flunder',
        namespaced: true,
        kind: 'Flunder',
        verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
      },
      { name: 'flunders/status', singularName: '', namespaced: true, kind: 'Flunder', verbs: ['get'] },
    ],
  }

  #tell(type: string, object: Json): void {
    for (const watch of this.#watches) watch.write(`${JSON.stringify({ type, object })}\n`)
  }
}

const api = await testApi()
const flunders = new Flunders()
const server = await testWebhook(flunders.answer, { dnsNames: ['wardle.ext.svc'] })
for (const name of ['ext', 'blue', 'green', 'red']) await api.post('/api/v1/namespaces', { metadata: { name } })
await publishService(api, 'ext', 'wardle', server.port)

const stop = new AbortController()
const ctx = { signal: stop.signal, log: silentLogger }
const user = { name: 'system:kube-controller-manager', groups: ['system:masters', 'system:authenticated'] }
const client = createClient(inProcessTransport(api.server.handler, { user }))
const cache = createCache(ctx, client, systemClock)
const events = createEventRecorder(ctx, client, systemClock, { component: 'test' })
const deps = { client, cache, events, clock: systemClock }
const kinds = deletableKinds(builtinKinds)
const running = Promise.all([
  runControllers(ctx, deps, [namespaceController(kinds.filter(isNamespaced))]),
  runGarbageCollector(ctx, deps, kinds),
])

after(async () => {
  stop.abort()
  await running
  await cache.stopped()
  await api.close()
  await server.close()
})

/** Resolves when the cache shows what is waited for. */
function shows<T extends KubeObject>(
  kind: Kind<T>,
  accepts: (type: string, object: DeepReadonly<T>) => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    const unfollow = cache.watch(kind, ({ type, object }) => {
      if (!accepts(type, object)) return
      queueMicrotask(() => unfollow())
      resolve()
    })
  })
}

const register = () =>
  api.post('/apis/apiregistration.k8s.io/v1/apiservices', {
    metadata: { name: 'v1.wardle.example.com' },
    spec: {
      group: 'wardle.example.com',
      version: 'v1',
      groupPriorityMinimum: 1000,
      versionPriority: 15,
      service: { namespace: 'ext', name: 'wardle' },
      caBundle: server.caBundle,
    },
  })

const availability = (wanted: string) =>
  shows(
    APIService,
    (_type, { metadata, status }) =>
      metadata.name === 'v1.wardle.example.com' &&
      status?.conditions?.some(({ type, status: is }) => type === 'Available' && is === wanted) === true,
  )

const namespaceGone = (name: string) =>
  shows(Namespace, (type, { metadata }) => type === 'deleted' && metadata.name === name)

test('objects of another server are collected with their owners, and own others', { timeout: 20_000 }, async () => {
  const uid = '11111111-1111-4111-8111-111111111111'
  const absent = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid }
  flunders.put('blue', 'orphan', { ownerReferences: [absent] })
  flunders.put('blue', 'stays')
  const owner = { apiVersion: 'wardle.example.com/v1', kind: 'Flunder' }
  const configMap = (name: string, ownerUid: string, of: string) =>
    api.post('/api/v1/namespaces/blue/configmaps', {
      metadata: { name, ownerReferences: [{ ...owner, name: of, uid: ownerUid }] },
    })
  await configMap('kept', 'uid-stays', 'stays')
  await configMap('lost', uid, 'never-was')
  assert.equal((await api.get('/api/v1/namespaces/blue/configmaps/lost')).status, 200)
  const lost = shows(ConfigMap, (type, { metadata }) => type === 'deleted' && metadata.name === 'lost')
  await register()
  await lost
  while (flunders.objects.has('blue/orphan')) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([...flunders.objects.keys()], ['blue/stays'])
  assert.equal((await api.get('/api/v1/namespaces/blue/configmaps/kept')).status, 200)
})

test('a namespace is emptied of what another server keeps in it', { timeout: 20_000 }, async () => {
  await availability('True')
  flunders.put('green', 'one')
  flunders.put('red', 'other')
  const gone = namespaceGone('green')
  await api.delete('/api/v1/namespaces/green')
  await gone
  assert.ok(!flunders.objects.has('green/one') && flunders.objects.has('red/other'))
})

test('a namespace waits for a server that is away, says so, and goes when it is back', {
  timeout: 20_000,
}, async () => {
  await setEndpoints(api, 'ext', 'wardle', server.port, false)
  await availability('False')
  await api.delete('/api/v1/namespaces/red')
  await shows(Namespace, (_type, { metadata, status }) => {
    if (metadata.name !== 'red') return false
    const found = status?.conditions?.find(({ type }) => type === 'NamespaceDeletionDiscoveryFailure')
    if (!found) return false
    assert.deepEqual(
      [found.status, found.reason, found.message],
      [
        'True',
        'DiscoveryFailed',
        'Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: ' +
          'wardle.example.com/v1: stale GroupVersion discovery: wardle.example.com/v1',
      ],
    )
    return true
  })
  assert.ok(flunders.objects.has('red/other'))
  const gone = namespaceGone('red')
  await setEndpoints(api, 'ext', 'wardle', server.port)
  await gone
  assert.ok(!flunders.objects.has('red/other'))
})

test('what belongs to a kind that is gone with its server is left alone', { timeout: 20_000 }, async () => {
  await api.delete('/apis/apiregistration.k8s.io/v1/apiservices/v1.wardle.example.com')
  await shows(APIService, (type, { metadata }) => type === 'deleted' && metadata.name === 'v1.wardle.example.com')
  assert.equal((await api.get('/api/v1/namespaces/blue/configmaps/kept')).status, 200)
  const gone = namespaceGone('blue')
  await api.delete('/api/v1/namespaces/blue')
  await gone
  assert.ok(flunders.objects.has('blue/stays'))
})
