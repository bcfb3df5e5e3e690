import type * as types from '../types/rbac.v1.ts'
import { defineKind } from './kind.ts'

export type Role = types.Role

export const Role = defineKind<Role>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'Role',
  plural: 'roles',
  scope: 'Namespaced',
})
