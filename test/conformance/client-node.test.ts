// The official JavaScript client against the real server over TLS: informers across a restart, generic and custom objects in every patch
// strategy, streaming classes and metrics where nothing serves them.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { after, before, test } from 'node:test'
import {
  ApiextensionsV1Api,
  AppsV1Api,
  Attach,
  CoreV1Api,
  Exec,
  type KubernetesObject,
  KubernetesObjectApi,
  Log,
  Metrics,
  makeInformer,
  PatchStrategy,
  PortForward,
  setHeaderOptions,
  topPods,
  type V1ConfigMap,
  VersionApi,
  Watch,
} from '@kubernetes/client-node'
import { openLevelStore } from '../../src/apiserver/storage/leveldb.ts'
import { silentLogger } from '../../src/base/log.ts'
import { conformanceServer, type Json } from './server.ts'

const api = await conformanceServer()
after(() => api.close())
const objects = KubernetesObjectApi.makeApiClient(api.config)
const core = api.config.makeApiClient(CoreV1Api)
const NS = 'node-client'
const AT = { namespace: NS }
before(async () => {
  await core.createNamespace({ body: { metadata: { name: NS } } })
  await core.createNamespacedServiceAccount({ ...AT, body: { metadata: { name: 'default' } } })
})

const engine = (spec: object): KubernetesObject =>
  ({
    apiVersion: 'node.example.com/v1',
    kind: 'Engine',
    metadata: { name: 'one', namespace: NS },
    spec,
  }) as KubernetesObject

test('objects of any kind are made, read, changed in every strategy, listed and deleted, custom ones too', async () => {
  await api.config.makeApiClient(ApiextensionsV1Api).createCustomResourceDefinition({
    body: {
      metadata: { name: 'engines.node.example.com' },
      spec: {
        group: 'node.example.com',
        scope: 'Namespaced',
        names: { plural: 'engines', kind: 'Engine' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            subresources: { status: {} },
            schema: { openAPIV3Schema: { type: 'object', x_kubernetes_preserve_unknown_fields: true } },
          },
        ],
      },
    },
  })
  const path = '/apis/node.example.com/v1/engines'
  while ((await api.get(path)).status === 404);

  const cases: [KubernetesObject, Record<string, unknown>][] = [
    [engine({ size: 1 }), { spec: { size: 2 } }],
    [
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'one', namespace: NS },
        data: { a: '1' },
      } as KubernetesObject,
      { data: { a: '2' } },
    ],
  ]
  for (const [object, change] of cases) {
    const { apiVersion = '', kind = '', metadata } = object
    const header = { apiVersion, kind, metadata: { name: 'one', namespace: NS } }
    const field = Object.keys(change)[0]!
    const made: Json = await objects.create(object)
    assert.ok(made.metadata.uid)
    await assert.rejects(objects.create(object), (err: Json) => err.code === 409)
    const dry: Json = await objects.patch(
      { ...header, ...change },
      undefined,
      'All',
      undefined,
      undefined,
      PatchStrategy.MergePatch,
    )
    assert.deepEqual(dry[field], change[field])
    const read: Json = await objects.read(header)
    assert.equal(read.metadata.resourceVersion, made.metadata.resourceVersion)
    const merged: Json = await objects.patch(
      { ...header, ...change },
      undefined,
      undefined,
      'js',
      undefined,
      PatchStrategy.MergePatch,
    )
    assert.deepEqual(merged[field], change[field])
    const applying = { ...object, metadata: { name: 'one', namespace: NS } }
    const apply = (force: boolean) =>
      objects.patch(applying, undefined, undefined, 'applier', force, PatchStrategy.ServerSideApply)
    await assert.rejects(
      apply(false),
      (err: Json) => err.code === 409 && /conflict with "js"/.test(JSON.parse(err.body).message),
    )
    const applied: Json = await apply(true)
    assert.deepEqual(applied[field], (object as Json)[field])
    const replaced: Json = await objects.replace({
      ...applied,
      metadata: { ...applied.metadata, labels: { set: 'yes' } },
    })
    assert.equal(replaced.metadata.labels.set, 'yes')
    await assert.rejects(objects.replace(applied), (err: Json) => err.code === 409)
    const list = await objects.list(apiVersion, kind, NS, undefined, undefined, undefined, undefined, 'set=yes')
    assert.deepEqual(
      list.items.map((item) => item.metadata?.name),
      [metadata!.name],
    )
    await objects.delete(header)
    await assert.rejects(objects.read(header), (err: Json) => err.code === 404)
  }
  // What a merge key joins, only built-in kinds know.
  await objects.create(engine({ size: 1 }))
  await assert.rejects(
    objects.patch(engine({ size: 2 }), undefined, undefined, undefined, undefined, PatchStrategy.StrategicMergePatch),
    (err: Json) => err.code === 415,
  )
})

test('patches of the typed classes go by the content type that is asked for', async () => {
  const apps = api.config.makeApiClient(AppsV1Api)
  const labels = { app: 'web' }
  const containers = [{ name: 'c', image: 'one', env: [{ name: 'A', value: '1' }] }]
  const spec = {
    replicas: 1,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers } },
  }
  await apps.createNamespacedDeployment({ ...AT, body: { metadata: { name: 'web' }, spec } })
  const patch = (strategy: string, body: object) =>
    apps.patchNamespacedDeployment({ ...AT, name: 'web', body }, setHeaderOptions('Content-Type', strategy))
  const strategic = await patch(PatchStrategy.StrategicMergePatch, {
    spec: { template: { spec: { containers: [{ name: 'c', env: [{ name: 'B', value: '2' }] }] } } },
  })
  const [container] = strategic.spec!.template.spec!.containers
  assert.deepEqual([container!.image, container!.env!.map(({ name }) => name).sort()], ['one', ['A', 'B']])
  const json = await patch(PatchStrategy.JsonPatch, [{ op: 'replace', path: '/spec/replicas', value: 3 }])
  assert.equal(json.spec!.replicas, 3)
  const scale = await apps.readNamespacedDeploymentScale({ ...AT, name: 'web' })
  scale.spec!.replicas = 2
  assert.equal((await apps.replaceNamespacedDeploymentScale({ ...AT, name: 'web', body: scale })).spec!.replicas, 2)
  const left = await apps.deleteNamespacedDeployment({ ...AT, name: 'web', propagationPolicy: 'Foreground' })
  assert.ok(left)
  assert.deepEqual((await apps.readNamespacedDeployment({ ...AT, name: 'web' })).metadata!.finalizers, [
    'foregroundDeletion',
  ])
})

test('a watch is told of bookmarks, and a revision that is none ends it', async () => {
  const watch = new Watch(api.config)
  const path = `/api/v1/namespaces/${NS}/configmaps`
  const seen: string[] = []
  const { promise: streamed, resolve } = Promise.withResolvers<void>()
  const query = { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: true }
  await core.createNamespacedConfigMap({ ...AT, body: { metadata: { name: 'streamed' } } })
  const stop = await watch.watch(
    path,
    query,
    (type, object) => {
      seen.push(`${type} ${object.metadata.name ?? ''}`)
      if (type === 'BOOKMARK') resolve()
    },
    () => undefined,
  )
  await streamed
  stop.abort()
  assert.deepEqual(seen, ['ADDED streamed', 'BOOKMARK '])
  const { promise: ended, resolve: end } = Promise.withResolvers<Json>()
  await watch.watch(path, { resourceVersion: 'x' }, () => undefined, end)
  assert.match(String(await ended), /Bad Request/)
})

test('an informer goes on after the server was away, and misses nothing', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'skiff-client-node-'))
  const open = () => openLevelStore({ log: silentLogger }, join(directory, 'db'))
  let store = await open()
  let server = await conformanceServer({ store, directory })
  const { port, config } = server
  const maps = config.makeApiClient(CoreV1Api)
  const path = '/api/v1/namespaces/default/configmaps'
  const informer = makeInformer<V1ConfigMap>(config, path, () => maps.listNamespacedConfigMap({ namespace: 'default' }))
  const names = () =>
    informer
      .list()
      .map((map) => map.metadata!.name)
      .sort()
  const waiters: (() => void)[] = []
  const changed = () => new Promise<void>((resolve) => waiters.push(resolve))
  const notify = () => {
    for (const wake of waiters.splice(0)) wake()
  }
  for (const verb of ['add', 'update', 'delete'] as const) informer.on(verb, notify)
  const lost = new Promise<unknown>((resolve) => informer.on('error', resolve))
  const map = (name: string) => maps.createNamespacedConfigMap({ namespace: 'default', body: { metadata: { name } } })
  await map('a')
  await informer.start()
  const second = changed()
  await map('b')
  while (names().length < 2) await second
  await server.close()
  await lost
  await store.close()

  store = await open()
  server = await conformanceServer({ store, directory, listenPort: port })
  await map('c')
  await maps.deleteNamespacedConfigMap({ namespace: 'default', name: 'a' })
  await informer.start()
  while (names().join() !== 'b,c') await changed()
  await informer.stop()
  await server.close()
  await store.close()
  await rm(directory, { recursive: true })
})

test('streams of a pod that runs nowhere are refused with the reason', async () => {
  const body = { metadata: { name: 'lonely' }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  await core.createNamespacedPod({ ...AT, body })
  const streams = () => [new PassThrough(), new PassThrough(), new PassThrough()] as const
  const [out, err, input] = streams()
  const status = (code: number) => (failure: Json) => String(failure.message).includes(`server response: ${code}`)
  const unscheduled = status(400)
  await assert.rejects(new Exec(api.config).exec(NS, 'lonely', 'c', ['ls'], out, err, input, false), unscheduled)
  await assert.rejects(new Attach(api.config).attach(NS, 'lonely', 'c', out, err, input, false), unscheduled)
  await assert.rejects(new PortForward(api.config).portForward(NS, 'lonely', [80], out, err, input), unscheduled)
  await assert.rejects(new Exec(api.config).exec(NS, 'nobody', 'c', ['ls'], out, err, input, false), status(404))
  const log = new PassThrough()
  await new Log(api.config).log(NS, 'lonely', 'c', log, { follow: false })
  assert.equal(
    await log
      .resume()
      .toArray()
      .then((chunks) => chunks.length),
    0,
  )
})

test('metrics that nobody serves are an error, and the version is ours', async () => {
  const metrics = new Metrics(api.config)
  await assert.rejects(metrics.getNodeMetrics(), /Error occurred in metrics request/)
  await assert.rejects(topPods(core, metrics, NS), /Error occurred in metrics request/)
  assert.equal((await api.get('/apis/metrics.k8s.io/v1beta1/nodes')).status, 404)
  assert.equal((await api.config.makeApiClient(VersionApi).getCode()).minor, '36')
})
