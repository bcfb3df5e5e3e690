import type * as types from '../types/rbac.v1.ts'
import { defineKind } from './kind.ts'

export type RoleBinding = types.RoleBinding

export const RoleBinding = defineKind<RoleBinding>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'RoleBinding',
  plural: 'rolebindings',
  scope: 'Namespaced',
})
