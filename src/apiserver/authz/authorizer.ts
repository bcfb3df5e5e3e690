// May they? Three authorisers in this order: the group system:masters may do everything, nodes by what runs on them, everybody by RBAC.
// Answers are synchronous and follow the store at once. Also says what a user may do in a namespace, for `kubectl auth can-i --list`.

import type { NonResourceRule, ResourceRule, SubjectRulesReviewStatus } from '../../api/types/authorization.v1.ts'
import type { UserInfo } from '../../api/wire.ts'
import type { PodsByNode } from '../pods-by-node.ts'
import type { Store } from '../storage/store.ts'
import { type Attributes, type Decision, denialSentence } from './attributes.ts'
import { NodeAuthorizer, nodeNameOf } from './node.ts'
import { RoleIndex } from './role-index.ts'
import { type Rule, ruleAllows } from './rules.ts'

export const SUPERUSERS = 'system:masters'

export class Authorizer {
  readonly roles: RoleIndex
  readonly #nodes: NodeAuthorizer

  private constructor(roles: RoleIndex, nodes: NodeAuthorizer) {
    this.roles = roles
    this.#nodes = nodes
  }

  static async open(store: Store): Promise<Authorizer> {
    return new Authorizer(await RoleIndex.open(store), await NodeAuthorizer.open(store))
  }

  get podsByNode(): PodsByNode {
    return this.#nodes.podsByNode
  }

  close(): void {
    this.roles.close()
    this.#nodes.close()
  }

  authorize(user: UserInfo, attributes: Attributes): Decision {
    if (user.groups.includes(SUPERUSERS)) return { allowed: true, reason: '' }
    const opinion = this.#nodes.authorize(user, attributes)
    if (opinion?.allowed) return opinion
    const errors = new Set<string>()
    for (const grant of this.roles.grants(user, attributes.isResource ? attributes.namespace : '')) {
      if (grant.rules.some((rule) => ruleAllows(rule, attributes))) {
        return { allowed: true, reason: `RBAC: allowed by ${grant.describe()}` }
      }
      if (grant.error) errors.add(grant.error)
    }
    const rbac = errors.size === 0 ? '' : `RBAC: ${errorList([...errors])}`
    const why = [opinion?.reason, rbac].filter(Boolean).join(', ')
    const evaluationError = errors.size === 0 ? undefined : errorList([...errors])
    return { allowed: false, reason: denialSentence(user, attributes, why), evaluationError }
  }

  /** Everything that RBAC gives the user in the namespace and cluster-wide. */
  grantedRules(user: UserInfo, namespace: string): { rules: Rule[]; errors: string[] } {
    const rules: Rule[] = []
    const errors: string[] = []
    for (const grant of this.roles.grants(user, namespace)) {
      rules.push(...grant.rules)
      if (grant.error) errors.push(grant.error)
    }
    return { rules, errors }
  }

  /** The status of a SelfSubjectRulesReview. */
  rulesFor(user: UserInfo, namespace: string): SubjectRulesReviewStatus {
    if (user.groups.includes(SUPERUSERS)) {
      return {
        resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
        nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
        incomplete: false,
      }
    }
    const { rules, errors } = this.grantedRules(user, namespace)
    if (nodeNameOf(user) !== undefined) errors.push('node authorizer does not support user rule resolution')
    const resourceRules = rules.filter((rule) => rule.resources?.length) as ResourceRule[]
    const nonResourceRules = rules.filter((rule) => rule.nonResourceURLs?.length) as NonResourceRule[]
    return {
      resourceRules: resourceRules.map(({ verbs, apiGroups, resources, resourceNames }) => ({
        verbs,
        apiGroups: apiGroups ?? [],
        resources: resources ?? [],
        ...(resourceNames?.length ? { resourceNames } : {}),
      })),
      nonResourceRules: nonResourceRules.map(({ verbs, nonResourceURLs }) => ({
        verbs,
        nonResourceURLs: nonResourceURLs ?? [],
      })),
      incomplete: errors.length > 0,
      ...(errors.length > 0 ? { evaluationError: errorList(errors) } : {}),
    }
  }
}

/** k8s: several errors stand in brackets. */
const errorList = (errors: readonly string[]) => (errors.length === 1 ? errors[0]! : `[${errors.join(', ')}]`)
