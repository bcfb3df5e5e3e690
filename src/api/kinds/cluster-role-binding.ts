// ClusterRoleBinding: who has the permissions of a role.
import { pathSegment } from '../meta/names.ts'
import type * as types from '../types/rbac.v1.ts'
import { defineKind } from './kind.ts'
import { bindingColumns, defaultBinding, validateBinding, validateBindingUpdate } from './rbac-rules.ts'

export type ClusterRoleBinding = types.ClusterRoleBinding

export const ClusterRoleBinding = defineKind<ClusterRoleBinding>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  scope: 'Cluster',
  description: 'Gives the permissions of a cluster role to users, groups and service accounts, everywhere.',
  columns: bindingColumns(),
  validateName: pathSegment,
  default: defaultBinding,
  validate: (b) => validateBinding(b, false),
  validateUpdate: validateBindingUpdate,
})
