// What RBAC rules allow, and whether some rules cover others. Pure.
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { PolicyRule } from '../../api/types/rbac.v1.ts'
import { type Attributes, combined } from './attributes.ts'

export type Rule = DeepReadonly<PolicyRule>

export function ruleAllows(rule: Rule, attributes: Attributes): boolean {
  if (!has(rule.verbs, attributes.verb)) return false
  if (!attributes.isResource) return (rule.nonResourceURLs ?? []).some((url) => urlMatches(url, attributes.path))
  return (
    has(rule.apiGroups, attributes.group) &&
    resourceMatches(rule.resources, combined(attributes), attributes.subresource) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(attributes.name))
  )
}

const has = (allowed: readonly string[] | undefined, wanted: string) =>
  allowed !== undefined && (allowed.includes('*') || allowed.includes(wanted))

/** `*` is every resource and subresource, a star with `/scale` behind it that subresource of every resource. */
function resourceMatches(allowed: readonly string[] | undefined, resource: string, subresource: string): boolean {
  return has(allowed, resource) || (subresource !== '' && (allowed?.includes(`*/${subresource}`) ?? false))
}

function urlMatches(pattern: string, path: string): boolean {
  if (pattern === '*' || pattern === path) return true
  return pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1))
}

/** Of `wanted`, what the rules in `owned` do not cover, taken apart into single permissions. Empty: everything is covered. */
export function uncovered(owned: readonly Rule[], wanted: readonly Rule[]): Rule[] {
  return wanted.flatMap(takenApart).filter((single) => !owned.some((rule) => covers(rule, single)))
}

/** One rule for each verb with each group and resource, or with each URL. Names stay together. */
function takenApart(rule: Rule): Rule[] {
  const singles: Rule[] = []
  const { verbs, apiGroups = [], resources = [], resourceNames, nonResourceURLs = [] } = rule
  for (const verb of verbs) {
    for (const group of apiGroups) {
      for (const resource of resources) {
        const names = resourceNames?.length ? resourceNames.map((name) => [name]) : [undefined]
        for (const only of names) {
          singles.push({
            verbs: [verb],
            apiGroups: [group],
            resources: [resource],
            ...(only ? { resourceNames: only } : {}),
          })
        }
      }
    }
    for (const url of nonResourceURLs) singles.push({ verbs: [verb], nonResourceURLs: [url] })
  }
  return singles
}

function covers(owner: Rule, single: Rule): boolean {
  if (!has(owner.verbs, single.verbs[0]!)) return false
  const [url] = single.nonResourceURLs ?? []
  if (url !== undefined) return (owner.nonResourceURLs ?? []).some((pattern) => urlMatches(pattern, url))
  const [group, resource, name] = [single.apiGroups![0]!, single.resources![0]!, single.resourceNames?.[0]]
  if (!has(owner.apiGroups, group) || !resourceMatches(owner.resources, resource, resource.split('/')[1] ?? ''))
    return false
  return !owner.resourceNames?.length || (name !== undefined && owner.resourceNames.includes(name))
}

/** Permissions as the API writes them in messages, those that differ only in their verb on one line, in order. */
export function formatRules(rules: readonly Rule[]): string {
  const verbsByRest = new Map<string, { rule: Rule; verbs: Set<string> }>()
  for (const rule of rules) {
    const { verbs, ...rest } = rule
    const known = verbsByRest.get(JSON.stringify(rest)) ?? { rule, verbs: new Set() }
    for (const verb of verbs) known.verbs.add(verb)
    verbsByRest.set(JSON.stringify(rest), known)
  }
  return [...verbsByRest.values()]
    .map(({ rule, verbs }) => formatRule({ ...rule, verbs: [...verbs] }))
    .sort()
    .join('\n')
}

function formatRule({ apiGroups, resources, resourceNames, nonResourceURLs, verbs }: Rule): string {
  const parts: [string, readonly string[] | undefined][] = [
    ['APIGroups', apiGroups],
    ['Resources', resources],
    ['NonResourceURLs', nonResourceURLs],
    ['ResourceNames', resourceNames],
    ['Verbs', verbs],
  ]
  const shown = parts.filter(([, values]) => values?.length).map(([name, values]) => `${name}:${formatList(values!)}`)
  return `{${shown.join(', ')}}`
}

const formatList = (values: readonly string[]) => `[${values.map((value) => JSON.stringify(value)).join(' ')}]`
