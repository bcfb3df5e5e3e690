// RoleBinding: who has the permissions of a role.
import { pathSegment } from '../meta/names.ts'
import type * as types from '../types/rbac.v1.ts'
import { age, text, wide } from './columns.ts'
import { defineKind } from './kind.ts'
import { defaultBinding, subjectNames, validateBinding, validateBindingUpdate } from './rbac-rules.ts'

export type RoleBinding = types.RoleBinding

export const RoleBinding = defineKind<RoleBinding>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'RoleBinding',
  plural: 'rolebindings',
  scope: 'Namespaced',
  description: 'Gives the permissions of a role to users, groups and service accounts, within a namespace.',
  columns: [
    text('Role', (b) => `${b.roleRef?.kind ?? ''}/${b.roleRef?.name ?? ''}`, 'The role whose permissions are given.'),
    age(),
    wide(text('Users', (b) => subjectNames(b, 'User'), 'Users who get them.')),
    wide(text('Groups', (b) => subjectNames(b, 'Group'), 'Groups that get them.')),
    wide(text('ServiceAccounts', (b) => subjectNames(b, 'ServiceAccount'), 'Service accounts that get them.')),
  ],
  validateName: pathSegment,
  default: defaultBinding,
  validate: (b) => validateBinding(b, true),
  validateUpdate: validateBindingUpdate,
})
