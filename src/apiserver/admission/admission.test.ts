import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { pod, testApi, withDefaultAccount } from '../test-api.ts'

const api = await testApi()
after(() => api.close())
await withDefaultAccount(api)
const PODS = '/api/v1/namespaces/default/pods'
const node = (name: string) => ({
  name: `system:node:${name}`,
  groups: ['system:nodes', 'system:authenticated'],
})

test('a pod gets its account, the token volume and a mount in every container', async () => {
  const { body } = await api.post(PODS, pod('tokened', { initContainers: [{ name: 'init', image: 'busybox' }] }))
  const { spec } = body
  assert.equal(spec.serviceAccountName, 'default')
  assert.equal(spec.serviceAccount, 'default')
  const volume = spec.volumes[0]
  assert.match(volume.name, /^kube-api-access-[a-z0-9]{5}$/)
  assert.equal(volume.projected.defaultMode, 420)
  assert.deepEqual(volume.projected.sources, [
    { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    {
      downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] },
    },
  ])
  for (const container of [...spec.containers, ...spec.initContainers]) {
    assert.deepEqual(container.volumeMounts, [
      { name: volume.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
    ])
  }
})

test('no token is mounted for a pod or an account that does not want one', async () => {
  const { body } = await api.post(PODS, pod('bare', { automountServiceAccountToken: false }))
  assert.equal(body.spec.volumes, undefined)
  await api.post('/api/v1/namespaces/default/serviceaccounts', {
    metadata: { name: 'shy' },
    automountServiceAccountToken: false,
    imagePullSecrets: [{ name: 'registry' }],
  })
  const shy = await api.post(PODS, pod('shy', { serviceAccountName: 'shy' }))
  assert.equal(shy.body.spec.volumes, undefined)
  assert.deepEqual(shy.body.spec.imagePullSecrets, [{ name: 'registry' }])
})

test('an account that is not there refuses the pod; the default one of a new namespace is waited for', async () => {
  const unknown = await api.post(PODS, pod('lost', { serviceAccountName: 'nobody' }))
  assert.equal(unknown.status, 403)
  assert.match(
    unknown.body.message,
    /error looking up service account default\/nobody: serviceaccount "nobody" not found/,
  )
  await api.post('/api/v1/namespaces', { metadata: { name: 'fresh' } })
  const waiting = api.post('/api/v1/namespaces/fresh/pods', pod('early'))
  await withDefaultAccount(api, 'fresh')
  assert.equal((await waiting).status, 201)
})

test('pods tolerate an absent node for five minutes unless they say otherwise', async () => {
  const { body } = await api.post(
    PODS,
    pod('patient', {
      tolerations: [
        { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 },
      ],
    }),
  )
  assert.deepEqual(
    body.spec.tolerations.map((t: { key: string; tolerationSeconds: number }) => [t.key, t.tolerationSeconds]),
    [
      ['node.kubernetes.io/unreachable', 5],
      ['node.kubernetes.io/not-ready', 300],
    ],
  )
})

test('priorities come from classes', async () => {
  const critical = await api.post(PODS, pod('critical', { priorityClassName: 'system-node-critical' }))
  assert.equal(critical.body.spec.priority, 2_000_001_000)
  const plain = await api.post(PODS, pod('ordinary'))
  assert.deepEqual([plain.body.spec.priority, plain.body.spec.preemptionPolicy], [0, 'PreemptLowerPriority'])
  const unknown = await api.post(PODS, pod('important', { priorityClassName: 'mine' }))
  assert.match(unknown.body.message, /no PriorityClass with name mine was found/)
  const chosen = await api.post(PODS, pod('pushy', { priority: 7 }))
  assert.equal(chosen.status, 403)
})

test('a new node is tainted until it is ready, and only writes what is its own', async () => {
  const asN1 = { user: node('n1') }
  const made = await api.post('/api/v1/nodes', { metadata: { name: 'n1' } }, asN1)
  assert.equal(made.status, 201, made.body.message)
  assert.deepEqual(made.body.spec.taints, [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }])
  const other = await api.post('/api/v1/nodes', { metadata: { name: 'n2' } }, asN1)
  assert.equal(other.status, 403)
  await api.post(PODS, pod('on-n1', { nodeName: 'n1' }))
  await api.post(PODS, pod('on-n2', { nodeName: 'n2' }))
  const status = (name: string) => api.patch('merge', `${PODS}/${name}/status`, { status: { phase: 'Running' } }, asN1)
  assert.equal((await status('on-n1')).status, 200)
  assert.equal((await status('on-n2')).status, 403)
})

test('nobody grants permissions that they do not have', async () => {
  const user = { name: 'jane', groups: ['system:authenticated'] }
  const RBAC = '/apis/rbac.authorization.k8s.io/v1'
  const rule = (...resources: string[]) => ({
    verbs: ['get', 'create'],
    apiGroups: ['', 'rbac.authorization.k8s.io'],
    resources,
  })
  await api.post(`${RBAC}/clusterroles`, { metadata: { name: 'jane' }, rules: [rule('configmaps', 'clusterroles')] })
  await api.post(`${RBAC}/clusterrolebindings`, {
    metadata: { name: 'jane' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'jane' },
    subjects: [{ kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' }],
  })
  const less = await api.post(
    `${RBAC}/clusterroles`,
    { metadata: { name: 'less' }, rules: [rule('configmaps')] },
    { user },
  )
  assert.equal(less.status, 201, less.body.message)
  const more = await api.post(
    `${RBAC}/clusterroles`,
    { metadata: { name: 'more' }, rules: [rule('secrets')] },
    { user },
  )
  assert.equal(more.status, 403)
  assert.match(more.body.message, /attempting to grant RBAC permissions not currently held/)
})

test('a request that is not allowed says who may not do what and where', async () => {
  const user = { name: 'joe', groups: ['system:authenticated'] }
  const list = await api.get(PODS, { user })
  assert.equal(list.status, 403)
  assert.equal(
    list.body.message,
    'pods is forbidden: User "joe" cannot list resource "pods" in API group "" in the namespace "default"',
  )
  const path = await api.get('/metrics', { user })
  assert.equal(path.body.message, 'forbidden: User "joe" cannot get path "/metrics"')
  assert.equal((await api.get('/version', { user })).status, 200)
})
