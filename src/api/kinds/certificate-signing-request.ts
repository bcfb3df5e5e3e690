// CertificateSigningRequest: asks a signer for a certificate.

import { parseCertificateRequest } from '../../base/certificate-request.ts'
import { semanticEqual } from '../meta/equality.ts'
import { duplicate, type FieldError, forbiddenField, invalid, notSupported, required, tooLong } from '../meta/errors.ts'
import { dnsSubdomain } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { formatAge } from '../meta/time.ts'
import type * as types from '../types/certificates.v1.ts'
import { checkOneOf } from './check.ts'
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

/** What is wrong with the request itself. */
function requestErrors(base64: string | undefined): FieldError[] {
  if (!base64) return [required('spec.request')]
  try {
    parseCertificateRequest(Buffer.from(base64, 'base64').toString('latin1'))
    return []
  } catch (err) {
    return [invalid('spec.request', base64, (err as Error).message)]
  }
}

/** k8s: `<domain>/<path>`, together no longer than a domain, a slash and a namespace or two. */
function signerErrors(signerName: string | undefined): FieldError[] {
  const field = 'spec.signerName'
  if (!signerName) return [required(field)]
  const [domain = '', ...rest] = signerName.split('/')
  const path = rest.join('/')
  const form = 'must be a fully qualified domain and path of the form "example.com/signer-name"'
  if (rest.length !== 1) return [invalid(field, signerName, form)]
  const errors: FieldError[] = []
  if (path === '') errors.push(invalid(field, signerName, 'validation failed: path must not be empty'))
  const problems = dnsSubdomain(domain)
  if (!domain.includes('.')) problems.push('should be a domain with at least two segments separated by dots')
  for (const problem of problems) errors.push(invalid(field, signerName, `validating domain: ${problem}`))
  for (const part of path.split('.')) {
    const bad = path !== '' && !/^[A-Za-z0-9]([-A-Za-z0-9_]*[A-Za-z0-9])?$/.test(part)
    if (bad) errors.push(invalid(field, signerName, `validating label ${JSON.stringify(part)}: ${QUALIFIED}`))
  }
  if (signerName.length > 571) errors.push(tooLong(field, 571))
  if (signerName === LEGACY) {
    errors.push(invalid(field, signerName, 'the legacy signerName is not allowed via this API version'))
  }
  return errors
}

const LEGACY = 'kubernetes.io/legacy-unknown'
const QUALIFIED =
  "a valid label must be an alphanumeric string, consisting of alphanumeric characters, '-' or '_', and must start and end with an alphanumeric character (e.g. 'my-name', or '123-abc', regex used for validation is '[a-z0-9A-Z]([a-z0-9A-Z-_]*[a-z0-9A-Z])?')"

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
  },
  validate({ spec }) {
    const errors = [...requestErrors(spec.request), ...signerErrors(spec.signerName)]
    if (!spec.usages?.length) errors.push(required('spec.usages'))
    spec.usages?.forEach((usage, i) => {
      checkOneOf(errors, `spec.usages[${i}]`, usage, USAGES)
      if (spec.usages!.indexOf(usage) < i) errors.push(duplicate(`spec.usages[${i}]`, usage))
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
  // k8s: what is asked for is asked for once; changes are passed over.
  prepareForUpdate(c, old) {
    c.spec = structuredClone(old.spec) as CertificateSigningRequest['spec']
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
