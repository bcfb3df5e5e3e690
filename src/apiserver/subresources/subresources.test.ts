import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { deployment, pod, testApi, withDefaultAccount } from '../test-api.ts'

const api = await testApi()
after(() => api.close())
await withDefaultAccount(api)
const PODS = '/api/v1/namespaces/default/pods'
const binding = (name: string, node: string) => ({
  apiVersion: 'v1',
  kind: 'Binding',
  metadata: { name },
  target: { kind: 'Node', name: node },
})

test('a pod is bound once, and its condition says so', async () => {
  await api.post(PODS, pod('bound'))
  const { status, body } = await api.post(`${PODS}/bound/binding`, binding('bound', 'n1'))
  assert.deepEqual([status, body.status], [201, 'Success'])
  const { body: after } = await api.get(`${PODS}/bound`)
  assert.equal(after.spec.nodeName, 'n1')
  assert.equal(after.metadata.generation, 1)
  const scheduled = after.status.conditions.find((c: { type: string }) => c.type === 'PodScheduled')
  assert.equal(scheduled.status, 'True')
  const again = await api.post('/api/v1/namespaces/default/bindings', binding('bound', 'n2'))
  assert.equal(again.status, 409)
  assert.match(again.body.message, /pod bound is already assigned to node "n1"/)
  assert.equal((await api.post(`${PODS}/none/binding`, binding('none', 'n1'))).status, 404)
})

const BUDGETS = '/apis/policy/v1/namespaces/default/poddisruptionbudgets'
const evict = (name: string) =>
  api.post(`${PODS}/${name}/eviction`, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } })

test('an eviction heeds the disruption budget and takes one off it', async () => {
  for (const name of ['e1', 'e2']) {
    await api.post(PODS, pod(name, { nodeName: 'n1' }, { labels: { app: 'e' } }))
    await api.patch('merge', `${PODS}/${name}/status`, {
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    })
  }
  const { body: budget } = await api.post(BUDGETS, {
    metadata: { name: 'b' },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'e' } } },
  })
  const unprocessed = await evict('e1')
  assert.equal(unprocessed.status, 429)
  await api.put(`${BUDGETS}/b/status`, {
    ...budget,
    status: { observedGeneration: 1, disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 },
  })
  const first = await evict('e1')
  assert.equal(first.status, 201)
  const { body: marked } = await api.get(`${PODS}/e1`)
  assert.ok(marked.metadata.deletionTimestamp)
  assert.equal(
    marked.status.conditions.find((c: { type: string }) => c.type === 'DisruptionTarget').reason,
    'EvictionByEvictionAPI',
  )
  const second = await evict('e2')
  assert.equal(second.status, 429)
  assert.equal(second.body.message, "Cannot evict pod as it would violate the pod's disruption budget.")
  assert.match(second.body.details.causes[0].message, /needs 1 healthy pods and has 2 currently/)
  const { body: used } = await api.get(`${BUDGETS}/b`)
  assert.deepEqual([used.status.disruptionsAllowed, Object.keys(used.status.disruptedPods)], [0, ['e1']])
})

test('an eviction in the beta version of older clients is understood, another one is not', async () => {
  await api.post(PODS, pod('beta'))
  const send = (apiVersion: string) =>
    api.post(`${PODS}/beta/eviction`, { apiVersion, kind: 'Eviction', metadata: { name: 'beta' } })
  assert.equal((await send('policy/v1beta2')).status, 400)
  assert.equal((await send('policy/v1beta1')).status, 201)
})

test('debug containers are added and never changed', async () => {
  await api.post(PODS, pod('debugged', { nodeName: 'n1' }))
  const url = `${PODS}/debugged/ephemeralcontainers`
  const added = await api.patch('strategic', url, { spec: { ephemeralContainers: [{ name: 'd', image: 'busybox' }] } })
  assert.equal(added.status, 200, added.body.message)
  assert.equal(added.body.spec.ephemeralContainers[0].name, 'd')
  const removed = await api.put(url, { ...added.body, spec: { ...added.body.spec, ephemeralContainers: [] } })
  assert.equal(removed.status, 422)
})

test('resizing a pod touches nothing but resources', async () => {
  const resources = { limits: { cpu: '100m' } }
  await api.post(PODS, pod('sized', { nodeName: 'n1', containers: [{ name: 'app', image: 'nginx', resources }] }))
  const { status, body } = await api.patch('strategic', `${PODS}/sized/resize`, {
    spec: {
      containers: [{ name: 'app', image: 'other', resources: { limits: { cpu: '200m' }, requests: { cpu: '200m' } } }],
    },
  })
  assert.equal(status, 200, body.message)
  assert.deepEqual([body.spec.containers[0].image, body.spec.containers[0].resources.limits.cpu], ['nginx', '200m'])
})

test('reviews answer who may do what', async () => {
  const REVIEWS = '/apis/authorization.k8s.io/v1'
  const jane = { name: 'jane', groups: ['system:authenticated'] }
  const attributes = { resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'default' } }
  const self = await api.post(`${REVIEWS}/selfsubjectaccessreviews`, { spec: attributes }, { user: jane })
  assert.deepEqual([self.status, self.body.status.allowed], [201, false])
  const other = await api.post(`${REVIEWS}/subjectaccessreviews`, {
    spec: { ...attributes, user: 'x', groups: ['system:masters'] },
  })
  assert.equal(other.body.status.allowed, true)
  const empty = await api.post(`${REVIEWS}/selfsubjectaccessreviews`, { spec: {} })
  assert.equal(empty.status, 422)
  const local = await api.post(`${REVIEWS}/namespaces/default/localsubjectaccessreviews`, {
    spec: { ...attributes, user: 'x' },
  })
  assert.equal(local.body.status.allowed, false)
  const rules = await api.post(`${REVIEWS}/selfsubjectrulesreviews`, { spec: { namespace: 'default' } })
  assert.deepEqual(rules.body.status.resourceRules, [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }])
  const who = await api.post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, { user: jane })
  assert.equal(who.body.status.userInfo.username, 'jane')
})

test('scale works on everything that has replicas', async () => {
  const kinds = ['deployments', 'replicasets', 'statefulsets']
  for (const plural of kinds) {
    const kind = { deployments: 'Deployment', replicasets: 'ReplicaSet', statefulsets: 'StatefulSet' }[plural]
    const body = { ...deployment('scaled', 2), kind }
    const made = await api.post(
      `/apis/apps/v1/namespaces/default/${plural}`,
      plural === 'statefulsets' ? { ...body, spec: { ...body.spec, serviceName: 's' } } : body,
    )
    assert.equal(made.status, 201, made.body.message)
    const scaled = await api.patch('merge', `/apis/apps/v1/namespaces/default/${plural}/scaled/scale`, {
      spec: { replicas: 4 },
    })
    assert.equal(scaled.body.spec.replicas, 4, plural)
  }
})

test('connecting without an upgrade is refused, and so are pods without a node', async () => {
  await api.post(PODS, pod('waiting'))
  const plain = await api.get(`${PODS}/waiting/exec?command=ls&stdout=true`)
  assert.equal(plain.status, 400)
  assert.equal(plain.body.message, 'pod waiting does not have a host assigned')
  const log = await api.get(`${PODS}/waiting/log`)
  assert.deepEqual([log.status, log.body], [200, ''])
})

/** Made by OpenSSL: P-256, O=dev, CN=jane. */
const JANE = `-----BEGIN CERTIFICATE REQUEST-----
MIHWMH8CAQAwHTEMMAoGA1UECgwDZGV2MQ0wCwYDVQQDDARqYW5lMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEM0kQ6rUIVS6vxt1j+KbCoBiCMC1qJQabYmsQzWzS
vf+IXlySSFXv3atUUGnhFfUyMN3+X0+ZOybFRcO3cM0nuqAAMAoGCCqGSM49BAMC
A0cAMEQCIDlM4ioL4aIqSPbqTwu4Ow+8w7CYbLR8pq/xIvZdh+t6AiBqABBHCxLs
Nd4XbNyCHTfUroh6S119bwJduxFUMDRezQ==
-----END CERTIFICATE REQUEST-----
`
const CSRS = '/apis/certificates.k8s.io/v1/certificatesigningrequests'

test('a certificate request names its author, and is decided once', async () => {
  const request = Buffer.from(JANE).toString('base64')
  const spec = { request, signerName: 'example.com/signer', usages: ['any'], username: 'joe', groups: ['a'] }
  const { body: csr } = await api.post(CSRS, { metadata: { name: 'r' }, spec, status: { certificate: 'YQ==' } })
  assert.equal(csr.spec.username, 'admin')
  assert.deepEqual(csr.spec.groups, ['system:masters', 'system:authenticated'])
  assert.equal(csr.status?.certificate, undefined)
  const decide = (where: string, ...types: string[]) =>
    api.put(`${CSRS}/r/${where}`, {
      ...csr,
      metadata: { name: 'r' },
      status: { conditions: types.map((type) => ({ type, status: 'True', reason: 'x' })) },
    })
  assert.equal((await decide('status', 'Approved')).status, 422)
  assert.match((await decide('approval', 'Approved', 'Denied')).body.message, /mutually exclusive/)
  assert.equal((await decide('approval', 'Approved')).status, 200)
  assert.match((await decide('approval', 'Denied')).body.message, /may not remove a condition of type "Approved"/)
})

test('a node registers itself with its status; other kinds lose the status of a create', async () => {
  const status = { capacity: { cpu: '2' }, addresses: [{ type: 'InternalIP', address: '10.0.0.1' }] }
  const { body: node } = await api.post('/api/v1/nodes', { metadata: { name: 'n7' }, status })
  assert.deepEqual(node.status.addresses, status.addresses)
  assert.deepEqual(node.status.allocatable, { cpu: '2' })
  const { body: made } = await api.post(PODS, { ...pod('fake'), status: { phase: 'Running', podIP: '10.1.1.1' } })
  assert.equal(made.status.phase, 'Pending')
  assert.equal(made.status.podIP, undefined)
})

test('a debug container may not take the name of another', async () => {
  await api.post(PODS, pod('debugged'))
  const add = (name: string) =>
    api.patch('strategic', `${PODS}/debugged/ephemeralcontainers`, {
      spec: { ephemeralContainers: [{ name, image: 'busybox' }] },
    })
  assert.equal((await add('app')).status, 422)
  assert.equal((await add('debug')).status, 200)
})
