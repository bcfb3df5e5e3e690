// Roles and bindings, read from the store and kept in step with it synchronously: a permission that was granted or taken away holds
// for the next request. Bindings are found by subject, so that a decision looks only at those that concern the user.
import { ClusterRole } from '../../api/kinds/cluster-role.ts'
import { ClusterRoleBinding } from '../../api/kinds/cluster-role-binding.ts'
import { Role } from '../../api/kinds/role.ts'
import { RoleBinding } from '../../api/kinds/role-binding.ts'
import { selects } from '../../api/meta/label-selector.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { Subject } from '../../api/types/rbac.v1.ts'
import type { UserInfo } from '../../api/wire.ts'
import { subjectOf } from '../authn/service-account-claims.ts'
import { type Located, prefixOf } from '../storage/keys.ts'
import type { Entry, Store, StoreEvent } from '../storage/store.ts'
import type { Rule } from './rules.ts'

type Binding = DeepReadonly<RoleBinding | ClusterRoleBinding>

export interface Grant {
  readonly rules: readonly Rule[]
  /** As in `ClusterRoleBinding "x" of ClusterRole "y" to Group "z"`. */
  readonly describe: () => string
  /** Set when the role that the binding names does not exist. */
  readonly error?: string
}

const RBAC_GROUP = 'rbac.authorization.k8s.io'
/** Cluster-wide bindings stand under this; no namespace has an empty name. */
const CLUSTER = ''
/** Namespaces of one user. */
const MAX_REMEMBERED = 200

export class RoleIndex {
  readonly #clusterRoles = new Map<string, DeepReadonly<ClusterRole>>()
  readonly #roles = new Map<string, DeepReadonly<Role>>()
  /** Namespace → subject → bindings by store key. */
  readonly #bindings = new Map<string, Map<string, Map<string, Binding>>>()
  /** Rules of aggregated roles; forgotten when any ClusterRole changes. */
  readonly #aggregated = new Map<string, readonly Rule[]>()
  /** Answers of `grants`, by the user object that a connection has; forgotten when any role or binding changes. */
  #granted = new WeakMap<UserInfo, Map<string, readonly Grant[]>>()
  readonly #followers: { close(): void }[] = []

  private constructor() {}

  static async open(store: Store): Promise<RoleIndex> {
    const index = new RoleIndex()
    const parts: [Located, (entry: Entry, present: boolean) => void][] = [
      [ClusterRole, (entry, present) => index.#setClusterRole(entry, present)],
      [Role, (entry, present) => index.#setRole(entry, present)],
      [ClusterRoleBinding, (entry, present) => index.#setBinding(entry, present)],
      [RoleBinding, (entry, present) => index.#setBinding(entry, present)],
    ]
    for (const [kind, set] of parts) {
      const prefix = prefixOf(kind)
      const { entries, revision } = await store.list(prefix)
      for (const entry of entries) set(entry, true)
      const follow = ({ type, entry, prev }: StoreEvent) => {
        index.#granted = new WeakMap()
        if (prev) set(prev, false)
        set(entry, type === 'put')
      }
      index.#followers.push(store.follow(prefix, revision, follow))
    }
    return index
  }

  close(): void {
    for (const follower of this.#followers) follower.close()
  }

  /** What bindings give the user in the namespace (with those for the whole cluster), cluster-wide ones first. */
  grants(user: UserInfo, namespace: string): readonly Grant[] {
    let byNamespace = this.#granted.get(user)
    if (!byNamespace) {
      byNamespace = new Map()
      this.#granted.set(user, byNamespace)
    }
    let grants = byNamespace.get(namespace)
    if (!grants) {
      // A client can ask for namespaces without end.
      if (byNamespace.size >= MAX_REMEMBERED) byNamespace.clear()
      grants = [...this.#grants(user, namespace)]
      byNamespace.set(namespace, grants)
    }
    return grants
  }

  *#grants(user: UserInfo, namespace: string): Generator<Grant> {
    const subjects = [`User:${user.name}`, ...user.groups.map((group) => `Group:${group}`)]
    for (const scope of namespace === CLUSTER ? [CLUSTER] : [CLUSTER, namespace]) {
      const bySubject = this.#bindings.get(scope)
      if (!bySubject) continue
      for (const subject of subjects) {
        for (const binding of bySubject.get(subject)?.values() ?? []) yield this.#grant(binding, scope, subject)
      }
    }
  }

  rulesOfClusterRole(name: string): readonly Rule[] | undefined {
    const role = this.#clusterRoles.get(name)
    if (!role) return undefined
    if (!role.aggregationRule) return role.rules ?? []
    let rules = this.#aggregated.get(name)
    if (!rules) {
      rules = aggregatedRules(role, [...this.#clusterRoles.values()])
      this.#aggregated.set(name, rules)
    }
    return rules
  }

  rulesOfRole(namespace: string, name: string): readonly Rule[] | undefined {
    const role = this.#roles.get(`${namespace}/${name}`)
    return role && (role.rules ?? [])
  }

  #grant(binding: Binding, scope: string, subject: string): Grant {
    const { kind, name } = binding.roleRef
    const rules = kind === 'ClusterRole' ? this.rulesOfClusterRole(name) : this.rulesOfRole(scope, name)
    const [subjectKind, subjectName] = subject.split(/:(.*)/s)
    const bindingKind = scope === CLUSTER ? 'ClusterRoleBinding' : 'RoleBinding'
    const fullName = scope === CLUSTER ? binding.metadata.name : `${binding.metadata.name}/${scope}`
    const describe = () => `${bindingKind} "${fullName}" of ${kind} "${name}" to ${subjectKind} "${subjectName}"`
    if (rules) return { rules, describe }
    const resource = kind === 'ClusterRole' ? 'clusterrole' : 'role'
    return { rules: [], describe, error: `${resource}.${RBAC_GROUP} "${name}" not found` }
  }

  #setClusterRole({ object }: Entry, present: boolean): void {
    this.#aggregated.clear()
    const role = object as ClusterRole
    if (present) this.#clusterRoles.set(role.metadata.name!, role)
    else this.#clusterRoles.delete(role.metadata.name!)
  }

  #setRole({ object }: Entry, present: boolean): void {
    const { namespace, name } = object.metadata
    if (present) this.#roles.set(`${namespace}/${name}`, object as Role)
    else this.#roles.delete(`${namespace}/${name}`)
  }

  #setBinding({ key, object }: Entry, present: boolean): void {
    const binding = object as Binding
    const scope = binding.metadata.namespace ?? CLUSTER
    const bySubject = this.#bindings.get(scope) ?? new Map<string, Map<string, Binding>>()
    for (const subject of binding.subjects ?? []) {
      const name = subjectKey(subject, scope)
      if (name === undefined) continue
      const bindings = bySubject.get(name) ?? new Map<string, Binding>()
      if (present) bySubject.set(name, bindings.set(key, binding))
      else if (bindings.delete(key) && bindings.size === 0) bySubject.delete(name)
    }
    if (bySubject.size > 0) this.#bindings.set(scope, bySubject)
    else this.#bindings.delete(scope)
  }
}

function subjectKey({ kind, name, namespace }: DeepReadonly<Subject>, scope: string): string | undefined {
  if (kind === 'User' || kind === 'Group') return `${kind}:${name}`
  // k8s: a service account without a namespace is the RoleBinding's own.
  if (kind === 'ServiceAccount') return `User:${subjectOf(namespace || scope, name)}`
  return undefined
}

/**
 * The rules of all ClusterRoles that the aggregation selects, each once, in order of their roles' names. Selected roles may be
 * aggregated themselves (admin selects edit, which selects view); the role itself never counts.
 */
export function aggregatedRules(
  role: DeepReadonly<ClusterRole>,
  all: readonly DeepReadonly<ClusterRole>[],
  seen: ReadonlySet<string> = new Set(),
): Rule[] {
  const name = role.metadata.name!
  const visited = new Set([...seen, name])
  const selectors = role.aggregationRule?.clusterRoleSelectors ?? []
  const chosen = all
    .filter((other) => !visited.has(other.metadata.name!))
    .filter((other) => selectors.some((selector) => selects(selector, other.metadata.labels)))
    .sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1))
  const rules = new Map<string, Rule>()
  for (const other of chosen) {
    const own = other.aggregationRule ? aggregatedRules(other, all, visited) : (other.rules ?? [])
    for (const rule of own) rules.set(JSON.stringify(rule), rule)
  }
  return [...rules.values()]
}
