// Signs approved requests for the standard signers with the cluster's authority, or says in a Failed condition why it does not.
import { CertificateSigningRequest } from '../../api/kinds/certificate-signing-request.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { formatTime } from '../../api/meta/time.ts'
import { type CertificateRequest, parseCertificateRequest } from '../../base/certificate-request.ts'
import { type KeyPair, signRequest } from '../../base/certificates.ts'
import { type Controller, defineController } from '../controller.ts'
import { has } from './conditions.ts'
import { isStandardSigner, lifetimeSeconds, refusal } from './signer-rules.ts'

type Csr = DeepReadonly<CertificateSigningRequest>

export type SigningPlan =
  | { readonly what: 'nothing' }
  | { readonly what: 'fail'; readonly message: string }
  | { readonly what: 'sign'; readonly request: CertificateRequest; readonly seconds: number }

export function signingPlan(csr: Csr): SigningPlan {
  const { signerName, usages = [], expirationSeconds } = csr.spec
  const decided = has(csr, 'Approved') && !has(csr, 'Denied') && !has(csr, 'Failed') && !csr.status?.certificate
  if (!decided || !isStandardSigner(signerName)) return { what: 'nothing' }
  let request: CertificateRequest
  try {
    request = parseCertificateRequest(Buffer.from(csr.spec.request, 'base64').toString('latin1'))
  } catch (err) {
    return {
      what: 'fail',
      message: `unable to parse csr ${JSON.stringify(csr.metadata.name)}: ${(err as Error).message}`,
    }
  }
  const message = refusal(signerName, request, usages)
  return message ? { what: 'fail', message } : { what: 'sign', request, seconds: lifetimeSeconds(expirationSeconds) }
}

export function csrSigning(authority: KeyPair): Controller<never> {
  return defineController<CertificateSigningRequest>({
    name: 'certificatesigningrequest-signing',
    kind: CertificateSigningRequest,
    triggers: [],
    async sync(ctx, csr, _key, { client, clock }) {
      if (!csr) return
      const plan = signingPlan(csr)
      if (plan.what === 'nothing') return
      const nowMs = clock.now()
      const now = formatTime(nowMs)
      const failed = {
        type: 'Failed',
        status: 'True',
        reason: 'SignerValidationFailure',
        lastUpdateTime: now,
        lastTransitionTime: now,
      }
      const status =
        plan.what === 'fail'
          ? { ...csr.status, conditions: [...(csr.status?.conditions ?? []), { ...failed, message: plan.message }] }
          : { ...csr.status, certificate: await certificate(plan.request, csr.spec.usages ?? [], plan.seconds, nowMs) }
      await client.update(ctx, CertificateSigningRequest, { ...csr, status }, { subresource: 'status' })
    },
  })

  async function certificate(request: CertificateRequest, usages: readonly string[], seconds: number, nowMs: number) {
    const pem = await signRequest(authority, request, { usages, lifetimeMs: seconds * 1000 }, nowMs)
    return Buffer.from(pem).toString('base64')
  }
}
