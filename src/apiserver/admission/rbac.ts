// Nobody grants what they don't have. The rules are authz's.
import { ClusterRole } from '../../api/kinds/cluster-role.ts'
import { ClusterRoleBinding } from '../../api/kinds/cluster-role-binding.ts'
import { Role } from '../../api/kinds/role.ts'
import { RoleBinding } from '../../api/kinds/role-binding.ts'
import type { Authorizer } from '../authz/authorizer.ts'
import { checkBindingWrite, checkRoleWrite } from '../authz/escalation.ts'
import type { AdmissionPlugin } from './admission.ts'
import { isKind } from './lookup.ts'

export function rbacEscalation(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'RBACEscalation',
    concerns: (kind) => kind.group === 'rbac.authorization.k8s.io',
    async validate({ kind, operation, user, object, old }) {
      if (operation !== 'CREATE' && operation !== 'UPDATE') return
      if (isKind(kind, Role) || isKind(kind, ClusterRole)) {
        await checkRoleWrite(authorizer, user, object as never, old as never)
      } else if (isKind(kind, RoleBinding) || isKind(kind, ClusterRoleBinding)) {
        await checkBindingWrite(authorizer, user, object as never, old as never)
      }
    },
  }
}
