import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type Json, pod, testApi, withDefaultAccount } from '../test-api.ts'
import { NO_SETTINGS } from './plugin-choice.ts'
import { resizeProblem } from './pod-resize.ts'

const optional = [
  'AlwaysPullImages',
  'DenyServiceExternalIPs',
  'NamespaceExists',
  'OwnerReferencesPermissionEnforcement',
]
const api = await testApi({ admission: { ...NO_SETTINGS, enabled: optional } })
after(() => api.close())
await withDefaultAccount(api)
const NS = '/api/v1/namespaces/default'
const PODS = `${NS}/pods`

async function made(answer: Promise<{ status: number; body: Json }>): Promise<Json> {
  const { status, body } = await answer
  assert.ok(status < 300, body.message)
  return body
}

test('namespaces that the cluster needs stay, and nothing begins in one that ends or is not there', async () => {
  const immortal = await api.delete('/api/v1/namespaces/kube-system')
  assert.equal(immortal.status, 403)
  assert.equal(immortal.body.message, 'namespaces "kube-system" is forbidden: this namespace may not be deleted')
  const missing = await api.post('/api/v1/namespaces/nowhere/configmaps', { metadata: { name: 'a' } })
  assert.deepEqual([missing.status, missing.body.message], [404, 'namespaces "nowhere" not found'])
  await made(api.post('/api/v1/namespaces', { metadata: { name: 'ending' }, spec: { finalizers: ['kubernetes'] } }))
  await api.delete('/api/v1/namespaces/ending')
  const late = await api.post('/api/v1/namespaces/ending/configmaps', { metadata: { name: 'a' } })
  assert.equal(late.status, 403)
  assert.equal(
    late.body.message,
    'configmaps "a" is forbidden: unable to create new content in namespace ending because it is being terminated',
  )
  assert.deepEqual(late.body.details.causes, [
    { reason: 'NamespaceTerminating', message: 'namespace ending is being terminated', field: 'metadata.namespace' },
  ])
})

test('images are pulled always when the plug-in is on', async () => {
  const container = { name: 'app', image: 'nginx:1', imagePullPolicy: 'Never' }
  const body = await made(api.post(PODS, pod('fresh', { containers: [container] })))
  assert.equal(body.spec.containers[0].imagePullPolicy, 'Always')
})

test('a Service gets no new external addresses, and keeps none either when it is made', async () => {
  const service = (externalIPs: string[]) => ({
    metadata: { name: 'web' },
    spec: { ports: [{ port: 80 }], externalIPs },
  })
  const refused = await api.post(`${NS}/services`, service(['192.0.2.1']))
  assert.equal(refused.status, 403)
  assert.equal(refused.body.message, 'services "web" is forbidden: Use of external IPs is denied by admission control')
  await made(api.post(`${NS}/services`, service([])))
})

test('claims and Ingresses get the newest of the default classes', async () => {
  const storage = (name: string) => ({
    metadata: { name, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'example.com/disk',
  })
  await made(api.post('/apis/storage.k8s.io/v1/storageclasses', storage('old')))
  await api.clock.advance(1000)
  await made(api.post('/apis/storage.k8s.io/v1/storageclasses', storage('new')))
  const claim = (name: string, more: object = {}) => ({
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...more },
  })
  const plain = await made(api.post(`${NS}/persistentvolumeclaims`, claim('plain')))
  assert.equal(plain.spec.storageClassName, 'new')
  assert.deepEqual(plain.metadata.finalizers, ['kubernetes.io/pvc-protection'])
  const none = await made(api.post(`${NS}/persistentvolumeclaims`, claim('none', { storageClassName: '' })))
  assert.equal(none.spec.storageClassName, '')
  await made(
    api.post('/apis/networking.k8s.io/v1/ingressclasses', {
      metadata: { name: 'edge', annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
      spec: { controller: 'example.com/edge' },
    }),
  )
  const ingress = (name: string, metadata: object = {}) => ({
    metadata: { name, ...metadata },
    spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
  })
  const INGRESSES = '/apis/networking.k8s.io/v1/namespaces/default/ingresses'
  assert.equal((await made(api.post(INGRESSES, ingress('a')))).spec.ingressClassName, 'edge')
  const older = ingress('b', { annotations: { 'kubernetes.io/ingress.class': 'mine' } })
  assert.equal((await made(api.post(INGRESSES, older))).spec.ingressClassName, undefined)
})

test('a claim that is not bound, or whose class does not let it, does not grow', async () => {
  const grow = (name: string) =>
    api.patch('merge', `${NS}/persistentvolumeclaims/${name}`, {
      spec: { resources: { requests: { storage: '2Gi' } } },
    })
  const unbound = await grow('plain')
  assert.match(
    unbound.body.message,
    /is forbidden: Only bound persistent volume claims can be expanded|spec: Forbidden/,
  )
})

test('who may not delete an object may not give it an owner', async () => {
  const user = { name: 'jane', groups: ['system:authenticated'] }
  const RBAC = '/apis/rbac.authorization.k8s.io/v1'
  await made(
    api.post(`${RBAC}/clusterroles`, {
      metadata: { name: 'creator' },
      rules: [{ verbs: ['create'], apiGroups: [''], resources: ['configmaps'] }],
    }),
  )
  await made(
    api.post(`${RBAC}/clusterrolebindings`, {
      metadata: { name: 'creator' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'creator' },
      subjects: [{ kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' }],
    }),
  )
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: 'u' }
  const refused = await api.post(
    `${NS}/configmaps`,
    { metadata: { name: 'owned', ownerReferences: [owner] } },
    { user },
  )
  assert.equal(refused.status, 403)
  assert.match(refused.body.message, /cannot set an ownerRef on a resource you can't delete: /)
  await made(api.post(`${NS}/configmaps`, { metadata: { name: 'free' } }, { user }))
  const blocking = { ...owner, kind: 'Nothing', blockOwnerDeletion: true }
  const unknown = await api.post(`${NS}/configmaps`, { metadata: { name: 'blocks', ownerReferences: [blocking] } })
  assert.match(unknown.body.message, /cannot find RESTMapping for APIVersion v1 Kind Nothing/)
})

test('an account that is told to limits the Secrets of its pods', async () => {
  await made(
    api.post(`${NS}/serviceaccounts`, {
      metadata: { name: 'tight', annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } },
      secrets: [{ name: 'mine' }],
    }),
  )
  const withVolume = (secretName: string) =>
    pod(`uses-${secretName}`, { serviceAccountName: 'tight', volumes: [{ name: 's', secret: { secretName } }] })
  await made(api.post(PODS, withVolume('mine')))
  const refused = await api.post(PODS, withVolume('yours'))
  assert.equal(
    refused.body.message,
    'pods "uses-yours" is forbidden: volume with secret.secretName="yours" is not allowed because service account tight does not reference that secret',
  )
  const env = [{ name: 'KEY', valueFrom: { secretKeyRef: { name: 'yours', key: 'k' } } }]
  const inEnv = await api.post(
    PODS,
    pod('env', { serviceAccountName: 'tight', containers: [{ name: 'app', image: 'i', env }] }),
  )
  assert.match(
    inEnv.body.message,
    /container app with envVar KEY referencing secret\.secretName="yours" is not allowed/,
  )
  const pulls = await api.post(PODS, pod('pulls', { serviceAccountName: 'tight', imagePullSecrets: [{ name: 'p' }] }))
  assert.match(pulls.body.message, /imagePullSecrets\[0\]\.name="p" is not allowed because service account tight/)
})

test('a mirror pod brings no account and no Secrets', async () => {
  const metadata = { annotations: { 'kubernetes.io/config.mirror': 'x' } }
  const table: [object, RegExp][] = [
    [{ serviceAccountName: 'default' }, /a mirror pod may not reference service accounts/],
    [{ volumes: [{ name: 's', secret: { secretName: 'x' } }] }, /a mirror pod may not reference secrets/],
    [
      { volumes: [{ name: 't', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }] },
      /a mirror pod may not use ServiceAccountToken volume projections/,
    ],
  ]
  for (const [spec, why] of table) {
    assert.match((await api.post(PODS, pod('mirror', { nodeName: 'n', ...spec }, metadata))).body.message, why)
  }
})

test('a pod that is bound learns where its node is', async () => {
  const labels = { 'topology.kubernetes.io/zone': 'a', 'topology.kubernetes.io/region': 'r' }
  await made(api.post('/api/v1/nodes', { metadata: { name: 'n1', labels } }))
  await made(api.post(PODS, pod('placed', {}, { labels: { 'topology.kubernetes.io/region': 'own' } })))
  await made(api.post(`${PODS}/placed/binding`, { target: { kind: 'Node', name: 'n1' } }))
  const { body } = await api.get(`${PODS}/placed`)
  assert.equal(body.spec.nodeName, 'n1')
  assert.deepEqual(body.metadata.labels, {
    'topology.kubernetes.io/zone': 'a',
    'topology.kubernetes.io/region': 'own',
  })
})

test('a pod is not resized to more than its node has', () => {
  const node = {
    metadata: { name: 'n1', labels: { 'kubernetes.io/os': 'linux' } },
    status: { allocatable: { cpu: '2', memory: '1Gi' } },
  }
  const asking = (cpu: string) =>
    pod('p', { containers: [{ name: 'app', image: 'i', resources: { requests: { cpu } } }] })
  assert.equal(resizeProblem(asking('2') as never, node as never), undefined)
  assert.equal(
    resizeProblem(asking('2500m') as never, node as never),
    "Node didn't have enough allocatable resources: cpu, requested: 2500, allocatable: 2000",
  )
  assert.equal(
    resizeProblem(asking('1') as never, { ...node, metadata: { name: 'n1' } } as never),
    'pod resize is only supported on linux nodes, node "n1" is ""',
  )
})

test('pods are placed as their namespace, their resources and the rules for anti-affinity want', async () => {
  const placing = ['PodNodeSelector', 'ExtendedResourceToleration', 'LimitPodHardAntiAffinityTopology']
  const placed = await testApi({ admission: { ...NO_SETTINGS, enabled: placing } })
  const annotations = { 'scheduler.alpha.kubernetes.io/node-selector': 'zone=a, disk=ssd' }
  await placed.post('/api/v1/namespaces', { metadata: { name: 'east', annotations } })
  await withDefaultAccount(placed, 'east')
  const EAST = '/api/v1/namespaces/east/pods'
  const resources = { requests: { 'example.com/gpu': '1' }, limits: { 'example.com/gpu': '1' } }
  const { body } = await placed.post(EAST, pod('a', { containers: [{ name: 'app', image: 'i', resources }] }))
  assert.deepEqual(body.spec.nodeSelector, { zone: 'a', disk: 'ssd' })
  assert.ok(body.spec.tolerations.some((t: Json) => t.key === 'example.com/gpu' && t.operator === 'Exists'))
  const contrary = await placed.post(EAST, pod('b', { nodeSelector: { zone: 'b' } }))
  assert.match(contrary.body.message, /pod node label selector conflicts with its namespace node label selector/)
  const term = { topologyKey: 'zone', labelSelector: { matchLabels: { a: 'b' } } }
  const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } }
  const wide = await placed.post(EAST, pod('c', { affinity }))
  assert.match(wide.body.message, /has TopologyKey zone but only key kubernetes\.io\/hostname is allowed/)
  await placed.close()
})
