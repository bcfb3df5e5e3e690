// What each of the standard signers signs, and for how long. Pure. k8s: rules and sentences are those of its signers.
import type { CertificateRequest } from '../../base/certificate-request.ts'

export const SIGNERS = [
  'kubernetes.io/kube-apiserver-client',
  'kubernetes.io/kube-apiserver-client-kubelet',
  'kubernetes.io/kubelet-serving',
  'kubernetes.io/legacy-unknown',
] as const
export type SignerName = (typeof SIGNERS)[number]

const YEAR_SECONDS = 365 * 24 * 3600
const MIN_SECONDS = 600
const NODE_PREFIX = 'system:node:'

export const isStandardSigner = (name: string): name is SignerName => (SIGNERS as readonly string[]).includes(name)

/** Why the signer does not sign this, or undefined. */
export function refusal(
  signer: SignerName,
  request: CertificateRequest,
  usages: readonly string[],
): string | undefined {
  switch (signer) {
    case 'kubernetes.io/kube-apiserver-client':
      return clientUsages(usages)
    case 'kubernetes.io/kube-apiserver-client-kubelet':
      return kubeletClientRefusal(request, usages)
    case 'kubernetes.io/kubelet-serving':
      return kubeletServingRefusal(request, usages)
    case 'kubernetes.io/legacy-unknown':
      return undefined
  }
}

function clientUsages(usages: readonly string[]): string | undefined {
  const other = usages.find((usage) => !['digital signature', 'key encipherment', 'client auth'].includes(usage))
  if (other) return `invalid usage for client certificate: ${other}`
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth'
}

/** Also what makes a request one for a node's client certificate. */
export function kubeletClientRefusal(request: CertificateRequest, usages: readonly string[]): string | undefined {
  if (request.organizations.join('\n') !== 'system:nodes') return 'subject organization is not system:nodes'
  if (!request.commonName.startsWith(NODE_PREFIX)) return 'subject common name does not begin with system:node:'
  if (request.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed'
  if (request.emails.length > 0) return 'Email subjectAltNames are not allowed'
  if (request.addresses.length > 0) return 'IP subjectAltNames are not allowed'
  if (request.uris.length > 0) return 'URI subjectAltNames are not allowed'
  return exactUsages(usages, 'client auth')
}

function kubeletServingRefusal(request: CertificateRequest, usages: readonly string[]): string | undefined {
  if (request.organizations.join('\n') !== 'system:nodes') return 'subject organization is not system:nodes'
  if (request.dnsNames.length + request.addresses.length === 0) return 'DNS or IP subjectAltName is required'
  if (request.emails.length > 0) return 'Email subjectAltNames are not allowed'
  if (request.uris.length > 0) return 'URI subjectAltNames are not allowed'
  if (!request.commonName.startsWith(NODE_PREFIX)) return 'subject common name does not begin with system:node:'
  return exactUsages(usages, 'server auth')
}

/** k8s: RSA keys also encipher, others need not. */
function exactUsages(usages: readonly string[], purpose: 'client auth' | 'server auth'): string | undefined {
  const given = [...new Set(usages)].sort().join(', ')
  const required = [purpose, 'digital signature'].sort()
  const withEncipherment = [...required, 'key encipherment'].sort()
  if (given === required.join(', ') || given === withEncipherment.join(', ')) return undefined
  return `usages did not match [${withEncipherment.join(' ')}]`
}

/** A year unless less is asked for, and not less than ten minutes. */
export function lifetimeSeconds(asked: number | undefined): number {
  return asked === undefined ? YEAR_SECONDS : Math.min(Math.max(asked, MIN_SECONDS), YEAR_SECONDS)
}
