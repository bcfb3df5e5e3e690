// Approves the client certificates of nodes that join, and their renewals: when the request has the form of one, and whoever made it
// may ask for such (subresources `nodeclient` and `selfnodeclient`, asked by SubjectAccessReview). Permissions that come later are
// noticed by the roles and bindings that give them.
import { CertificateSigningRequest } from '../../api/kinds/certificate-signing-request.ts'
import { ClusterRole } from '../../api/kinds/cluster-role.ts'
import { ClusterRoleBinding } from '../../api/kinds/cluster-role-binding.ts'
import type { SubjectAccessReview } from '../../api/kinds/subject-access-review.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { formatTime } from '../../api/meta/time.ts'
import { type CertificateRequest, parseCertificateRequest } from '../../base/certificate-request.ts'
import type { Cache } from '../../client/cache.ts'
import { type Controller, defineController, type Trigger } from '../controller.ts'
import { has } from './conditions.ts'
import { kubeletClientRefusal } from './signer-rules.ts'

type Csr = DeepReadonly<CertificateSigningRequest>

const REVIEWS = '/apis/authorization.k8s.io/v1/subjectaccessreviews'

export interface Recognized {
  readonly subresource: 'selfnodeclient' | 'nodeclient'
  readonly message: string
}

const SELF: Recognized = {
  subresource: 'selfnodeclient',
  message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
}
const JOINING: Recognized = {
  subresource: 'nodeclient',
  message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
}

/** As what the request may be approved, the more specific first; empty when that is for people to decide. */
export function recognized(csr: Csr): readonly Recognized[] {
  const { signerName, usages = [], username } = csr.spec
  if (signerName !== 'kubernetes.io/kube-apiserver-client-kubelet') return []
  if (has(csr, 'Approved') || has(csr, 'Denied') || csr.status?.certificate) return []
  let request: CertificateRequest
  try {
    request = parseCertificateRequest(Buffer.from(csr.spec.request, 'base64').toString('latin1'))
  } catch {
    return []
  }
  if (kubeletClientRefusal(request, usages)) return []
  return username === request.commonName ? [SELF, JOINING] : [JOINING]
}

export const csrApproving: Controller<never> = defineController<CertificateSigningRequest>({
  name: 'certificatesigningrequest-approving',
  kind: CertificateSigningRequest,
  triggers: [pendingWhen(ClusterRoleBinding), pendingWhen(ClusterRole)],
  async sync(ctx, csr, _key, { client, clock }) {
    if (!csr) return
    for (const { subresource, message } of recognized(csr)) {
      const { username: user = '', uid, groups, extra } = csr.spec
      const resourceAttributes = {
        group: 'certificates.k8s.io',
        resource: 'certificatesigningrequests',
        verb: 'create',
        subresource,
        version: '*',
      }
      const spec = { user, ...(uid ? { uid } : {}), groups, ...(extra ? { extra } : {}), resourceAttributes }
      const review = (await client.raw(ctx, 'POST', REVIEWS, { spec })) as SubjectAccessReview
      if (!review.status?.allowed) continue
      const now = formatTime(clock.now())
      const approved = {
        type: 'Approved',
        status: 'True',
        reason: 'AutoApproved',
        message,
        lastUpdateTime: now,
        lastTransitionTime: now,
      }
      const status = { ...csr.status, conditions: [...(csr.status?.conditions ?? []), approved] }
      await client.update(ctx, CertificateSigningRequest, { ...csr, status }, { subresource: 'approval' })
      return
    }
  },
})

/** A permission that was given concerns every request that waits for one. */
function pendingWhen(kind: typeof ClusterRole | typeof ClusterRoleBinding): Trigger<never> {
  const keys = (_object: unknown, _old: unknown, cache: Cache) =>
    cache
      .list(CertificateSigningRequest)
      .filter((csr) => recognized(csr).length > 0)
      .map(({ metadata }) => metadata.name)
  return { kind, keys } as unknown as Trigger<never>
}
