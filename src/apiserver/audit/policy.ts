// An audit Policy (audit.k8s.io/v1), read and checked, and what it says about one request: the first rule that matches decides how
// much is told. Pure.
import { type FieldError, invalid, notSupported, required } from '../../api/meta/errors.ts'
import type { UserInfo } from '../../api/wire.ts'
import { type Attributes, combined } from '../authz/attributes.ts'

export const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const
export type Level = (typeof LEVELS)[number]
export const STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const
export type Stage = (typeof STAGES)[number]

interface GroupResources {
  readonly group?: string
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
}

interface PolicyRule {
  readonly level: Level
  readonly users?: readonly string[]
  readonly userGroups?: readonly string[]
  readonly verbs?: readonly string[]
  readonly resources?: readonly GroupResources[]
  readonly namespaces?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
  readonly omitStages?: readonly Stage[]
  readonly omitManagedFields?: boolean
}

export interface AuditPolicy {
  readonly rules: readonly PolicyRule[]
  readonly omitStages?: readonly Stage[]
  readonly omitManagedFields?: boolean
}

export interface AuditDecision {
  readonly level: Level
  readonly omitStages: readonly Stage[]
  readonly omitManagedFields: boolean
}

export class PolicyError extends Error {}

const API_VERSION = 'audit.k8s.io/v1'
const isFields = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const POLICY_FIELDS = ['apiVersion', 'kind', 'metadata', 'rules', 'omitStages', 'omitManagedFields']
const LISTS = ['users', 'userGroups', 'verbs', 'namespaces', 'nonResourceURLs', 'omitStages']
const RULE_FIELDS = ['level', ...LISTS, 'resources', 'omitManagedFields']
const RESOURCE_LISTS = ['resources', 'resourceNames']
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

/** @throws PolicyError naming every field that is wrong */
export function parsePolicy(value: unknown): AuditPolicy {
  if (!isFields(value) || value['apiVersion'] !== API_VERSION || value['kind'] !== 'Policy') {
    throw new PolicyError(`must be a Policy of ${API_VERSION}`)
  }
  const errors: FieldError[] = []
  checkFields(value, POLICY_FIELDS, '', errors)
  checkStages(value['omitStages'], 'omitStages', errors)
  checkBoolean(value['omitManagedFields'], 'omitManagedFields', errors)
  const { rules } = value
  // k8s: a policy without rules is taken for a mistake.
  if (!Array.isArray(rules) || rules.length === 0) errors.push(required('rules', 'a policy needs at least one rule'))
  for (const [i, rule] of (Array.isArray(rules) ? rules : []).entries()) checkRule(rule, `rules[${i}]`, errors)
  if (errors.length > 0) throw new PolicyError(errors.map(({ field, message }) => `${field}: ${message}`).join(', '))
  return value as unknown as AuditPolicy
}

function checkRule(rule: unknown, path: string, errors: FieldError[]): void {
  if (!isFields(rule)) {
    errors.push(invalid(path, rule, 'must be an object'))
    return
  }
  checkFields(rule, RULE_FIELDS, `${path}.`, errors)
  const { level, resources, nonResourceURLs, namespaces, omitStages } = rule
  if (level === undefined || level === '') errors.push(required(`${path}.level`))
  else if (!LEVELS.includes(level as Level)) errors.push(notSupported(`${path}.level`, level, LEVELS))
  for (const name of LISTS) checkStrings(rule[name], `${path}.${name}`, errors)
  checkBoolean(rule['omitManagedFields'], `${path}.omitManagedFields`, errors)
  checkStages(omitStages, `${path}.omitStages`, errors)
  if (resources !== undefined && !Array.isArray(resources)) {
    errors.push(invalid(`${path}.resources`, resources, 'must be a list'))
  }
  for (const [i, one] of (Array.isArray(resources) ? resources : []).entries()) {
    checkResources(one, `${path}.resources[${i}]`, errors)
  }
  if (!Array.isArray(nonResourceURLs)) return
  nonResourceURLs.forEach((url, i) => {
    const at = `${path}.nonResourceURLs[${i}]`
    if (url === '*') return
    if (!String(url).startsWith('/')) {
      errors.push(invalid(at, url, "non-resource URL rules must begin with a '/' character"))
    }
    if (String(url).slice(0, -1).includes('*')) {
      errors.push(invalid(at, url, "non-resource URL wildcards '*' must be the final character of the rule"))
    }
  })
  if (nonResourceURLs.length > 0 && (hasAny(resources) || hasAny(namespaces))) {
    const why = 'rules cannot apply to both regular resources and non-resource URLs'
    errors.push(invalid(`${path}.nonResourceURLs`, nonResourceURLs, why))
  }
}

function checkResources(value: unknown, path: string, errors: FieldError[]): void {
  if (!isFields(value)) {
    errors.push(invalid(path, value, 'must be an object'))
    return
  }
  checkFields(value, ['group', ...RESOURCE_LISTS], `${path}.`, errors)
  for (const name of RESOURCE_LISTS) checkStrings(value[name], `${path}.${name}`, errors)
  const { group, resources, resourceNames } = value
  if (group && group !== '*' && !(typeof group === 'string' && DNS_SUBDOMAIN.test(group))) {
    errors.push(invalid(`${path}.group`, group, 'must be the name of a group, without a version'))
  }
  if (hasAny(resourceNames) && !hasAny(resources)) {
    errors.push(invalid(`${path}.resourceNames`, resourceNames, 'using resourceNames requires at least one resource'))
  }
}

const hasAny = (value: unknown) => Array.isArray(value) && value.length > 0

function checkFields(value: object, known: readonly string[], prefix: string, errors: FieldError[]): void {
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) errors.push({ ...invalid(`${prefix}${name}`, name, ''), message: 'unknown field' })
  }
}

function checkStrings(value: unknown, path: string, errors: FieldError[]): void {
  if (value === undefined || value === null) return
  const fine = Array.isArray(value) && value.every((one) => typeof one === 'string')
  if (!fine) errors.push(invalid(path, value, 'must be a list of strings'))
}

function checkBoolean(value: unknown, path: string, errors: FieldError[]): void {
  if (value !== undefined && typeof value !== 'boolean') errors.push(invalid(path, value, 'must be true or false'))
}

function checkStages(value: unknown, path: string, errors: FieldError[]): void {
  if (!Array.isArray(value)) return
  value.forEach((stage, i) => {
    if (!STAGES.includes(stage)) errors.push(invalid(`${path}[${i}]`, stage, `allowed stages are ${STAGES.join(',')}`))
  })
}

/** k8s: what no rule matches isn't told. */
export function auditDecision(policy: AuditPolicy, user: UserInfo, attributes: Attributes): AuditDecision {
  const rule = policy.rules.find((one) => ruleMatches(one, user, attributes))
  return {
    level: rule?.level ?? 'None',
    omitStages: [...(policy.omitStages ?? []), ...(rule?.omitStages ?? [])],
    omitManagedFields: rule?.omitManagedFields ?? policy.omitManagedFields ?? false,
  }
}

/** An empty or missing list is no restriction. */
const allows = (list: readonly string[] | undefined, value: string) => !list?.length || list.includes(value)

function ruleMatches(rule: PolicyRule, user: UserInfo, attributes: Attributes): boolean {
  const { users, userGroups, verbs, namespaces, resources, nonResourceURLs } = rule
  if (!allows(users, user.name)) return false
  if (userGroups?.length && !user.groups.some((group) => userGroups.includes(group))) return false
  if (!allows(verbs, attributes.verb)) return false
  if (namespaces?.length || resources?.length) {
    if (!attributes.isResource || !allows(namespaces, attributes.namespace)) return false
    return !resources?.length || resources.some((one) => resourcesMatch(one, attributes))
  }
  if (!nonResourceURLs?.length) return true
  return !attributes.isResource && nonResourceURLs.some((url) => urlMatches(url, attributes.path))
}

function resourcesMatch({ group = '', resources, resourceNames }: GroupResources, attributes: Attributes): boolean {
  if (group !== '*' && group !== attributes.group) return false
  if (!resources?.length) return true
  if (!allows(resourceNames, attributes.name)) return false
  const { resource, subresource } = attributes
  const names = ['*', combined(attributes), `${resource}/*`, ...(subresource ? [`*/${subresource}`] : [])]
  return resources.some((name) => names.includes(name))
}

const urlMatches = (url: string, path: string) =>
  url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1)))
