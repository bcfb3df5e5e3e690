// Which requests a flow schema speaks of. Pure.
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { FlowSchemaSpec, PolicyRulesWithSubjects, Subject } from '../../api/types/flowcontrol.v1.ts'
import type { UserInfo } from '../../api/wire.ts'
import { parseSubject } from '../authn/service-account-claims.ts'
import { type Attributes, combined } from '../authz/attributes.ts'

export type Rules = DeepReadonly<PolicyRulesWithSubjects>

/** The rules that concern the user. */
export const rulesFor = (spec: DeepReadonly<FlowSchemaSpec>, user: UserInfo): Rules[] =>
  (spec.rules ?? []).filter(({ subjects }) => subjects.some((subject) => isSubject(subject, user)))

function isSubject({ kind, user, group, serviceAccount }: DeepReadonly<Subject>, who: UserInfo): boolean {
  switch (kind) {
    case 'User':
      return user?.name === '*' || user?.name === who.name
    case 'Group':
      return group?.name === '*' || (group !== undefined && who.groups.includes(group.name))
    case 'ServiceAccount': {
      const account = serviceAccount && parseSubject(who.name)
      if (!account || account.namespace !== serviceAccount.namespace) return false
      return serviceAccount.name === '*' || serviceAccount.name === account.name
    }
    default:
      return false
  }
}

const has = (list: readonly string[] | undefined, value: string) =>
  list !== undefined && (list.includes('*') || list.includes(value))

export function ruleMatches({ resourceRules, nonResourceRules }: Rules, attributes: Attributes): boolean {
  const { isResource, verb, group, namespace, path } = attributes
  if (!isResource) {
    return (nonResourceRules ?? []).some(
      ({ verbs, nonResourceURLs }) => has(verbs, verb) && nonResourceURLs.some((url) => urlMatches(url, path)),
    )
  }
  return (resourceRules ?? []).some(
    (rule) =>
      has(rule.verbs, verb) &&
      has(rule.apiGroups, group) &&
      has(rule.resources, combined(attributes)) &&
      (namespace === '' ? rule.clusterScope === true : has(rule.namespaces, namespace)),
  )
}

/** k8s: a star is only at the end, behind a slash. */
const urlMatches = (url: string, path: string) =>
  url === '*' || url === path || (url.endsWith('/*') && path.startsWith(url.slice(0, -1)))
