import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openMemoryStore } from '../storage/memory.ts'
import { Authorizer } from './authorizer.ts'
import { ask, binding, bob, put, RBAC, remove, role, setUp } from './rbac-fixtures.ts'
import { allow, allowUrls } from './rule-notation.ts'

describe('RBAC', () => {
  it('refusals are told in the API’s words', async () => {
    const { authorizer } = await setUp()
    const reason = (request: string) => ask(authorizer, bob, request).reason
    assert.equal(
      reason('GET /api/v1/namespaces/blue/pods'),
      'User "bob" cannot list resource "pods" in API group "" in the namespace "blue"',
    )
    assert.equal(
      reason('GET /api/v1/namespaces/blue/pods/a/log'),
      'User "bob" cannot get resource "pods/log" in API group "" in the namespace "blue"',
    )
    assert.equal(
      reason('DELETE /apis/apps/v1/deployments'),
      'User "bob" cannot deletecollection resource "deployments" in API group "apps" at the cluster scope',
    )
    assert.equal(reason('GET /metrics'), 'User "bob" cannot get path "/metrics"')
  })

  it('a grant holds from the write on, and no longer than the write that takes it away', async () => {
    const { store, can, authorizer } = await setUp()
    const list = 'GET /api/v1/namespaces/blue/pods'
    await put(store, `${RBAC}roles/blue/reader`, role('reader', [allow('get list', '""', 'pods')], 'blue'))
    assert.equal(can(bob, list), false)
    await put(
      store,
      `${RBAC}rolebindings/blue/b`,
      binding('b', 'Role', 'reader', [{ kind: 'Group', name: 'dev' }], 'blue'),
    )
    assert.equal(can(bob, list), true)
    assert.equal(
      ask(authorizer, bob, list).reason,
      'RBAC: allowed by RoleBinding "b/blue" of Role "reader" to Group "dev"',
    )
    assert.equal(can(bob, 'GET /api/v1/namespaces/green/pods'), false)
    assert.equal(can(bob, 'GET /api/v1/pods'), false)
    await put(store, `${RBAC}roles/blue/reader`, role('reader', [allow('get', '""', 'pods')], 'blue'))
    assert.equal(can(bob, list), false)
    await put(store, `${RBAC}roles/blue/reader`, role('reader', [allow('*', '""', '*')], 'blue'))
    assert.equal(can(bob, list), true)
    await put(
      store,
      `${RBAC}rolebindings/blue/b`,
      binding('b', 'Role', 'reader', [{ kind: 'User', name: 'jane' }], 'blue'),
    )
    assert.equal(can(bob, list), false)
    assert.equal(can({ name: 'jane', groups: [] }, list), true)
    await remove(store, `${RBAC}rolebindings/blue/b`)
    assert.equal(can({ name: 'jane', groups: [] }, list), false)
  })

  it('bindings that stand in the store when it starts count, and service accounts are found by namespace', async () => {
    const store = openMemoryStore()
    await put(store, `${RBAC}clusterroles/reader`, role('reader', [allow('list', '""', 'pods')]))
    await put(
      store,
      `${RBAC}rolebindings/blue/b`,
      binding('b', 'ClusterRole', 'reader', [{ kind: 'ServiceAccount', name: 'builder' }], 'blue'),
    )
    await put(
      store,
      `${RBAC}clusterrolebindings/c`,
      binding('c', 'ClusterRole', 'reader', [{ kind: 'ServiceAccount', name: 'x', namespace: 'green' }]),
    )
    const authorizer = await Authorizer.open(store)
    const user = (name: string) => ({ name, groups: [] })
    assert.ok(ask(authorizer, user('system:serviceaccount:blue:builder'), 'GET /api/v1/namespaces/blue/pods').allowed)
    assert.ok(!ask(authorizer, user('system:serviceaccount:blue:builder'), 'GET /api/v1/pods').allowed)
    assert.ok(ask(authorizer, user('system:serviceaccount:green:x'), 'GET /api/v1/pods').allowed)
  })

  it('a binding to a role that does not exist is named in the refusal', async () => {
    const { store, authorizer } = await setUp()
    await put(
      store,
      `${RBAC}clusterrolebindings/c`,
      binding('c', 'ClusterRole', 'gone', [{ kind: 'User', name: 'bob' }]),
    )
    const decision = ask(authorizer, bob, 'GET /api/v1/pods')
    assert.equal(decision.evaluationError, 'clusterrole.rbac.authorization.k8s.io "gone" not found')
    assert.match(
      decision.reason,
      /at the cluster scope: RBAC: clusterrole\.rbac\.authorization\.k8s\.io "gone" not found$/,
    )
  })

  it('an aggregated role has the rules of those it selects, at any depth, and loses them with the label', async () => {
    const { store, can } = await setUp(true)
    await put(
      store,
      `${RBAC}rolebindings/blue/b`,
      binding('b', 'ClusterRole', 'admin', [{ kind: 'User', name: 'bob' }], 'blue'),
    )
    const widgets = 'GET /apis/example.com/v1/namespaces/blue/widgets'
    assert.equal(can(bob, widgets), false)
    const labels = { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' }
    const own = role('widgets', [allow('list', 'example.com', 'widgets')])
    await put(store, `${RBAC}clusterroles/widgets`, { ...own, metadata: { name: 'widgets', labels } })
    assert.equal(can(bob, widgets), true)
    await put(store, `${RBAC}clusterroles/widgets`, own)
    assert.equal(can(bob, widgets), false)
  })
})

describe('rules reviews', () => {
  it('list what a user may do in a namespace', async () => {
    const { store, authorizer } = await setUp()
    await put(store, `${RBAC}roles/blue/reader`, role('reader', [allow('get', '""', 'pods', 'a')], 'blue'))
    await put(
      store,
      `${RBAC}rolebindings/blue/b`,
      binding('b', 'Role', 'reader', [{ kind: 'Group', name: 'dev' }], 'blue'),
    )
    await put(store, `${RBAC}clusterroles/health`, role('health', [allowUrls('get', '/healthz')]))
    await put(
      store,
      `${RBAC}clusterrolebindings/h`,
      binding('h', 'ClusterRole', 'health', [{ kind: 'User', name: 'bob' }]),
    )
    assert.deepEqual(authorizer.rulesFor(bob, 'blue'), {
      resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] }],
      nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }],
      incomplete: false,
    })
    assert.equal(authorizer.rulesFor(bob, 'green').resourceRules.length, 0)
    assert.deepEqual(authorizer.rulesFor({ name: 'r', groups: ['system:masters'] }, 'x').resourceRules, [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    ])
  })
})
