import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubeObject } from '../../api/meta/object.ts'
import type { PolicyRule } from '../../api/types/rbac.v1.ts'
import type { UserInfo } from '../../api/wire.ts'
import { FakeClock } from '../../base/clock.ts'
import { parseRequestInfo } from '../request-info.ts'
import { openMemoryStore } from '../storage/memory.ts'
import type { Store } from '../storage/store.ts'
import { Authorizer } from './authorizer.ts'
import { defaultRbacObjects } from './default-roles.ts'
import { ensureDefaultRoles, reconciled } from './ensure-defaults.ts'
import { checkBindingWrite, checkRoleWrite } from './escalation.ts'
import { allow, allowUrls } from './rule-notation.ts'
import { formatRules, ruleAllows, uncovered } from './rules.ts'

const RBAC = '/registry/rbac.authorization.k8s.io/'
const group = 'rbac.authorization.k8s.io'
const bob: UserInfo = { name: 'bob', groups: ['dev', 'system:authenticated'] }

async function put(store: Store, key: string, object: object) {
  const expect = (await store.get(key))?.revision ?? 0
  const result = await store.write({ key, expect, object: object as KubeObject })
  assert.ok(result.ok)
}
const remove = async (store: Store, key: string) =>
  assert.ok((await store.write({ key, expect: (await store.get(key))!.revision, object: undefined })).ok)
const meta = (name: string, namespace?: string) => ({ name, ...(namespace ? { namespace } : {}) })
const role = (name: string, rules: PolicyRule[], namespace?: string, more: object = {}) => ({
  apiVersion: `${group}/v1`,
  kind: namespace ? 'Role' : 'ClusterRole',
  metadata: meta(name, namespace),
  rules,
  ...more,
})
const binding = (name: string, kind: string, roleName: string, subjects: object[], namespace?: string) => ({
  apiVersion: `${group}/v1`,
  kind: namespace ? 'RoleBinding' : 'ClusterRoleBinding',
  metadata: meta(name, namespace),
  roleRef: { apiGroup: group, kind, name: roleName },
  subjects,
})
const ask = (authorizer: Authorizer, user: UserInfo, request: string) => {
  const [method, url] = request.split(' ') as ['GET', string]
  const { pathname, searchParams } = new URL(url, 'http://x')
  return authorizer.authorize(user, parseRequestInfo(method, pathname, searchParams))
}
async function setUp(defaults = false) {
  const store = openMemoryStore()
  if (defaults) await ensureDefaultRoles(store, new FakeClock(), () => 'uid')
  const authorizer = await Authorizer.open(store)
  const can = (user: UserInfo, request: string) => ask(authorizer, user, request).allowed
  return { store, authorizer, can }
}

describe('RBAC rules', () => {
  const attributes = (verb: string, resource: string, name = '', apiGroup = '') => {
    const [main = '', subresource = ''] = resource.split('/')
    return { isResource: true, verb, path: '', group: apiGroup, resource: main, subresource, namespace: 'blue', name }
  }

  it('match verbs, groups, resources, subresources and names', () => {
    const cases: [PolicyRule, ReturnType<typeof attributes>, boolean][] = [
      [allow('get', '""', 'pods'), attributes('get', 'pods'), true],
      [allow('get', '""', 'pods'), attributes('get', 'pods/log'), false],
      [allow('get', '""', 'pods/log'), attributes('get', 'pods/log'), true],
      [allow('get', '""', 'pods'), attributes('list', 'pods'), false],
      [allow('get', '""', 'pods'), attributes('get', 'pods', '', 'apps'), false],
      [allow('*', '*', '*'), attributes('delete', 'pods/status', 'x', 'apps'), true],
      [allow('get', 'apps', '*/scale'), attributes('get', 'deployments/scale', 'x', 'apps'), true],
      [allow('get', 'apps', '*/scale'), attributes('get', 'deployments', 'x', 'apps'), false],
      [allow('get', '""', 'pods', 'a b'), attributes('get', 'pods', 'b'), true],
      [allow('get', '""', 'pods', 'a b'), attributes('get', 'pods', 'c'), false],
      [allow('list', '""', 'pods', 'a'), attributes('list', 'pods'), false],
    ]
    for (const [rule, asked, expected] of cases)
      assert.equal(ruleAllows(rule, asked), expected, JSON.stringify([rule, asked]))
    const path = (url: string) => ({ ...attributes('get', ''), isResource: false, path: url })
    assert.ok(ruleAllows(allowUrls('get', '/healthz /apis/*'), path('/apis/apps')))
    assert.ok(!ruleAllows(allowUrls('get', '/healthz /apis/*'), path('/apis')))
    assert.ok(!ruleAllows(allow('*', '*', '*'), path('/healthz')))
  })

  it('cover others when nothing is left', () => {
    const owned = [
      allow('get list', '""', 'pods services'),
      allow('get', '""', 'secrets', 'a b'),
      allow('update', 'apps', '*/scale'),
    ]
    const left = (...wanted: PolicyRule[]) => formatRules(uncovered(owned, wanted))
    assert.equal(left(allow('get', '""', 'pods'), allow('list', '""', 'services')), '')
    assert.equal(left(allow('get', '""', 'secrets', 'a')), '')
    assert.equal(left(allow('get', '""', 'secrets')), '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}')
    assert.equal(
      left(allow('get', '""', 'secrets', 'a c')),
      '{APIGroups:[""], Resources:["secrets"], ResourceNames:["c"], Verbs:["get"]}',
    )
    assert.equal(left(allow('update', 'apps', 'deployments/scale')), '')
    assert.equal(
      left(allow('get delete watch', '""', 'pods')),
      '{APIGroups:[""], Resources:["pods"], Verbs:["delete" "watch"]}',
    )
    assert.equal(left(allowUrls('get', '/metrics')), '{NonResourceURLs:["/metrics"], Verbs:["get"]}')
    assert.equal(
      formatRules(
        uncovered([allow('*', '*', '*'), allowUrls('*', '*')], [allow('*', '*', '*'), allowUrls('*', '/x/*')]),
      ),
      '',
    )
  })
})

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

describe('the default roles', () => {
  it('admins, edit and view, discovery and health are as everywhere', async () => {
    const { store, can } = await setUp(true)
    const someone = (name: string, ...groups: string[]) => ({ name, groups })
    for (const superuser of [someone('a', 'system:masters'), someone('b', 'kubeadm:cluster-admins')]) {
      for (const request of ['DELETE /api/v1/nodes/n', 'GET /metrics', 'POST /apis/x.y/v1/z'])
        assert.ok(can(superuser, request), request)
    }
    const anonymous = someone('system:anonymous', 'system:unauthenticated')
    for (const path of ['/healthz', '/livez', '/readyz', '/version']) assert.ok(can(anonymous, `GET ${path}`), path)
    for (const path of ['/api', '/apis/apps/v1', '/openapi/v3', '/metrics', '/api/v1/namespaces'])
      assert.ok(!can(anonymous, `GET ${path}`), path)
    const authenticated = someone('x', 'system:authenticated')
    for (const path of ['/api', '/api/v1', '/apis/apps/v1', '/openapi/v3/apis'])
      assert.ok(can(authenticated, `GET ${path}`), path)
    assert.ok(can(authenticated, 'POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews'))
    for (const name of ['admin', 'edit', 'view']) {
      await put(
        store,
        `${RBAC}rolebindings/blue/${name}`,
        binding(name, 'ClusterRole', name, [{ kind: 'User', name }], 'blue'),
      )
    }
    const table: [string, string][] = [
      ['GET /api/v1/namespaces/blue/pods', 'admin edit view'],
      ['GET /api/v1/namespaces/blue/secrets', 'admin edit'],
      ['GET /api/v1/namespaces/blue/pods/p/log', 'admin edit view'],
      ['POST /api/v1/namespaces/blue/pods/p/exec', 'admin edit'],
      ['PATCH /apis/apps/v1/namespaces/blue/deployments/d', 'admin edit'],
      ['PATCH /apis/apps/v1/namespaces/blue/deployments/d/scale', 'admin edit'],
      ['POST /apis/rbac.authorization.k8s.io/v1/namespaces/blue/roles', 'admin'],
      ['DELETE /api/v1/namespaces/blue', ''],
      ['GET /api/v1/namespaces/blue', 'admin edit view'],
      ['GET /api/v1/nodes', ''],
    ]
    for (const [request, who] of table) {
      const may = ['admin', 'edit', 'view'].filter((name) => can(someone(name), request)).join(' ')
      assert.equal(may, who, request)
    }
  })

  it('each binding names a role that is there, and each object carries the standard labels', () => {
    const objects = defaultRbacObjects() as KubeObject[]
    const names = new Set(objects.map((object) => `${object.kind}/${object.metadata.name}`))
    assert.equal(
      new Set(objects.map((o) => `${o.kind}/${o.metadata.namespace}/${o.metadata.name}`)).size,
      objects.length,
    )
    for (const object of objects) {
      assert.equal(object.metadata.labels?.['kubernetes.io/bootstrapping'], 'rbac-defaults')
      assert.equal(object.metadata.annotations?.['rbac.authorization.kubernetes.io/autoupdate'], 'true')
      const ref = (object as unknown as { roleRef?: { kind: string; name: string } }).roleRef
      if (ref) assert.ok(names.has(`${ref.kind}/${ref.name}`), `${object.metadata.name} → ${ref.name}`)
    }
  })

  it('a second start writes nothing, what was taken away comes back, what was added stays', async () => {
    const store = openMemoryStore()
    const clock = new FakeClock()
    assert.equal(await ensureDefaultRoles(store, clock, () => 'uid'), defaultRbacObjects().length)
    const { revision } = store
    assert.equal(await ensureDefaultRoles(store, clock, () => 'uid'), 0)
    assert.equal(store.revision, revision)
    const key = `${RBAC}clusterroles/view`
    const view = (await store.get(key))!.object as unknown as { rules: PolicyRule[] }
    assert.ok(view.rules.length > 5, 'aggregated rules can be seen')
    const discovery = `${RBAC}clusterrolebindings/system:discovery`
    const current = (await store.get(discovery))!.object
    await put(store, discovery, { ...current, subjects: [{ kind: 'User', name: 'bob' }] })
    assert.equal(await ensureDefaultRoles(store, clock, () => 'uid'), 1)
    const { subjects } = (await store.get(discovery))!.object as unknown as { subjects: { name: string }[] }
    assert.deepEqual(
      subjects.map(({ name }) => name),
      ['bob', 'system:authenticated'],
    )
    const frozen = {
      ...current,
      subjects: [],
      metadata: { ...current.metadata, annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } },
    }
    assert.equal(reconciled(frozen as never, current as never), undefined)
  })
})

describe('escalation', () => {
  it('nobody grants what they do not hold', async () => {
    const { store, authorizer } = await setUp(true)
    await put(
      store,
      `${RBAC}rolebindings/blue/b`,
      binding('b', 'ClusterRole', 'edit', [{ kind: 'User', name: 'bob' }], 'blue'),
    )
    const wanted = (rules: PolicyRule[]) => role('r', rules, 'blue') as never
    checkRoleWrite(authorizer, bob, wanted([allow('get list', '""', 'pods')]))
    assert.throws(
      () => checkRoleWrite(authorizer, bob, wanted([allow('get', '""', 'pods'), allow('get delete', '""', 'nodes')])),
      {
        code: 403,
        message:
          'roles.rbac.authorization.k8s.io "r" is forbidden: user "bob" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n' +
          '{APIGroups:[""], Resources:["nodes"], Verbs:["get" "delete"]}',
      },
    )
    const same = wanted([allow('*', '*', '*')])
    checkRoleWrite(authorizer, bob, same, same)
    checkRoleWrite(authorizer, { name: 'root', groups: ['system:masters'] }, same)
    checkRoleWrite(authorizer, { name: 'admin', groups: ['kubeadm:cluster-admins'] }, same)
    assert.throws(
      () =>
        checkRoleWrite(
          authorizer,
          bob,
          role('c', [], undefined, { aggregationRule: { clusterRoleSelectors: [] } }) as never,
        ),
      {
        message: /must have cluster-admin privileges to use the aggregationRule/,
      },
    )
  })

  it('a role is bound only by those who hold it or may bind it', async () => {
    const { store, authorizer } = await setUp(true)
    await put(
      store,
      `${RBAC}rolebindings/blue/b`,
      binding('b', 'ClusterRole', 'edit', [{ kind: 'User', name: 'bob' }], 'blue'),
    )
    const bind = (name: string) => () =>
      checkBindingWrite(authorizer, bob, binding('n', 'ClusterRole', name, [], 'blue') as never)
    bind('view')()
    assert.throws(bind('admin'), {
      code: 403,
      message: /^rolebindings\.rbac\.authorization\.k8s\.io "n" is forbidden: user "bob"/,
    })
    assert.throws(bind('gone'), { code: 404 })
    await put(
      store,
      `${RBAC}roles/blue/binder`,
      role('binder', [allow('bind', group, 'clusterroles', 'admin')], 'blue'),
    )
    await put(
      store,
      `${RBAC}rolebindings/blue/c`,
      binding('c', 'Role', 'binder', [{ kind: 'User', name: 'bob' }], 'blue'),
    )
    bind('admin')()
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

describe('nodes', () => {
  const n1: UserInfo = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] }
  const pod = (spec: object) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'blue' },
    spec: { nodeName: 'n1', containers: [], ...spec },
  })
  const POD = '/registry/core/pods/blue/web'

  it('read what their pods use, and only that', async () => {
    const { store, authorizer, can } = await setUp(true)
    const secret = 'GET /api/v1/namespaces/blue/secrets/s'
    assert.equal(can(n1, secret), false)
    assert.match(ask(authorizer, n1, secret).reason, /: no relationship found between node 'n1' and this object$/)
    await put(
      store,
      POD,
      pod({
        serviceAccountName: 'builder',
        imagePullSecrets: [{ name: 'pull' }],
        containers: [
          {
            name: 'c',
            env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }],
            envFrom: [{ configMapRef: { name: 'e' } }],
          },
        ],
        volumes: [
          { name: 'v', persistentVolumeClaim: { claimName: 'data' } },
          { name: 'p', projected: { sources: [{ configMap: { name: 'root' } }, { secret: { name: 'proj' } }] } },
        ],
      }),
    )
    await put(store, '/registry/core/persistentvolumes/pv', {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'pv' },
      spec: { claimRef: { namespace: 'blue', name: 'data' } },
    })
    const mine = [
      secret,
      'GET /api/v1/namespaces/blue/secrets/pull',
      'GET /api/v1/namespaces/blue/secrets/proj',
      'GET /api/v1/namespaces/blue/configmaps/e',
      'GET /api/v1/namespaces/blue/configmaps/root',
      'GET /api/v1/namespaces/blue/configmaps?fieldSelector=metadata.name%3Droot&watch=1',
      'GET /api/v1/namespaces/blue/persistentvolumeclaims/data',
      'GET /api/v1/persistentvolumes/pv',
      'POST /api/v1/namespaces/blue/serviceaccounts/builder/token',
    ]
    const others = [
      'GET /api/v1/namespaces/blue/secrets',
      'GET /api/v1/namespaces/blue/secrets/other',
      'GET /api/v1/namespaces/green/secrets/s',
      'PUT /api/v1/namespaces/blue/secrets/s',
      'POST /api/v1/namespaces/blue/serviceaccounts/other/token',
      'GET /api/v1/persistentvolumes/other',
      'GET /api/v1/secrets',
    ]
    for (const request of mine) assert.ok(can(n1, request), request)
    for (const request of others) assert.ok(!can(n1, request), request)
    for (const request of mine) assert.ok(!can({ ...n1, name: 'system:node:n2' }, request), `n2: ${request}`)
    await remove(store, POD)
    for (const request of mine) assert.ok(!can(n1, request), `gone: ${request}`)
  })

  it('register themselves, report pods, and renew their own Lease only', async () => {
    const { can } = await setUp(true)
    const lease = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
    for (const request of [
      'POST /api/v1/nodes',
      'PATCH /api/v1/nodes/n1/status',
      'GET /api/v1/pods?watch=1',
      'PATCH /api/v1/namespaces/blue/pods/p/status',
      'POST /api/v1/namespaces/blue/events',
      `POST ${lease}`,
      `PUT ${lease}/n1`,
      'GET /apis/discovery.k8s.io/v1/endpointslices',
      'GET /api/v1/services',
    ]) {
      assert.ok(can(n1, request), request)
    }
    for (const request of [
      `PUT ${lease}/n2`,
      `GET ${lease}`,
      `PUT ${lease.replace('kube-node-lease', 'default')}/n1`,
      'DELETE /api/v1/nodes/n1',
      'POST /api/v1/namespaces',
    ]) {
      assert.ok(!can(n1, request), request)
    }
    assert.ok(
      !can({ name: 'system:node:n1', groups: ['system:authenticated'] }, 'POST /api/v1/nodes'),
      'the name alone is no node',
    )
  })
})
