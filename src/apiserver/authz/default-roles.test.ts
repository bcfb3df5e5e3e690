import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubeObject } from '../../api/meta/object.ts'
import type { PolicyRule } from '../../api/types/rbac.v1.ts'
import { FakeClock } from '../../base/clock.ts'
import { openMemoryStore } from '../storage/memory.ts'
import { defaultRbacObjects } from './default-roles.ts'
import { ensureDefaultRoles, reconciled } from './ensure-defaults.ts'
import { binding, put, RBAC, setUp } from './rbac-fixtures.ts'

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
