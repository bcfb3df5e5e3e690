// CertificateSigningRequest: asks a signer for a certificate.
import { semanticEqual } from '../meta/equality.ts'
import { duplicate, type FieldError, forbiddenField, invalid, notSupported, required } from '../meta/errors.ts'
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

type Request = DeepReadonly<types.CertificateSigningRequest>
const conditionsOf = ({ status }: Request, type: string) => status?.conditions?.filter((c) => c.type === type) ?? []
const decisions = (c: Request) => [...conditionsOf(c, 'Approved'), ...conditionsOf(c, 'Denied')]

/** A decision once made stays, and there is only one. */
function conditionErrors(c: Request, old: Request): FieldError[] {
  const errors: FieldError[] = []
  const field = 'status.conditions'
  const seen = new Set<string>()
  c.status?.conditions?.forEach((condition, i) => {
    const at = `${field}[${i}]`
    if (!condition.type) errors.push(required(`${at}.type`))
    else if (seen.has(condition.type)) errors.push(duplicate(`${at}.type`, condition.type))
    seen.add(condition.type)
    if (!condition.status) errors.push(required(`${at}.status`))
    else if (condition.status !== 'True' && ['Approved', 'Denied', 'Failed'].includes(condition.type)) {
      errors.push(notSupported(`${at}.status`, condition.status, ['True']))
    }
  })
  if (seen.has('Approved') && seen.has('Denied')) {
    errors.push(invalid(field, 'Denied', 'Approved and Denied conditions are mutually exclusive'))
  }
  for (const type of ['Approved', 'Denied', 'Failed']) {
    if (conditionsOf(old, type).length > 0 && !seen.has(type)) {
      errors.push(forbiddenField(field, `updates may not remove a condition of type ${JSON.stringify(type)}`))
    }
  }
  return errors
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
  validateStatusUpdate(c, old) {
    const errors = conditionErrors(c, old)
    // k8s: only the approval endpoint decides
    if (!semanticEqual(decisions(c), decisions(old))) {
      errors.push(forbiddenField('status.conditions', 'updates may not modify Approved or Denied conditions'))
    }
    const before = old.status?.certificate
    if (before && c.status?.certificate !== before) {
      errors.push(forbiddenField('status.certificate', 'updates may not modify a set certificate'))
    }
    return errors
  },
  validateSubresource: { approval: conditionErrors },
})
