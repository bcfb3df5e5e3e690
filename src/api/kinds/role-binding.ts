// RoleBinding: who has the permissions of a role.
import { pathSegment } from '../meta/names.ts'
import type * as types from '../types/rbac.v1.ts'
import { defineKind } from './kind.ts'
import { bindingColumns, defaultBinding, validateBinding, validateBindingUpdate } from './rbac-rules.ts'

export type RoleBinding = types.RoleBinding

export const RoleBinding = defineKind<RoleBinding>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'RoleBinding',
  plural: 'rolebindings',
  scope: 'Namespaced',
  description: 'Gives the permissions of a role to users, groups and service accounts, within a namespace.',
  columns: bindingColumns(),
  validateName: pathSegment,
  default: defaultBinding,
  validate: (b) => validateBinding(b, true),
  validateUpdate: validateBindingUpdate,
})
