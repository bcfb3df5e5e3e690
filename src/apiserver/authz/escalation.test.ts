import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PolicyRule } from '../../api/types/rbac.v1.ts'
import { checkBindingWrite, checkRoleWrite } from './escalation.ts'
import { binding, bob, group, put, RBAC, role, setUp } from './rbac-fixtures.ts'
import { allow } from './rule-notation.ts'

describe('escalation', () => {
  it('nobody grants what they do not hold', async () => {
    const { store, authorizer } = await setUp(true)
    await put(
      store,
      `${RBAC}rolebindings/blue/b`,
      binding('b', 'ClusterRole', 'edit', [{ kind: 'User', name: 'bob' }], 'blue'),
    )
    const wanted = (rules: PolicyRule[]) => role('r', rules, 'blue') as never
    await checkRoleWrite(authorizer, bob, wanted([allow('get list', '""', 'pods')]))
    await assert.rejects(
      () => checkRoleWrite(authorizer, bob, wanted([allow('get', '""', 'pods'), allow('get delete', '""', 'nodes')])),
      {
        code: 403,
        message:
          'roles.rbac.authorization.k8s.io "r" is forbidden: user "bob" (groups=["dev" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n' +
          '{APIGroups:[""], Resources:["nodes"], Verbs:["get" "delete"]}',
      },
    )
    const same = wanted([allow('*', '*', '*')])
    await checkRoleWrite(authorizer, bob, same, same)
    await checkRoleWrite(authorizer, { name: 'root', groups: ['system:masters'] }, same)
    await checkRoleWrite(authorizer, { name: 'admin', groups: ['kubeadm:cluster-admins'] }, same)
    await assert.rejects(
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
    await bind('view')()
    await assert.rejects(bind('admin'), {
      code: 403,
      message: /^rolebindings\.rbac\.authorization\.k8s\.io "n" is forbidden: user "bob"/,
    })
    await assert.rejects(bind('gone'), { code: 404 })
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
    await bind('admin')()
  })
})
