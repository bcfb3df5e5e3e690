// Nobody grants what they don't have: who writes a role or a binding must hold all its permissions, or have the verb `escalate` on
// the role, or `bind` on the role that is bound. k8s: the same verbs and messages.
import type { ClusterRole } from '../../api/kinds/cluster-role.ts'
import type { ClusterRoleBinding } from '../../api/kinds/cluster-role-binding.ts'
import type { Role } from '../../api/kinds/role.ts'
import type { RoleBinding } from '../../api/kinds/role-binding.ts'
import { forbidden, notFound } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { UserInfo } from '../../api/wire.ts'
import type { Attributes } from './attributes.ts'
import { type Authorizer, SUPERUSERS } from './authorizer.ts'
import { formatRules, type Rule, uncovered } from './rules.ts'

const GROUP = 'rbac.authorization.k8s.io'
const EVERYTHING: readonly Rule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
]

type AnyRole = DeepReadonly<Role | ClusterRole>
type AnyBinding = DeepReadonly<RoleBinding | ClusterRoleBinding>

/** @param old the role before an update: permissions that don't change need not be held. @throws Forbidden */
export async function checkRoleWrite(
  authorizer: Authorizer,
  user: UserInfo,
  role: AnyRole,
  old?: AnyRole,
): Promise<void> {
  const resource = role.kind === 'ClusterRole' ? 'clusterroles' : 'roles'
  const { name = '', namespace = '' } = role.metadata
  if (user.groups.includes(SUPERUSERS)) return
  const before = JSON.stringify([old?.rules ?? [], (old as ClusterRole | undefined)?.aggregationRule])
  const aggregation = 'aggregationRule' in role ? role.aggregationRule : undefined
  if (old && before === JSON.stringify([role.rules ?? [], aggregation])) return
  if (await allows(authorizer, user, 'escalate', resource, namespace, name)) return
  const { rules } = authorizer.grantedRules(user, namespace)
  if (aggregation && uncovered(rules, EVERYTHING).length > 0) {
    throw forbidden({ group: GROUP, resource }, name, 'must have cluster-admin privileges to use the aggregationRule')
  }
  demand(user, { group: GROUP, resource }, name, rules, role.rules ?? [])
}

/** @throws Forbidden; NotFound when the role does not exist and the user may not bind it unseen. */
export async function checkBindingWrite(
  authorizer: Authorizer,
  user: UserInfo,
  binding: AnyBinding,
  old?: AnyBinding,
): Promise<void> {
  const resource = binding.kind === 'ClusterRoleBinding' ? 'clusterrolebindings' : 'rolebindings'
  const { name = '', namespace = '' } = binding.metadata
  if (user.groups.includes(SUPERUSERS)) return
  const unchanged =
    old && JSON.stringify([old.subjects, old.roleRef]) === JSON.stringify([binding.subjects, binding.roleRef])
  if (unchanged) return
  const { kind, name: roleName } = binding.roleRef
  const roleResource = kind === 'ClusterRole' ? 'clusterroles' : 'roles'
  if (await allows(authorizer, user, 'bind', roleResource, namespace, roleName)) return
  const wanted =
    kind === 'ClusterRole'
      ? authorizer.roles.rulesOfClusterRole(roleName)
      : authorizer.roles.rulesOfRole(namespace, roleName)
  if (!wanted) throw notFound({ group: GROUP, resource: roleResource.slice(0, -1) }, roleName)
  const { rules } = authorizer.grantedRules(user, namespace)
  demand(user, { group: GROUP, resource }, name, rules, wanted)
}

async function allows(
  authorizer: Authorizer,
  user: UserInfo,
  verb: string,
  resource: string,
  namespace: string,
  name: string,
): Promise<boolean> {
  const attributes: Attributes = {
    isResource: true,
    verb,
    path: '',
    group: GROUP,
    resource,
    subresource: '',
    namespace,
    name,
  }
  return (await authorizer.authorize(user, attributes)).allowed
}

function demand(
  user: UserInfo,
  ref: { group: string; resource: string },
  name: string,
  owned: readonly Rule[],
  wanted: readonly Rule[],
): void {
  const missing = uncovered(owned, wanted)
  if (missing.length === 0) return
  const groups = user.groups.map((group) => JSON.stringify(group)).join(' ')
  const why = `user ${JSON.stringify(user.name)} (groups=[${groups}]) is attempting to grant RBAC permissions not currently held:`
  throw forbidden(ref, name, `${why}\n${formatRules(missing)}`)
}
