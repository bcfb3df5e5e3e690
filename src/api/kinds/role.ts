// Role: permissions, as rules that add up.
import { pathSegment } from '../meta/names.ts'
import type * as types from '../types/rbac.v1.ts'
import { createdAt } from './columns.ts'
import { defineKind } from './kind.ts'
import { validateRules } from './rbac-rules.ts'

export type Role = types.Role

export const Role = defineKind<Role>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'Role',
  plural: 'roles',
  scope: 'Namespaced',
  description: 'Permissions within a namespace.',
  columns: [createdAt()],
  validateName: pathSegment,
  validate: (role) => validateRules(role.rules, true),
})
