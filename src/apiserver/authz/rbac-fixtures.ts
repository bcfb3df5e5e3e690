// For the tests of this folder: roles and bindings in few words, put into a memory store, and requests asked for as in a log line.
import assert from 'node:assert/strict'
import type { KubeObject } from '../../api/meta/object.ts'
import type { PolicyRule } from '../../api/types/rbac.v1.ts'
import type { UserInfo } from '../../api/wire.ts'
import { FakeClock } from '../../base/clock.ts'
import { parseRequestInfo } from '../request-info.ts'
import { openMemoryStore } from '../storage/memory.ts'
import type { Store } from '../storage/store.ts'
import type { Decision } from './attributes.ts'
import { Authorizer } from './authorizer.ts'
import { ensureDefaultRoles } from './ensure-defaults.ts'

export const RBAC = '/registry/rbac.authorization.k8s.io/'
export const group = 'rbac.authorization.k8s.io'
export const bob: UserInfo = { name: 'bob', groups: ['dev', 'system:authenticated'] }

export async function put(store: Store, key: string, object: object) {
  const expect = (await store.get(key))?.revision ?? 0
  const result = await store.write({ key, expect, object: object as KubeObject })
  assert.ok(result.ok)
}
export const remove = async (store: Store, key: string) =>
  assert.ok((await store.write({ key, expect: (await store.get(key))!.revision, object: undefined })).ok)
export const meta = (name: string, namespace?: string) => ({ name, ...(namespace ? { namespace } : {}) })
export const role = (name: string, rules: PolicyRule[], namespace?: string, more: object = {}) => ({
  apiVersion: `${group}/v1`,
  kind: namespace ? 'Role' : 'ClusterRole',
  metadata: meta(name, namespace),
  rules,
  ...more,
})
export const binding = (name: string, kind: string, roleName: string, subjects: object[], namespace?: string) => ({
  apiVersion: `${group}/v1`,
  kind: namespace ? 'RoleBinding' : 'ClusterRoleBinding',
  metadata: meta(name, namespace),
  roleRef: { apiGroup: group, kind, name: roleName },
  subjects,
})
export const ask = (authorizer: Authorizer, user: UserInfo, request: string) => {
  const [method, url] = request.split(' ') as ['GET', string]
  const { pathname, searchParams } = new URL(url, 'http://x')
  // The server's own authorisers answer at once.
  return authorizer.authorize(user, parseRequestInfo(method, pathname, searchParams)) as Decision
}
export async function setUp(defaults = false) {
  const store = openMemoryStore()
  if (defaults) await ensureDefaultRoles(store, new FakeClock(), () => 'uid')
  const authorizer = await Authorizer.open(store)
  const can = (user: UserInfo, request: string) => ask(authorizer, user, request).allowed
  return { store, authorizer, can }
}
