// Requests for certificates: each says who made it, nobody asks for an administrator's certificate, and who approves or signs must have
// the verb `approve` or `sign` on the signer. k8s: the plug-ins CertificateApproval, CertificateSigning and CertificateSubjectRestriction.
import { CertificateSigningRequest } from '../../api/kinds/certificate-signing-request.ts'
import { semanticEqual } from '../../api/meta/equality.ts'
import { forbidden } from '../../api/meta/errors.ts'
import { formatTime } from '../../api/meta/time.ts'
import { parseCertificateRequest } from '../../base/certificate-request.ts'
import type { Clock } from '../../base/clock.ts'
import { type Authorizer, SUPERUSERS } from '../authz/authorizer.ts'
import { refOf } from '../registry/call.ts'
import type { AdmissionPlugin, AdmissionRequest } from './admission.ts'
import { isKind } from './lookup.ts'

const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client'

/** k8s: a request for a certificate says who made it, whatever its author wrote there. */
export const certificateRequestor: AdmissionPlugin = {
  name: 'CertificateRequestor',
  concerns: (kind) => isKind(kind, CertificateSigningRequest),
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

/** k8s: the server says since when a condition holds, where whoever set it did not. */
export function certificateConditions(clock: Clock): AdmissionPlugin {
  return {
    name: 'CertificateConditions',
    concerns: (kind) => isKind(kind, CertificateSigningRequest),
    mutate({ kind, operation, subresource, object, old }) {
      if (!isKind(kind, CertificateSigningRequest) || operation !== 'UPDATE' || subresource === '') return
      const now = formatTime(clock.now())
      const before = (old as unknown as CertificateSigningRequest).status?.conditions ?? []
      for (const condition of (object as unknown as CertificateSigningRequest).status?.conditions ?? []) {
        condition.lastUpdateTime ??= now
        const same = before.find(({ type, status }) => type === condition.type && status === condition.status)
        condition.lastTransitionTime ??= same?.lastTransitionTime ?? now
      }
    },
  }
}

export function certificateApproval(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateApproval',
    concerns: (kind) => isKind(kind, CertificateSigningRequest),
    async validate(request) {
      const { kind, subresource, operation, old } = request
      if (!isKind(kind, CertificateSigningRequest) || subresource !== 'approval' || operation !== 'UPDATE') return
      const { signerName } = (old as unknown as CertificateSigningRequest).spec
      await demand(authorizer, request, 'approve', signerName)
    },
  }
}

export function certificateSigning(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateSigning',
    concerns: (kind) => isKind(kind, CertificateSigningRequest),
    async validate(request) {
      const { kind, subresource, operation, old, object } = request
      if (!isKind(kind, CertificateSigningRequest) || subresource !== 'status' || operation !== 'UPDATE') return
      const [before, after] = [old, object] as unknown as [CertificateSigningRequest, CertificateSigningRequest]
      const same =
        before.status?.certificate === after.status?.certificate &&
        semanticEqual(before.status?.conditions ?? [], after.status?.conditions ?? [])
      if (!same) await demand(authorizer, request, 'sign', before.spec.signerName)
    },
  }
}

/** k8s: membership in system:masters can't be taken away again; no client certificate gives it. */
export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  concerns: (kind) => isKind(kind, CertificateSigningRequest),
  validate({ kind, operation, subresource, object, name }) {
    if (!isKind(kind, CertificateSigningRequest) || operation !== 'CREATE' || subresource !== '') return
    const { signerName, request } = (object as unknown as CertificateSigningRequest).spec
    if (signerName !== CLIENT_SIGNER) return
    let organizations: readonly string[]
    try {
      organizations = parseCertificateRequest(Buffer.from(request ?? '', 'base64').toString('latin1')).organizations
    } catch (err) {
      throw forbidden(refOf(kind), name, `failed to parse CSR: ${(err as Error).message}`)
    }
    if (organizations.includes(SUPERUSERS)) {
      throw forbidden(refOf(kind), name, `use of ${CLIENT_SIGNER} signer with ${SUPERUSERS} group is not allowed`)
    }
  },
}

/** For the signer itself, or for all of its domain. @throws Forbidden */
async function demand(authorizer: Authorizer, request: AdmissionRequest, verb: string, signerName: string) {
  const { user, kind, name } = request
  const attributes = { isResource: true, verb, path: '', group: 'certificates.k8s.io', resource: 'signers' }
  for (const signer of [signerName, `${signerName.split('/')[0]}/*`]) {
    const asked = { ...attributes, subresource: '', namespace: '', name: signer }
    if ((await authorizer.authorize(user, asked)).allowed) return
  }
  const why = `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`
  throw forbidden(refOf(kind), name, why)
}
