// CertificateSigningRequest: asks a signer for a certificate.
import { type FieldError, invalid, required } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { formatAge } from '../meta/time.ts'
import type * as types from '../types/certificates.v1.ts'
import { checkImmutable, checkOneOf } from './check.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type CertificateSigningRequest = types.CertificateSigningRequest

const USAGES = [
  'signing',
  'digital signature',
  'content commitment',
  'key encipherment',
  'key agreement',
  'data encipherment',
  'cert sign',
  'crl sign',
  'encipher only',
  'decipher only',
  'any',
  'server auth',
  'client auth',
  'code signing',
  'email protection',
  's/mime',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'timestamping',
  'ocsp signing',
  'microsoft sgc',
  'netscape sgc',
]

const isRequest = (base64: string) =>
  /^\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----/.test(Buffer.from(base64, 'base64').toString('latin1'))

function conditionOf({ status }: DeepReadonly<types.CertificateSigningRequest>): string {
  const has = (type: string) => status?.conditions?.some((c) => c.type === type) ?? false
  const words = [has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending']
  if (has('Failed')) words.push('Failed')
  if (status?.certificate) words.push('Issued')
  return words.join(',')
}

export const CertificateSigningRequest = defineKind<CertificateSigningRequest>({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  scope: 'Cluster',
  shortNames: ['csr'],
  subresources: ['status', 'approval'],
  description: 'Asks a signer for a certificate, which has to be approved first.',
  columns: [
    age(),
    text('SignerName', (c) => c.spec?.signerName || '<none>', 'Who is to sign.'),
    text('Requestor', (c) => c.spec?.username ?? '', 'Who asks.'),
    text(
      'RequestedDuration',
      ({ spec }) => (spec?.expirationSeconds === undefined ? '<none>' : formatAge(spec.expirationSeconds * 1000)),
      'How long the certificate is to last.',
    ),
    text('Condition', (c) => conditionOf(c), 'How far it has come.'),
  ],
  hasGeneration: false,
  selectableFields: { 'spec.signerName': (c) => c.spec?.signerName ?? '' },
  default(c) {
    c.spec ??= {} as CertificateSigningRequest['spec']
    if (!c.spec.usages?.length) c.spec.usages = ['digital signature', 'key encipherment']
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    if (!spec.request) errors.push(required('spec.request'))
    else if (!isRequest(spec.request)) {
      errors.push(invalid('spec.request', spec.request, 'PEM block type must be CERTIFICATE REQUEST'))
    }
    if (!spec.signerName) errors.push(required('spec.signerName'))
    else if (!/^[a-z0-9.-]+\.[a-z0-9-]+\/.+/.test(spec.signerName)) {
      errors.push(
        invalid(
          'spec.signerName',
          spec.signerName,
          'must be a fully qualified domain and path of the form "example.com/signer-name"',
        ),
      )
    }
    spec.usages?.forEach((usage, i) => {
      checkOneOf(errors, `spec.usages[${i}]`, usage, USAGES)
    })
    if (spec.expirationSeconds !== undefined && spec.expirationSeconds < 600) {
      errors.push(
        invalid(
          'spec.expirationSeconds',
          spec.expirationSeconds,
          'may not specify a duration less than 600 seconds (10 minutes)',
        ),
      )
    }
    return errors
  },
  validateUpdate(c, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec', c.spec, old.spec)
    return errors
  },
})
