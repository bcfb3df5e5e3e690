// The rules of flow schemas: whom they are about, which requests, and what those without which nothing works must say.
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../meta/errors.ts'
import { dnsLabel, dnsSubdomain } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/flowcontrol.v1.ts'
import { checkName } from './check.ts'

type Rule = DeepReadonly<types.PolicyRulesWithSubjects>
type Subject = Rule['subjects'][number]
type ResourceRule = NonNullable<Rule['resourceRules']>[number]
type PathRule = NonNullable<Rule['nonResourceRules']>[number]

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch']

export function checkFlowRule(errors: FieldError[], at: string, rule: Rule): void {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rule
  subjects.forEach((subject, i) => {
    checkSubject(errors, `${at}.subjects[${i}]`, subject)
  })
  if (subjects.length === 0) errors.push(required(`${at}.subjects`, 'subjects must contain at least one value'))
  if (resourceRules.length === 0 && nonResourceRules.length === 0) {
    errors.push(required(at, 'at least one of resourceRules and nonResourceRules has to be non-empty'))
  }
  resourceRules.forEach((item, i) => {
    checkResourceRule(errors, `${at}.resourceRules[${i}]`, item)
  })
  nonResourceRules.forEach((item, i) => {
    checkPathRule(errors, `${at}.nonResourceRules[${i}]`, item)
  })
}

const SUBJECTS = { Group: 'group', ServiceAccount: 'serviceAccount', User: 'user' } as const
/** In the order in which what doesn't belong is told. */
const FOREIGN = {
  ServiceAccount: ['User', 'Group'],
  User: ['ServiceAccount', 'Group'],
  Group: ['ServiceAccount', 'User'],
} as const

function checkSubject(errors: FieldError[], at: string, subject: Subject): void {
  const kind = subject.kind as keyof typeof SUBJECTS
  if (!Object.hasOwn(SUBJECTS, kind)) {
    errors.push(notSupported(`${at}.kind`, kind ?? '', Object.keys(SUBJECTS)))
    return
  }
  const key = SUBJECTS[kind]
  const named = subject[key]
  if (!named) errors.push(required(`${at}.${key}`, `${key} is required when subject kind is '${kind}'`))
  else if (!named.name) errors.push(required(`${at}.${key}.name`))
  else if (kind === 'ServiceAccount' && named.name !== '*') {
    checkName(errors, `${at}.${key}.name`, named.name, dnsSubdomain)
  }
  if (named && kind === 'ServiceAccount') {
    const { namespace } = subject.serviceAccount ?? {}
    if (!namespace) errors.push(required(`${at}.${key}.namespace`, 'must specify namespace for service account'))
    else checkName(errors, `${at}.${key}.namespace`, namespace, dnsLabel)
  }
  for (const other of FOREIGN[kind]) {
    const field = SUBJECTS[other]
    if (subject[field]) {
      errors.push(forbiddenField(`${at}.${field}`, `${field} is forbidden when subject kind is not '${other}'`))
    }
  }
}

/** `*` stands alone. True when there is nothing more to look at. */
function checkAlone(
  errors: FieldError[],
  field: string,
  values: readonly string[] | undefined,
  none: string,
  others: string,
): boolean {
  if (!values?.length) {
    errors.push(required(field, none))
    return true
  }
  if (!values.includes('*')) return false
  if (values.length > 1) errors.push(invalid(field, values, `if '*' is present, must not specify other ${others}`))
  return true
}

function checkVerbs(errors: FieldError[], field: string, verbs: readonly string[] | undefined): void {
  const done = checkAlone(errors, field, verbs, 'verbs must contain at least one value', 'verbs')
  if (!done && verbs?.some((verb) => !VERBS.includes(verb))) errors.push(notSupported(field, verbs, VERBS))
}

function checkResourceRule(errors: FieldError[], at: string, rule: ResourceRule): void {
  checkVerbs(errors, `${at}.verbs`, rule.verbs)
  const none = (what: string) => `resource rules must supply at least one ${what}`
  checkAlone(errors, `${at}.apiGroups`, rule.apiGroups, none('api group'), 'api groups')
  checkAlone(errors, `${at}.resources`, rule.resources, none('resource'), 'resources')
  const { namespaces = [], clusterScope } = rule
  if (namespaces.length === 0 && clusterScope) return
  const why = 'resource rules that are not cluster scoped must supply at least one namespace'
  if (checkAlone(errors, `${at}.namespaces`, namespaces, why, 'namespaces')) return
  namespaces.forEach((namespace, i) => {
    for (const problem of dnsLabel(namespace)) {
      const intro = "each member of this list must be '*' or a DNS-1123 label; "
      errors.push(invalid(`${at}.namespaces[${i}]`, namespace, intro + problem))
    }
  })
}

function checkPathRule(errors: FieldError[], at: string, rule: PathRule): void {
  checkVerbs(errors, `${at}.verbs`, rule.verbs)
  const field = `${at}.nonResourceURLs`
  const none = 'nonResourceURLs must contain at least one value'
  if (checkAlone(errors, field, rule.nonResourceURLs, none, 'non-resource URLs')) return
  rule.nonResourceURLs?.forEach((path, i) => {
    const problem = pathProblem(path)
    if (problem) errors.push(invalid(`${field}[${i}]`, path, problem))
  })
}

function pathProblem(path: string): string | undefined {
  if (path === '') return 'must not be empty'
  if (path === '/') return undefined
  if (!path.startsWith('/')) return 'must start with slash'
  if (path.includes(' ')) return 'must not contain white-space'
  if (path.includes('//')) return 'must not contain double slash'
  const stars = path.split('*').length - 1
  return stars > 1 || (stars === 1 && !path.endsWith('/*')) ? 'wildcard can only do suffix matching' : undefined
}

interface Statusful {
  readonly status?: { readonly conditions?: readonly { readonly type?: string }[] }
}

export function validateFlowStatus({ status }: Statusful): FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  status?.conditions?.forEach(({ type = '' }, i) => {
    const field = `status.conditions[${i}].type`
    if (seen.has(type)) {
      errors.push({ type: 'FieldValueDuplicate', field, message: `Duplicate value: ${JSON.stringify(type)}` })
    }
    seen.add(type)
    if (type === '') errors.push(required(field, 'must not be empty'))
  })
  return errors
}

const everything = (...groups: string[]): types.PolicyRulesWithSubjects => ({
  subjects: groups.map((name) => ({ kind: 'Group', group: { name } })),
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
})

/** Without these no request could be placed: they say the same everywhere. */
export const MANDATORY_SCHEMAS: Readonly<Record<string, types.FlowSchemaSpec>> = {
  exempt: {
    priorityLevelConfiguration: { name: 'exempt' },
    matchingPrecedence: 1,
    rules: [everything('system:masters')],
  },
  'catch-all': {
    priorityLevelConfiguration: { name: 'catch-all' },
    matchingPrecedence: 10_000,
    distinguisherMethod: { type: 'ByUser' },
    rules: [everything('system:unauthenticated', 'system:authenticated')],
  },
}

export const CATCH_ALL_LEVEL: types.PriorityLevelConfigurationSpec = {
  type: 'Limited',
  limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: 'Reject' } },
}
