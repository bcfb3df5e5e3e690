// What the four RBAC kinds share: the rules of policy rules, subjects and role references, and their defaults and columns.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, invalid, notSupported, required } from '../meta/errors.ts'
import { dnsSubdomain, pathSegment } from '../meta/names.ts'
import type { DeepReadonly, KubeObject } from '../meta/object.ts'
import type { PolicyRule, RoleRef, Subject } from '../types/rbac.v1.ts'
import { checkName } from './check.ts'
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
  const { apiGroup = '', kind = '' } = roleRef ?? {}
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole']
  if (apiGroup !== RBAC_GROUP) errors.push(notSupported('roleRef.apiGroup', apiGroup, [RBAC_GROUP]))
  if (!kinds.includes(kind)) errors.push(notSupported('roleRef.kind', kind, kinds))
  checkName(errors, 'roleRef.name', roleRef?.name, pathSegment)
  subjects?.forEach((subject, i) => {
    checkSubject(errors, `subjects[${i}]`, subject, namespaced)
  })
  return errors
}

function checkSubject(errors: FieldError[], at: string, subject: DeepReadonly<Subject>, namespaced: boolean): void {
  const { kind = '', name = '', namespace, apiGroup = '' } = subject
  if (name === '') errors.push(required(`${at}.name`))
  switch (kind) {
    case 'ServiceAccount':
      if (name !== '') checkName(errors, `${at}.name`, name, dnsSubdomain)
      if (apiGroup !== '') errors.push(notSupported(`${at}.apiGroup`, apiGroup, ['']))
      if (!namespaced && !namespace) errors.push(required(`${at}.namespace`))
      break
    case 'User':
    case 'Group':
      if (name === '') errors.push(invalid(`${at}.name`, name, `${kind.toLowerCase()} name cannot be empty`))
      if (apiGroup !== RBAC_GROUP) errors.push(notSupported(`${at}.apiGroup`, apiGroup, [RBAC_GROUP]))
      break
    default:
      errors.push(notSupported(`${at}.kind`, kind, ['ServiceAccount', 'User', 'Group']))
  }
}

export function validateBindingUpdate({ roleRef }: DeepReadonly<Binding>, old: DeepReadonly<Binding>): FieldError[] {
  if (semanticEqual(roleRef, old.roleRef)) return []
  // k8s: shown by the names of the server's own fields
  const shown = { APIGroup: roleRef.apiGroup, Kind: roleRef.kind, Name: roleRef.name }
  return [invalid('roleRef', shown, 'cannot change roleRef')]
}

/** Names of the subjects of one kind. */
export function subjectNames(binding: DeepReadonly<Binding>, kind: string): string {
  return (binding.subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map((s) => (kind === 'ServiceAccount' ? `${s.namespace ?? ''}/${s.name}` : s.name))
    .join(', ')
}
