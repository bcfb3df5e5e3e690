// CertificateSigningRequest: asks a signer for a certificate.

import { X509Certificate } from 'node:crypto'
import { parseCertificateRequest } from '../../base/certificate-request.ts'
import { semanticEqual } from '../meta/equality.ts'
import { duplicate, type FieldError, forbiddenField, invalid, notSupported, required, tooLong } from '../meta/errors.ts'
import { dnsLabel, dnsSubdomain, pathSegment } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { formatAge } from '../meta/time.ts'
import type * as types from '../types/certificates.v1.ts'
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
  try {
    parseCertificateRequest(Buffer.from(base64 ?? '', 'base64').toString('latin1'))
    return []
  } catch (err) {
    return [invalid('spec.request', base64 ?? null, (err as Error).message)]
  }
}

const MAX_DOMAIN = 253
const MAX_SIGNER_NAME = 571
const LEGACY = 'kubernetes.io/legacy-unknown'

/** k8s: `<domain>/<path>`, together no longer than a domain, a slash and a namespace or two. */
function signerErrors(signerName: string | undefined): FieldError[] {
  const field = 'spec.signerName'
  if (!signerName) return [required(field)]
  if (signerName === LEGACY) {
    return [invalid(field, signerName, 'the legacy signerName is not allowed via this API version')]
  }
  const errors: FieldError[] = []
  const [domain = '', path = '', ...more] = signerName.split('/')
  const labels = domain.split('.')
  const checkLabels = (text: string, parts: readonly string[], rule: (label: string) => string[]) => {
    const bad = parts.find((label) => rule(label).length > 0)
    if (bad === undefined) return
    for (const problem of rule(bad)) {
      errors.push(invalid(field, text, `validating label ${JSON.stringify(bad)}: ${problem}`))
    }
  }
  if (domain.length > MAX_DOMAIN) errors.push(tooLong(field, MAX_DOMAIN))
  checkLabels(domain, labels, dnsLabel)
  if (labels.length < 2) {
    errors.push(invalid(field, domain, 'should be a domain with at least two segments separated by dots'))
  }
  if (more.length > 0 || !signerName.includes('/')) {
    const form = 'must be a fully qualified domain and path of the form "example.com/signer-name"'
    return [...errors, invalid(field, signerName, form)]
  }
  if (signerName.length > MAX_SIGNER_NAME) errors.push(tooLong(field, MAX_SIGNER_NAME))
  checkLabels(path, path.split('.'), dnsSubdomain)
  return errors
}

function conditionOf({ status }: DeepReadonly<types.CertificateSigningRequest>): string {
  const has = (type: string) => status?.conditions?.some((c) => c.type === type) ?? false
  const words = [has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending']
  if (has('Failed')) words.push('Failed')
  if (status?.certificate) words.push('Issued')
  return words.join(',')
}

type Request = DeepReadonly<types.CertificateSigningRequest>
const conditionsOf = ({ status }: Request, type: string) => status?.conditions?.filter((c) => c.type === type) ?? []
const certificateOf = ({ status }: Request) => status?.certificate ?? ''

const DECISIONS = ['Approved', 'Denied']
/** There is nothing to say against these but that they hold. */
const ONLY_TRUE = [...DECISIONS, 'Failed']

function conditionErrors(c: Request, old?: Request): FieldError[] {
  const errors: FieldError[] = []
  const has = (type: string) => old !== undefined && conditionsOf(old, type).length > 0
  const torn = DECISIONS.every(has)
  const before = old?.status?.conditions ?? []
  const repeated = new Set(before.map(({ type }) => type)).size < before.length
  const nameless = before.some(({ type }) => !type)
  const seen = new Set<string>()
  c.status?.conditions?.forEach(({ type = '', status }, i) => {
    const at = `status.conditions[${i}]`
    if (type === '' && !nameless) errors.push(required(`${at}.type`))
    const known = ONLY_TRUE.includes(type) ? ['True'] : ['False', 'True', 'Unknown']
    if (!status) errors.push(required(`${at}.status`))
    else if (!known.includes(status)) errors.push(notSupported(`${at}.status`, status, known))
    const other = DECISIONS.find((decision) => decision !== type)!
    if (!torn && DECISIONS.includes(type) && seen.has(other)) {
      errors.push(invalid(`${at}.type`, type, 'Approved and Denied conditions are mutually exclusive'))
    }
    if (!repeated && seen.has(type)) errors.push(duplicate(`${at}.type`, type))
    seen.add(type)
  })
  return errors
}

/** What a write may do to the status: decide, or fill in the certificate. Decisions once made stay. */
function changeErrors(c: Request, old: Request, may: 'decide' | 'issue'): FieldError[] {
  const errors = conditionErrors(c, old)
  const field = 'status.conditions'
  const [now, before] = [certificateOf(c), certificateOf(old)]
  const problem = now === before ? undefined : certificateProblem(now)
  if (problem) errors.push(invalid('status.certificate', '<certificate data>', problem))
  for (const type of ONLY_TRUE) {
    if (conditionsOf(c, type).length < conditionsOf(old, type).length) {
      errors.push(forbiddenField(field, `updates may not remove a condition of type ${JSON.stringify(type)}`))
    }
  }
  for (const type of may === 'decide' ? [] : DECISIONS) {
    const [next, previous] = [conditionsOf(c, type), conditionsOf(old, type)]
    if (next.length > previous.length) {
      errors.push(forbiddenField(field, `updates may not add a condition of type ${JSON.stringify(type)}`))
    } else if (next.length === previous.length && !semanticEqual(next, previous)) {
      errors.push(forbiddenField(field, `updates may not modify a condition of type ${JSON.stringify(type)}`))
    }
  }
  if (now === before) return errors
  if (may === 'decide') {
    errors.push(forbiddenField('status.certificate', 'updates may not set certificate content'))
  } else if (before !== '') {
    errors.push(forbiddenField('status.certificate', 'updates may not modify existing certificate content'))
  }
  return errors
}

const PEM_BLOCK = /-----BEGIN ([^\n-]+)-----\r?\n([\s\S]*?)-----END \1-----/g

/** A chain of certificates, and nothing else. */
function certificateProblem(base64: string): string | undefined {
  if (base64 === '') return undefined
  const blocks = [...Buffer.from(base64, 'base64').toString('latin1').matchAll(PEM_BLOCK)]
  for (const [, label = '', body = ''] of blocks) {
    if (label !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(label)}`
    if (body.includes(':')) return 'no PEM block headers are permitted'
    try {
      new X509Certificate(Buffer.from(body, 'base64'))
    } catch {
      return 'x509: malformed certificate'
    }
  }
  return blocks.length === 0 ? 'must contain at least one CERTIFICATE PEM block' : undefined
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
  validateName: pathSegment,
  validate: ({ spec }) => {
    const errors = requestErrors(spec.request)
    const usages = spec.usages ?? []
    if (usages.length === 0) errors.push(required('spec.usages'))
    usages.forEach((usage, i) => {
      if (!USAGES.includes(usage)) errors.push(notSupported(`spec.usages[${i}]`, usage, [...USAGES].sort()))
    })
    usages.forEach((usage, i) => {
      if (usages.indexOf(usage) < i) errors.push(duplicate(`spec.usages[${i}]`, usage))
    })
    errors.push(...signerErrors(spec.signerName))
    if (spec.expirationSeconds !== undefined && spec.expirationSeconds < 600) {
      const why = 'may not specify a duration less than 600 seconds (10 minutes)'
      errors.push(invalid('spec.expirationSeconds', spec.expirationSeconds, why))
    }
    return errors
  },
  // k8s: what is asked for is asked for once; changes are passed over.
  prepareForUpdate(c, old) {
    c.spec = structuredClone(old.spec) as CertificateSigningRequest['spec']
  },
  validateStatusUpdate: (c, old) => changeErrors(c, old, 'issue'),
  validateSubresource: { approval: (c, old) => changeErrors(c, old, 'decide') },
})
