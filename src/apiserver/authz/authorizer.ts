// May they? The group system:masters may do everything; then a chain of authorisers is asked in order until one allows or denies: by
// default nodes by what runs on them, then everybody by RBAC; webhooks where the configuration has them. Answers follow the store at
// once, and come synchronously unless a webhook has to be asked. Also says what a user may do in a namespace (`auth can-i --list`).

import type { NonResourceRule, ResourceRule, SubjectRulesReviewStatus } from '../../api/types/authorization.v1.ts'
import type { UserInfo } from '../../api/wire.ts'
import type { PodsByNode } from '../pods-by-node.ts'
import type { Store } from '../storage/store.ts'
import { type Attributes, type AuthorizerModule, type Decision, denialSentence, type Opinion } from './attributes.ts'
import { NodeAuthorizer, nodeNameOf } from './node.ts'
import { RoleIndex } from './role-index.ts'
import { type Rule, ruleAllows } from './rules.ts'

export const SUPERUSERS = 'system:masters'

/** A link of the chain: one of the server's own, or another. */
export type ChainLink = 'Node' | 'RBAC' | 'AlwaysAllow' | 'AlwaysDeny' | AuthorizerModule

export const DEFAULT_CHAIN: readonly ChainLink[] = ['Node', 'RBAC']

export class Authorizer {
  readonly roles: RoleIndex
  readonly #nodes: NodeAuthorizer
  #chain: readonly AuthorizerModule[]

  private constructor(roles: RoleIndex, nodes: NodeAuthorizer, chain: readonly ChainLink[]) {
    this.roles = roles
    this.#nodes = nodes
    this.#chain = this.#modules(chain)
  }

  static async open(store: Store, chain: readonly ChainLink[] = DEFAULT_CHAIN): Promise<Authorizer> {
    return new Authorizer(await RoleIndex.open(store), await NodeAuthorizer.open(store), chain)
  }

  /** From the next question on; those under way are answered by the chain they began with. */
  use(chain: readonly ChainLink[]): void {
    this.#chain = this.#modules(chain)
  }

  #modules(chain: readonly ChainLink[]): AuthorizerModule[] {
    return chain.map((link) => (typeof link === 'string' ? this.#own(link) : link))
  }

  get podsByNode(): PodsByNode {
    return this.#nodes.podsByNode
  }

  close(): void {
    this.roles.close()
    this.#nodes.close()
  }

  /** A promise only where a webhook had to be asked. */
  authorize(user: UserInfo, attributes: Attributes): Decision | Promise<Decision> {
    if (user.groups.includes(SUPERUSERS)) return SUPERUSER_MAY
    return this.#ask(user, attributes, this.#chain, 0, [])
  }

  #ask(
    user: UserInfo,
    attributes: Attributes,
    chain: readonly AuthorizerModule[],
    from: number,
    heard: Opinion[],
  ): Decision | Promise<Decision> {
    for (let at = from; at < chain.length; at++) {
      const answer = chain[at]!.authorize(user, attributes)
      if (answer instanceof Promise) {
        return answer.then((opinion) => {
          if (isFinal(opinion)) return decided(user, attributes, opinion, heard)
          return this.#ask(user, attributes, chain, at + 1, [...heard, opinion])
        })
      }
      if (isFinal(answer)) return decided(user, attributes, answer, heard)
      if (answer) heard.push(answer)
    }
    return decided(user, attributes, undefined, heard)
  }

  #own(name: 'Node' | 'RBAC' | 'AlwaysAllow' | 'AlwaysDeny'): AuthorizerModule {
    switch (name) {
      case 'Node':
        return { name, authorize: (user, attributes) => this.#nodes.authorize(user, attributes) }
      case 'RBAC':
        return { name, authorize: (user, attributes) => this.#byRoles(user, attributes) }
      case 'AlwaysAllow':
        return { name, authorize: () => ({ allowed: true, reason: '' }) }
      case 'AlwaysDeny':
        return { name, authorize: () => ({ allowed: false, reason: 'Everything is forbidden.' }) }
    }
  }

  #byRoles(user: UserInfo, attributes: Attributes): Opinion {
    let errors: Set<string> | undefined
    for (const grant of this.roles.grants(user, attributes.isResource ? attributes.namespace : '')) {
      if (grant.rules.some((rule) => ruleAllows(rule, attributes))) {
        return { allowed: true, reason: `RBAC: allowed by ${grant.describe()}` }
      }
      if (grant.error) errors = (errors ?? new Set()).add(grant.error)
    }
    if (!errors) return undefined
    const list = errorList([...errors])
    return { allowed: false, reason: `RBAC: ${list}`, error: list }
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
    for (const { name } of this.#chain) {
      if (name === 'Node' && nodeNameOf(user) !== undefined) errors.push(`node authorizer ${NO_RULES}`)
      else if (name !== 'Node' && name !== 'RBAC') errors.push(`webhook authorizer ${NO_RULES}`)
    }
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

const NO_RULES = 'does not support user rule resolution'
const SUPERUSER_MAY: Decision = { allowed: true, reason: '', why: '' }

const isFinal = (opinion: Opinion): boolean => opinion?.allowed === true || opinion?.denied === true

function decided(user: UserInfo, attributes: Attributes, last: Opinion, heard: readonly Opinion[]): Decision {
  if (last?.allowed) return { allowed: true, reason: last.reason, why: last.reason }
  const opinions = last ? [last] : heard.filter((opinion) => opinion !== undefined)
  // k8s: a final refusal is told with its own reason, otherwise everybody's reasons are.
  const why = opinions.flatMap(({ reason }) => reason || []).join('\n')
  const errors = opinions.flatMap(({ error }) => error ?? [])
  return {
    allowed: false,
    ...(last?.denied ? { denied: true } : {}),
    reason: denialSentence(user, attributes, why),
    why,
    evaluationError: errors.length === 0 ? undefined : errorList(errors),
  }
}
