// Who may do what: certificates, tokens, impersonation, the standard roles, reviews, nodes; and what ends a token's life.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { AuthorizationV1Api, KubeConfig } from '@kubernetes/client-node'
import { conformanceServer, type Json } from './server.ts'

const api = await conformanceServer()
after(() => api.close())
const node1 = (await api.pki.node('n1', { addresses: [], dnsNames: [] })).client
const ACCOUNTS = '/api/v1/namespaces/default/serviceaccounts'
const PODS = '/api/v1/namespaces/default/pods'
const MAPS = '/api/v1/namespaces/default/configmaps'
const BINDINGS = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings'
await api.post(ACCOUNTS, { metadata: { name: 'default' } })

const pod = (name: string, nodeName = '', spec: object = {}) => ({
  metadata: { name },
  spec: { ...(nodeName ? { nodeName } : {}), containers: [{ name: 'c', image: 'i' }], ...spec },
})
const bind = (name: string, role: string, user: string) => ({
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
  subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: user }],
})
const who = async (options: object) =>
  (await api.post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, options)).body.status?.userInfo

test('certificates name their user and groups', async () => {
  const admin = await who({})
  assert.equal(admin.username, 'kubernetes-admin')
  assert.deepEqual(admin.groups, ['kubeadm:cluster-admins', 'system:authenticated'])
  const node = await who({ certificate: node1 })
  assert.deepEqual([node.username, node.groups[0]], ['system:node:n1', 'system:nodes'])
  const nobody = await api.get('/version', { token: '' })
  assert.equal(nobody.status, 200)
})

test('tokens are for their audience and their time, and go with their pod', async () => {
  const { body: made } = await api.post(PODS, pod('owner', 'n1'))
  const token = async (spec: object) => api.post(`${ACCOUNTS}/default/token`, { spec })
  const bound = { apiVersion: 'v1', kind: 'Pod', name: 'owner', uid: made.metadata.uid }
  const { status, body } = await token({ boundObjectRef: bound, expirationSeconds: 3600 })
  assert.equal(status, 201)
  const text = body.status.token
  const user = await who({ token: text })
  assert.equal(user.username, 'system:serviceaccount:default:default')
  assert.deepEqual([...user.groups].sort(), [
    'system:authenticated',
    'system:serviceaccounts',
    'system:serviceaccounts:default',
  ])
  assert.deepEqual(user.extra['authentication.kubernetes.io/pod-name'], ['owner'])
  assert.deepEqual(user.extra['authentication.kubernetes.io/node-name'], ['n1'])
  const review = async (spec: object) => (await api.post('/apis/authentication.k8s.io/v1/tokenreviews', { spec })).body
  assert.equal((await review({ token: text })).status.authenticated, true)
  assert.equal((await review({ token: text, audiences: ['other'] })).status.authenticated, undefined)
  const { body: foreign } = await token({ audiences: ['vault'] })
  assert.equal((await api.get('/api', { token: foreign.status.token })).status, 401)
  const vault = await review({ token: foreign.status.token, audiences: ['vault', 'x'] })
  assert.deepEqual(vault.status.audiences, ['vault'])
  assert.equal((await token({ expirationSeconds: 5 })).status, 422)
  assert.equal((await token({ boundObjectRef: { ...bound, uid: 'other' } })).status, 409)
  assert.equal((await token({ boundObjectRef: { ...bound, name: 'none' } })).status, 404)
  assert.equal((await api.post(`${ACCOUNTS}/none/token`, {})).status, 404)

  const tampered = `${text.slice(0, -4)}${text.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
  assert.equal((await api.get('/api', { token: tampered })).status, 401)
  await api.delete(`${PODS}/owner`, { gracePeriodSeconds: 0 })
  assert.equal((await api.get('/api', { token: text })).status, 401)
  assert.equal((await review({ token: text })).status.authenticated, undefined)

  const { body: own } = await token({})
  assert.equal((await api.get('/api', { token: own.status.token })).status, 200)
  await api.post(ACCOUNTS, { metadata: { name: 'gone' } })
  const { body: last } = await api.post(`${ACCOUNTS}/gone/token`, {})
  await api.delete(`${ACCOUNTS}/gone`)
  assert.equal((await api.get('/api', { token: last.status.token })).status, 401)
  await api.post(ACCOUNTS, { metadata: { name: 'gone' } })
  assert.equal((await api.get('/api', { token: last.status.token })).status, 401, 'a namesake is somebody else')
})

test('impersonation takes a user, groups and more, and only for whoever may', async () => {
  const jane = await who({ as: 'jane', groups: ['dev', 'ops'], headers: { 'impersonate-extra-team': 'blue' } })
  assert.deepEqual([jane.username, jane.groups], ['jane', ['dev', 'ops', 'system:authenticated']])
  assert.deepEqual(jane.extra, { team: ['blue'] })
  const account = await who({ as: 'system:serviceaccount:default:default' })
  assert.ok(account.groups.includes('system:serviceaccounts:default'))
  const refused = await api.get('/api', { certificate: node1, as: 'jane' })
  assert.equal(refused.status, 403)
  assert.match(refused.body.message, /User "system:node:n1" cannot impersonate-on:user-info:get path "\/api"/)
  const alone = await api.get('/api', { headers: { 'impersonate-group': 'system:masters' } })
  assert.ok(alone.status >= 400, 'groups without a user')
})

test('view, edit and admin differ as everywhere', async () => {
  for (const role of ['view', 'edit', 'admin']) await api.post(BINDINGS, bind(role, role, role))
  await api.post(PODS, pod('p'))
  await api.post('/api/v1/namespaces/default/secrets', { metadata: { name: 's' } })
  const roles = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles'
  const status = async (user: string, method: string, path: string, body?: object) =>
    (await api.send(method, path, body, { as: user })).status
  const table: [string, string, object | undefined, number, number, number][] = [
    ['GET', MAPS, undefined, 200, 200, 200],
    ['GET', `${PODS}/p/log`, undefined, 200, 200, 200],
    ['GET', '/api/v1/namespaces/default/secrets/s', undefined, 403, 200, 200],
    ['POST', `${MAPS}?dryRun=All`, { metadata: { name: 'm' } }, 403, 201, 201],
    ['DELETE', `${PODS}/p?dryRun=All`, undefined, 403, 200, 200],
    ['POST', `${ACCOUNTS}/default/token`, {}, 403, 201, 201],
    ['POST', `${roles}?dryRun=All`, { metadata: { name: 'r' }, rules: [] }, 403, 403, 201],
    ['GET', '/api/v1/nodes', undefined, 403, 403, 403],
    ['GET', '/api/v1/namespaces/default', undefined, 200, 200, 200],
    ['GET', '/api/v1/namespaces', undefined, 403, 403, 403],
    ['GET', '/api/v1/namespaces/kube-system/configmaps', undefined, 403, 403, 403],
    ['POST', '/api/v1/namespaces/default/resourcequotas', { metadata: { name: 'q' }, spec: {} }, 403, 403, 403],
  ]
  for (const [method, path, body, ...expected] of table) {
    const found = [
      await status('view', method, path, body),
      await status('edit', method, path, body),
      await status('admin', method, path, body),
    ]
    assert.deepEqual(found, expected, `${method} ${path}`)
  }
})

test('nobody gives what they do not have', async () => {
  await api.post(
    '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings',
    bind('granter', 'admin', 'granter'),
  )
  const as = { as: 'granter' }
  const roles = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles'
  const rules = [{ apiGroups: ['certificates.k8s.io'], resources: ['*'], verbs: ['*'] }]
  const refused = await api.post(roles, { metadata: { name: 'more' }, rules }, as)
  assert.equal(refused.status, 403)
  assert.match(refused.body.message, /attempting to grant RBAC permissions not currently held/)
  assert.equal((await api.post(BINDINGS, bind('own', 'cluster-admin', 'granter'), as)).status, 403)
  assert.equal((await api.post(BINDINGS, bind('fine', 'view', 'someone'), as)).status, 201)
})

test('access reviews answer the official client', async () => {
  const authorization = api.config.makeApiClient(AuthorizationV1Api)
  const ask = async (user: string, resourceAttributes: object) => {
    const spec = { user, resourceAttributes }
    const { status } = await authorization.createSubjectAccessReview({ body: { spec } })
    return status?.allowed
  }
  assert.equal(await ask('view', { namespace: 'default', verb: 'list', resource: 'pods' }), true)
  assert.equal(await ask('view', { namespace: 'default', verb: 'create', resource: 'pods' }), false)
  assert.equal(await ask('view', { namespace: 'other', verb: 'list', resource: 'pods' }), false)
  const self = await api.post(
    '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
    { spec: { namespace: 'default' } },
    { as: 'view' },
  )
  assert.equal(self.status, 201)
  const rules: Json[] = self.body.status.resourceRules
  assert.ok(rules.some((r) => r.resources.includes('configmaps') && r.verbs.includes('list')))
  assert.ok(!rules.some((r) => r.resources.includes('secrets')))
  const config = new KubeConfig()
  config.loadFromString(api.config.exportConfig())
  const local = await config.makeApiClient(AuthorizationV1Api).createSelfSubjectAccessReview({
    body: { spec: { resourceAttributes: { verb: '*', group: '*', resource: '*' } } },
  })
  assert.equal(local.status?.allowed, true)
})

test('a node reads and writes what is its own, and nothing else', async () => {
  const secrets = '/api/v1/namespaces/default/secrets'
  for (const name of ['mine', 'other']) await api.post(secrets, { metadata: { name } })
  const volumes = [{ name: 'v', secret: { secretName: 'mine' } }]
  assert.equal((await api.post(PODS, pod('here', 'n1', { volumes }))).status, 201)
  await api.post(PODS, pod('there', 'n2'))
  const as = { certificate: node1 }
  assert.equal((await api.get(`${secrets}/mine`, as)).status, 200)
  assert.equal((await api.get(`${secrets}/other`, as)).status, 403)
  assert.equal((await api.get(secrets, as)).status, 403)
  const named = `${secrets}?fieldSelector=${encodeURIComponent('metadata.name=mine')}`
  assert.equal((await api.get(named, as)).status, 200)
  const ready = { status: { phase: 'Running' } }
  assert.equal((await api.patch('merge', `${PODS}/here/status`, ready, as)).status, 200)
  assert.equal((await api.patch('merge', `${PODS}/there/status`, ready, as)).status, 403)
  assert.equal((await api.delete(`${PODS}/there`, undefined, as)).status, 403)
  assert.equal((await api.post('/api/v1/nodes', { metadata: { name: 'n1' } }, as)).status, 201)
  assert.equal((await api.post('/api/v1/nodes', { metadata: { name: 'n2' } }, as)).status, 403)
  assert.equal((await api.patch('merge', '/api/v1/nodes/n1/status', { status: {} }, as)).status, 200)
  assert.equal((await api.post(PODS, pod('made', 'n1'), as)).status, 403)
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
  assert.equal((await api.post(leases, { metadata: { name: 'n1' } }, as)).status, 201)
  assert.equal((await api.post(leases, { metadata: { name: 'n2' } }, as)).status, 403)
  const { body: here } = await api.get(`${PODS}/here`)
  const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'here', uid: here.metadata.uid }
  assert.equal((await api.post(`${ACCOUNTS}/default/token`, { spec: { boundObjectRef } }, as)).status, 201)
  assert.equal((await api.post(`${ACCOUNTS}/default/token`, {}, as)).status, 403)
})

test("an account's token is mounted unless the pod or the account says no", async () => {
  for (const [name, automountServiceAccountToken] of [
    ['yes', true],
    ['no', false],
    ['unsaid', undefined],
  ] as const) {
    await api.post(ACCOUNTS, { metadata: { name }, automountServiceAccountToken })
  }
  const expected: Record<string, boolean> = {
    'unsaid undefined': true,
    'unsaid true': true,
    'unsaid false': false,
    'yes undefined': true,
    'yes false': false,
    'no undefined': false,
    'no true': true,
  }
  for (const [key, mounted] of Object.entries(expected)) {
    const [serviceAccountName, said] = key.split(' ')
    const automount = said === 'undefined' ? {} : { automountServiceAccountToken: said === 'true' }
    const name = `mount-${key.replace(' ', '-')}`
    const { status, body } = await api.post(PODS, pod(name, '', { serviceAccountName, ...automount }))
    assert.equal(status, 201, body.message)
    const mounts = body.spec.containers[0].volumeMounts ?? []
    const found = mounts.some((m: Json) => m.mountPath === '/var/run/secrets/kubernetes.io/serviceaccount')
    assert.equal(found, mounted, key)
  }
  const none = await api.post(PODS, pod('nobody', '', { serviceAccountName: 'nobody' }))
  assert.equal(none.status, 403)
  assert.match(none.body.message, /error looking up service account default\/nobody: serviceaccount "nobody" not found/)
})
