// ClusterRole: permissions, as rules that add up.

import type { FieldError } from '../meta/errors.ts'
import { invalid, required } from '../meta/errors.ts'
import { pathSegment } from '../meta/names.ts'
import type * as types from '../types/rbac.v1.ts'
import { checkSelector } from './check.ts'
import { createdAt } from './columns.ts'
import { defineKind } from './kind.ts'
import { validateRules } from './rbac-rules.ts'

export type ClusterRole = types.ClusterRole

export const ClusterRole = defineKind<ClusterRole>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  scope: 'Cluster',
  description: 'Permissions in all namespaces, and on what has none.',
  columns: [createdAt()],
  validateName: pathSegment,
  validate(role) {
    const errors: FieldError[] = validateRules(role.rules, false)
    const selectors = role.aggregationRule?.clusterRoleSelectors
    if (role.aggregationRule && !selectors?.length) {
      errors.push(
        required(
          'aggregationRule.clusterRoleSelectors',
          'at least one clusterRoleSelector required if aggregationRule is non-nil',
        ),
      )
    }
    selectors?.forEach((selector, i) => {
      const field = `aggregationRule.clusterRoleSelectors[${i}]`
      const before = errors.length
      checkSelector(errors, field, selector)
      if (errors.length > before) errors.push(invalid(field, null, 'invalid label selector.'))
    })
    return errors
  },
})
