// The lives of single kinds, as the conformance document tells them: configuration, leases, events, services, ingresses, namespaces,
// priorities, quotas' own objects and requests for certificates.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  CoordinationV1Api,
  CoreV1Api,
  EventsV1Api,
  NetworkingV1Api,
  NodeV1Api,
  PatchStrategy,
  SchedulingV1Api,
  setHeaderOptions,
} from '@kubernetes/client-node'
import { conformanceServer, type Json } from './server.ts'

const api = await conformanceServer({ nodePorts: { first: 30_000, last: 30_020 } })
after(() => api.close())
const core = api.config.makeApiClient(CoreV1Api)
const namespace = 'default'
const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
const SERVICES = '/api/v1/namespaces/default/services'
await api.post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } })

test('a ConfigMap is created, patched, found by its label in all namespaces, and deleted in a collection', async () => {
  const labels = { 'test-configmap-static': 'true' }
  await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'life', labels }, data: { a: '1' } } })
  await core.patchNamespacedConfigMap({ name: 'life', namespace, body: { data: { a: '2' } } }, merge)
  const labelSelector = 'test-configmap-static=true'
  const all = await core.listConfigMapForAllNamespaces({ labelSelector })
  assert.deepEqual(
    all.items.map((m) => [m.metadata?.name, m.data]),
    [['life', { a: '2' }]],
  )
  await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector })
  assert.equal((await core.listNamespacedConfigMap({ namespace, labelSelector })).items.length, 0)
})

test('a Secret takes text, keeps bytes, and its type', async () => {
  const { data } = await core.createNamespacedSecret({
    namespace,
    body: { metadata: { name: 's', labels: { s: 'x' } }, stringData: { key: 'väl' }, data: { other: 'eA==' } },
  })
  assert.deepEqual(data, { key: Buffer.from('väl').toString('base64'), other: 'eA==' })
  const { body } = await api.get('/api/v1/namespaces/default/secrets/s')
  assert.deepEqual([body.type, body.stringData], ['Opaque', undefined])
  const patched = await core.patchNamespacedSecret({ name: 's', namespace, body: { data: { key: 'eQ==' } } }, merge)
  assert.equal(patched.data?.['key'], 'eQ==')
  const retyped = await api.patch('merge', '/api/v1/namespaces/default/secrets/s', { type: 'example.com/x' })
  assert.equal(retyped.status, 422)
  const broken = await api.post('/api/v1/namespaces/default/secrets', { metadata: { name: 'b' }, data: { a: '!' } })
  assert.equal(broken.status, 400)
  const tls = { metadata: { name: 'tls' }, type: 'kubernetes.io/tls', data: { 'tls.crt': 'eA==' } }
  assert.equal((await api.post('/api/v1/namespaces/default/secrets', tls)).status, 422)
  await core.deleteCollectionNamespacedSecret({ namespace, labelSelector: 's=x' })
  assert.ok(!(await core.listSecretForAllNamespaces()).items.some((s) => s.metadata?.name === 's'))
})

test('a Lease is created, updated, patched and deleted with others of its label', async () => {
  const leases = api.config.makeApiClient(CoordinationV1Api)
  const spec = { holderIdentity: 'me', leaseDurationSeconds: 30, leaseTransitions: 0 }
  const made = await leases.createNamespacedLease({ namespace, body: { metadata: { name: 'l' }, spec } })
  const updated = { ...made, spec: { ...spec, holderIdentity: 'you', leaseTransitions: 1 } }
  const put = await leases.replaceNamespacedLease({ name: 'l', namespace, body: updated })
  assert.equal(put.spec?.holderIdentity, 'you')
  const patched = await leases.patchNamespacedLease(
    { name: 'l', namespace, body: { spec: { leaseDurationSeconds: 60 } } },
    merge,
  )
  assert.deepEqual([patched.spec?.leaseDurationSeconds, patched.spec?.leaseTransitions], [60, 1])
  await leases.createNamespacedLease({ namespace, body: { metadata: { name: 'm', labels: { d: 'y' } }, spec } })
  assert.equal((await leases.listNamespacedLease({ namespace })).items.length, 2)
  await leases.deleteCollectionNamespacedLease({ namespace, labelSelector: 'd=y' })
  assert.equal((await leases.listNamespacedLease({ namespace })).items.length, 1)
})

test('events are one thing in both of their groups', async () => {
  const events = api.config.makeApiClient(EventsV1Api)
  const body = {
    metadata: { name: 'happened', labels: { e: 'x' } },
    regarding: { kind: 'Pod', name: 'p', namespace },
    reportingController: 'test/controller',
    reportingInstance: 'i',
    action: 'Do',
    reason: 'Because',
    type: 'Normal',
    note: 'first',
    eventTime: new Date(Math.floor(Date.now() / 1000) * 1000) as never,
  }
  const { status } = await api.post('/apis/events.k8s.io/v1/namespaces/default/events', body)
  assert.equal(status, 201)
  const old = await core.readNamespacedEvent({ name: 'happened', namespace })
  assert.deepEqual([old.involvedObject.name, old.message, old.reportingComponent], ['p', 'first', 'test/controller'])
  await assert.rejects(
    events.patchNamespacedEvent({ name: 'happened', namespace, body: { note: 'second' } }, merge),
    /message: Invalid value: .*: field is immutable/,
  )
  const series = { count: 10, lastObservedTime: '2026-01-01T00:00:00.000000Z' }
  const patch = await api.patch('merge', '/apis/events.k8s.io/v1/namespaces/default/events/happened', { series })
  assert.equal(patch.body.series.count, 10)
  const selector = encodeURIComponent('involvedObject.name=p,reason=Because')
  const listed = await api.get(`/api/v1/events?fieldSelector=${selector}`)
  assert.equal(listed.body.items.length, 1)
  await events.deleteCollectionNamespacedEvent({ namespace, labelSelector: 'e=x' })
  assert.equal((await core.listEventForAllNamespaces({ labelSelector: 'e=x' })).items.length, 0)
})

test('ingresses and their classes live as the standard says', async () => {
  const networking = api.config.makeApiClient(NetworkingV1Api)
  await networking.createIngressClass({
    body: { metadata: { name: 'c' }, spec: { controller: 'example.com/controller' } },
  })
  const spec = { ingressClassName: 'c', defaultBackend: { service: { name: 'web', port: { number: 80 } } } }
  const made = await networking.createNamespacedIngress({ namespace, body: { metadata: { name: 'i' }, spec } })
  assert.equal(made.metadata?.generation, 1)
  const status = { status: { loadBalancer: { ingress: [{ ip: '169.1.1.1' }] } } }
  const patched = await networking.patchNamespacedIngressStatus({ name: 'i', namespace, body: status }, merge)
  assert.equal(patched.status?.loadBalancer?.ingress?.[0]?.ip, '169.1.1.1')
  assert.equal(patched.metadata?.generation, 1)
  const read = await networking.readNamespacedIngressStatus({ name: 'i', namespace })
  assert.deepEqual(read.status, patched.status)
})

test('the kubernetes Service is there, in the default namespace', async () => {
  const { items } = await core.listServiceForAllNamespaces()
  const found = items.find((s) => s.metadata?.name === 'kubernetes')
  assert.deepEqual([found?.metadata?.namespace, found?.spec?.clusterIP], ['default', '10.96.0.1'])
})

const service = (name: string, spec: object) => ({ metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } })
const typed = (name: string, spec: object) => api.patch('merge', `${SERVICES}/${name}`, { spec })

test('a Service changes its type, and gets and gives up addresses and ports', async () => {
  const { body: external } = await api.post(SERVICES, service('ext', { type: 'ExternalName', externalName: 'a.b' }))
  assert.equal(external.spec.clusterIP, undefined)
  const { body: cluster } = await typed('ext', { type: 'ClusterIP', externalName: null })
  assert.match(cluster.spec.clusterIP, /^10\.96\.0\.\d+$/)
  assert.deepEqual(cluster.spec.clusterIPs, [cluster.spec.clusterIP])
  const { body: node } = await typed('ext', { type: 'NodePort' })
  const { nodePort } = node.spec.ports[0]
  assert.ok(nodePort >= 30_000 && nodePort <= 30_020)
  assert.equal(node.spec.clusterIP, cluster.spec.clusterIP)
  const taken = await api.post(SERVICES, service('other', { type: 'NodePort', ports: [{ port: 80, nodePort }] }))
  assert.equal(taken.status, 422)
  assert.match(taken.body.message, /spec\.ports\[0\]\.nodePort: Invalid value: \d+: provided port is already allocated/)
  const { body: back } = await typed('ext', {
    type: 'ExternalName',
    externalName: 'a.b',
    clusterIP: '',
    clusterIPs: null,
  })
  assert.equal(back.spec?.clusterIP, undefined, JSON.stringify(back))
  assert.equal(back.spec.ports?.[0]?.nodePort, undefined)
  assert.equal(
    (await api.post(SERVICES, service('other', { type: 'NodePort', ports: [{ port: 80, nodePort }] }))).status,
    201,
  )
  const { body: sticky } = await typed('other', { sessionAffinity: 'ClientIP' })
  assert.equal(sticky.spec.sessionAffinityConfig.clientIP.timeoutSeconds, 10_800)
  const { body: loose } = await typed('other', { sessionAffinity: 'None', sessionAffinityConfig: null })
  assert.equal(loose.spec.sessionAffinityConfig, undefined)
})

test('addresses and ports that cannot be had are refused', async () => {
  const why = async (spec: object) => {
    const { status, body } = await api.post(`${SERVICES}?dryRun=All`, service('x', spec))
    assert.equal(status, 422)
    return body.message
  }
  assert.match(
    await why({ clusterIP: '10.96.0.1' }),
    /failed to allocate IP 10\.96\.0\.1: provided IP is already allocated/,
  )
  assert.match(
    await why({ clusterIP: '10.1.1.1' }),
    /failed to allocate IP 10\.1\.1\.1: the provided network does not match/,
  )
  assert.match(await why({ clusterIP: 'x' }), /must be a valid IP address/)
  assert.match(
    await why({ type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }),
    /provided port is not in the valid range/,
  )
  for (let i = 0; i < 30; i++) {
    const { status } = await api.post(SERVICES, service(`full-${i}`, { type: 'NodePort' }))
    if (status !== 201) {
      assert.equal(status, 500)
      break
    }
    assert.ok(i < 21, 'no more ports than there are')
  }
})

test('PriorityClasses keep their values, and pods take them', async () => {
  const scheduling = api.config.makeApiClient(SchedulingV1Api)
  await scheduling.createPriorityClass({ body: { metadata: { name: 'high' }, value: 1000 } })
  const changed = await api.patch('merge', '/apis/scheduling.k8s.io/v1/priorityclasses/high', { value: 2000 })
  assert.equal(changed.status, 422)
  assert.match(changed.body.message, /value: Forbidden: may not be changed in an update/)
  const described = { description: 'more' }
  assert.equal((await api.patch('merge', '/apis/scheduling.k8s.io/v1/priorityclasses/high', described)).status, 200)
  const tooHigh = await api.post('/apis/scheduling.k8s.io/v1/priorityclasses', {
    metadata: { name: 'above' },
    value: 2_000_000_000,
  })
  assert.ok([403, 422].includes(tooHigh.status))
  const pod = (priorityClassName: string) => ({
    metadata: { generateName: 'p-' },
    spec: { priorityClassName, containers: [{ name: 'c', image: 'i' }] },
  })
  const { body } = await api.post('/api/v1/namespaces/default/pods', pod('high'))
  assert.equal(body.spec.priority, 1000)
  const system = await api.post('/api/v1/namespaces/default/pods', pod('system-node-critical'))
  assert.equal(system.body.spec?.priority, 2_000_001_000)
  const none = await api.post('/api/v1/namespaces/default/pods', pod('none'))
  assert.deepEqual([none.status, /no PriorityClass with name none was found/.test(none.body.message)], [403, true])
})

test('a runtime class must exist for a pod that names it, and adds its overhead', async () => {
  const nodes = api.config.makeApiClient(NodeV1Api)
  const scheduling = { nodeSelector: { kind: 'special' } }
  const overhead = { podFixed: { cpu: '10m' } }
  await nodes.createRuntimeClass({ body: { metadata: { name: 'heavy' }, handler: 'h', overhead, scheduling } })
  const pod = (runtimeClassName: string) => ({
    metadata: { generateName: 'r-' },
    spec: { runtimeClassName, containers: [{ name: 'c', image: 'i' }] },
  })
  const { status, body } = await api.post('/api/v1/namespaces/default/pods', pod('heavy'))
  assert.equal(status, 201)
  assert.deepEqual([body.spec.overhead, body.spec.nodeSelector], [{ cpu: '10m' }, { kind: 'special' }])
  const none = await api.post('/api/v1/namespaces/default/pods', pod('none'))
  assert.equal(none.status, 403)
  assert.match(none.body.message, /pod rejected: RuntimeClass "none" not found/)
})

test('a namespace that ends takes nothing new, and goes when its finalizers do', async () => {
  const { body: made } = await api.post('/api/v1/namespaces', { metadata: { name: 'ending' } })
  assert.deepEqual([made.status.phase, made.spec.finalizers], ['Active', ['kubernetes']])
  assert.equal(made.metadata.labels['kubernetes.io/metadata.name'], 'ending')
  const patched = await api.patch('merge', '/api/v1/namespaces/ending', { metadata: { labels: { t: 'x' } } })
  assert.equal(patched.body.metadata.labels.t, 'x')
  await api.post('/api/v1/namespaces/ending/configmaps', { metadata: { name: 'old' } })
  const { body: ending } = await api.delete('/api/v1/namespaces/ending')
  assert.equal(ending.status.phase, 'Terminating')
  const refused = await api.post('/api/v1/namespaces/ending/configmaps', { metadata: { name: 'new' } })
  assert.equal(refused.status, 403)
  assert.equal(refused.body.details.causes[0].reason, 'NamespaceTerminating')
  assert.match(refused.body.message, /unable to create new content in namespace ending because it is being terminated/)
  assert.equal((await api.patch('merge', '/api/v1/namespaces/ending/configmaps/old', { data: { a: 'b' } })).status, 200)
  await api.put('/api/v1/namespaces/ending/finalize', { ...ending, spec: { finalizers: [] } })
  assert.equal((await api.get('/api/v1/namespaces/ending')).status, 404)
  for (const name of ['default', 'kube-system', 'kube-public']) {
    assert.equal((await api.delete(`/api/v1/namespaces/${name}`)).status, 403, name)
  }
})

test('templates, quotas, limits and endpoints are found by their labels', async () => {
  const labels = { life: 'short' }
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  const bodies: Record<string, object> = {
    podtemplates: { metadata: { name: 't', labels }, template },
    resourcequotas: { metadata: { name: 'q', labels }, spec: { hard: { cpu: '1', pods: '5' } } },
    limitranges: {
      metadata: { name: 'l', labels },
      spec: { limits: [{ type: 'Container', default: { cpu: '1' }, max: { cpu: '2' } }] },
    },
    endpoints: {
      metadata: { name: 'e', labels },
      subsets: [{ addresses: [{ ip: '10.0.0.24' }], ports: [{ port: 80 }] }],
    },
  }
  for (const [plural, body] of Object.entries(bodies)) {
    const path = `/api/v1/namespaces/default/${plural}`
    const made = await api.post(path, body)
    assert.equal(made.status, 201, `${plural}: ${made.body.message}`)
    const { name } = made.body.metadata
    const patched = await api.patch('strategic', `${path}/${name}`, { metadata: { annotations: { a: 'b' } } })
    assert.equal(patched.body.metadata.annotations.a, 'b')
    const query = `labelSelector=${encodeURIComponent('life=short')}`
    const all = await api.get(`/api/v1/${plural}?${query}`)
    assert.deepEqual(
      all.body.items.map((i: Json) => i.metadata.name),
      [name],
    )
    await api.delete(`${path}?${query}`)
    assert.equal((await api.get(`/api/v1/${plural}?${query}`)).body.items.length, 0)
  }
  const quota = await api.post('/api/v1/namespaces/default/resourcequotas', {
    metadata: { name: 'updated' },
    spec: { hard: { cpu: '1' } },
  })
  assert.equal(quota.status, 201)
  const { body } = await api.put('/api/v1/namespaces/default/resourcequotas/updated', {
    metadata: { name: 'updated' }, // whatever its revision: what is used is counted at any time
    spec: { hard: { cpu: '2000m', memory: '1024Mi' } },
  })
  assert.deepEqual(body.spec.hard, { cpu: '2', memory: '1Gi' })
})
