// What the four RBAC kinds share: the rules of policy rules, subjects and role references, and their defaults and columns.
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../meta/errors.ts'
import { dnsSubdomain, pathSegment } from '../meta/names.ts'
import type { DeepReadonly, KubeObject } from '../meta/object.ts'
import type { PolicyRule, RoleRef, Subject } from '../types/rbac.v1.ts'
import { checkImmutable, checkName, checkOneOf } from './check.ts'
import { age, text, wide } from './columns.ts'
import type { Column } from './kind.ts'

export const RBAC_GROUP = 'rbac.authorization.k8s.io'

interface Binding {
  subjects?: Subject[]
  roleRef: RoleRef
}

export const bindingColumns = <T extends KubeObject & Binding>(): Column<T>[] => [
  text('Role', (b) => `${b.roleRef?.kind ?? ''}/${b.roleRef?.name ?? ''}`, 'The role whose permissions are given.'),
  age(),
  wide(text('Users', (b) => subjectNames(b, 'User'), 'Users who get them.')),
  wide(text('Groups', (b) => subjectNames(b, 'Group'), 'Groups that get them.')),
  wide(text('ServiceAccounts', (b) => subjectNames(b, 'ServiceAccount'), 'Service accounts that get them.')),
]

export function defaultBinding(binding: Binding): void {
  const { apiGroup, ...rest } = binding.roleRef ?? ({} as RoleRef)
  binding.roleRef = { apiGroup: apiGroup || RBAC_GROUP, ...rest }
  for (const subject of binding.subjects ?? []) {
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= RBAC_GROUP
  }
}

export function validateRules(
  rules: readonly DeepReadonly<PolicyRule>[] | undefined,
  namespaced: boolean,
): FieldError[] {
  const errors: FieldError[] = []
  rules?.forEach((rule, i) => {
    const at = `rules[${i}]`
    if (!rule.verbs?.length) errors.push(required(`${at}.verbs`, 'verbs must contain at least one value'))
    if (rule.nonResourceURLs?.length) {
      if (namespaced) {
        errors.push(
          invalid(`${at}.nonResourceURLs`, rule.nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'),
        )
      }
      if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length) {
        errors.push(
          invalid(
            `${at}.nonResourceURLs`,
            rule.nonResourceURLs,
            'rules cannot apply to both regular resources and non-resource URLs',
          ),
        )
      }
      return
    }
    if (!rule.apiGroups?.length)
      errors.push(required(`${at}.apiGroups`, 'resource rules must supply at least one api group'))
    if (!rule.resources?.length)
      errors.push(required(`${at}.resources`, 'resource rules must supply at least one resource'))
  })
  return errors
}

export function validateBinding(binding: DeepReadonly<Binding>, namespaced: boolean): FieldError[] {
  const errors: FieldError[] = []
  const { roleRef, subjects } = binding
  checkOneOf(errors, 'roleRef.apiGroup', roleRef?.apiGroup, [RBAC_GROUP])
  checkOneOf(errors, 'roleRef.kind', roleRef?.kind, namespaced ? ['ClusterRole', 'Role'] : ['ClusterRole'])
  checkName(errors, 'roleRef.name', roleRef?.name, pathSegment)
  subjects?.forEach((subject, i) => {
    const at = `subjects[${i}]`
    if (!subject.name) errors.push(required(`${at}.name`))
    switch (subject.kind) {
      case 'ServiceAccount':
        if (subject.name) checkName(errors, `${at}.name`, subject.name, dnsSubdomain)
        if (subject.apiGroup) errors.push(notSupported(`${at}.apiGroup`, subject.apiGroup, ['']))
        if (!namespaced && !subject.namespace) errors.push(required(`${at}.namespace`))
        break
      case 'User':
      case 'Group':
        if (subject.apiGroup !== RBAC_GROUP) {
          errors.push(notSupported(`${at}.apiGroup`, subject.apiGroup, [RBAC_GROUP]))
        }
        if (subject.namespace) {
          errors.push(forbiddenField(`${at}.namespace`, `not allowed for subjects of kind ${subject.kind}`))
        }
        break
      default:
        errors.push(notSupported(`${at}.kind`, subject.kind, ['ServiceAccount', 'User', 'Group']))
    }
  })
  return errors
}

export function validateBindingUpdate(binding: DeepReadonly<Binding>, old: DeepReadonly<Binding>): FieldError[] {
  const errors: FieldError[] = []
  checkImmutable(errors, 'roleRef', binding.roleRef, old.roleRef, 'cannot change roleRef')
  return errors
}

/** Names of the subjects of one kind. */
export function subjectNames(binding: DeepReadonly<Binding>, kind: string): string {
  return (binding.subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map((s) => (kind === 'ServiceAccount' ? `${s.namespace ?? ''}/${s.name}` : s.name))
    .join(', ')
}
