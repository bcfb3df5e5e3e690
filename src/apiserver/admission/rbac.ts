// Nobody grants what they don't have, asks for a certificate in another's name, or approves certificates for a signer they have no
// say in. The rules are authz's.
import { CertificateSigningRequest } from '../../api/kinds/certificate-signing-request.ts'
import { ClusterRole } from '../../api/kinds/cluster-role.ts'
import { ClusterRoleBinding } from '../../api/kinds/cluster-role-binding.ts'
import { Role } from '../../api/kinds/role.ts'
import { RoleBinding } from '../../api/kinds/role-binding.ts'
import { forbidden } from '../../api/meta/errors.ts'
import type { Authorizer } from '../authz/authorizer.ts'
import { checkBindingWrite, checkRoleWrite } from '../authz/escalation.ts'
import { refOf } from '../registry/call.ts'
import type { AdmissionPlugin, AdmissionRequest } from './admission.ts'
import { isKind } from './lookup.ts'

export function rbacEscalation(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'RBACEscalation',
    validate({ kind, operation, user, object, old }) {
      if (operation !== 'CREATE' && operation !== 'UPDATE') return
      if (isKind(kind, Role) || isKind(kind, ClusterRole)) {
        checkRoleWrite(authorizer, user, object as never, old as never)
      } else if (isKind(kind, RoleBinding) || isKind(kind, ClusterRoleBinding)) {
        checkBindingWrite(authorizer, user, object as never, old as never)
      }
    },
  }
}

/** k8s: a request for a certificate says who made it, whatever its author wrote there. */
export const certificateRequestor: AdmissionPlugin = {
  name: 'CertificateRequestor',
  mutate({ kind, operation, subresource, user, object }) {
    if (!isKind(kind, CertificateSigningRequest) || operation !== 'CREATE' || subresource !== '') return
    const { spec } = object as unknown as CertificateSigningRequest
    spec.username = user.name
    spec.groups = [...user.groups]
    if (user.uid) spec.uid = user.uid
    else delete spec.uid
    if (user.extra)
      spec.extra = Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]]))
    else delete spec.extra
  },
}

export function certificateApproval(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateApproval',
    validate(request) {
      const { kind, subresource, old, name } = request
      if (!isKind(kind, CertificateSigningRequest) || subresource !== 'approval') return
      const { signerName } = (old as unknown as CertificateSigningRequest).spec
      if (mayApprove(authorizer, request, signerName)) return
      const why = `user not permitted to approve requests with signerName ${JSON.stringify(signerName)}`
      throw forbidden(refOf(kind), name, why)
    },
  }
}

function mayApprove(authorizer: Authorizer, { user }: AdmissionRequest, signerName: string): boolean {
  const attributes = {
    isResource: true,
    verb: 'approve',
    path: '',
    group: 'certificates.k8s.io',
    subresource: '',
    namespace: '',
  }
  const wholeDomain = `${signerName.split('/')[0]}/*`
  return [signerName, wholeDomain].some(
    (name) => authorizer.authorize(user, { ...attributes, resource: 'signers', name }).allowed,
  )
}
