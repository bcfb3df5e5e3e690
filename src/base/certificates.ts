// X.509 certificates of an own authority: ECDSA P-256 keys, PEM in and out. Reading and checking use Node's own X509Certificate; the
// library that makes certificates is loaded only when one has to be made, because loading it costs a tenth of a second.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  webcrypto,
  X509Certificate,
} from 'node:crypto'
import { isIP } from 'node:net'
import type { CertificateRequest } from './certificate-request.ts'

export interface KeyPair {
  /** PEM. */
  readonly cert: string
  /** PEM, PKCS #8. Secret. */
  readonly key: string
}

export interface CertificateSpec {
  readonly commonName: string
  readonly organizations?: readonly string[]
  readonly dnsNames?: readonly string[]
  readonly addresses?: readonly string[]
  readonly usages: readonly ('server' | 'client')[]
  readonly lifetimeMs: number
}

export interface CertificateFacts {
  readonly commonName: string
  readonly organizations: readonly string[]
  readonly dnsNames: readonly string[]
  readonly addresses: readonly string[]
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

/** Certificates are valid from a little before they were made: other machines' clocks may be behind. */
const BACKDATED_MS = 5 * 60_000
const ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' }
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'

async function loadX509() {
  await import('./reflect-metadata.ts')
  return import('@peculiar/x509')
}

export async function createAuthority(commonName: string, lifetimeMs: number, nowMs: number): Promise<KeyPair> {
  const x509 = await loadX509()
  const { pem, keys } = await newKeys()
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [commonName] }],
    keys,
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + lifetimeMs),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { cert: withNewline(cert.toString('pem')), key: pem }
}

/** A new key and its certificate. @throws Error when the authority's key does not belong to its certificate. */
export async function issueCertificate(authority: KeyPair, spec: CertificateSpec, nowMs: number): Promise<KeyPair> {
  if (!matches(authority)) throw new Error('the authority’s key does not belong to its certificate')
  const x509 = await loadX509()
  const { pem, keys } = await newKeys()
  const issuer = new x509.X509Certificate(authority.cert)
  const names = [
    ...(spec.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(spec.addresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ]
  const usages = spec.usages.map((usage) => (usage === 'server' ? SERVER_AUTH : CLIENT_AUTH))
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [...(spec.organizations ?? []).map((organization) => ({ O: [organization] })), { CN: [spec.commonName] }],
    issuer: issuer.subjectName.toJSON(),
    publicKey: keys.publicKey,
    signingKey: await signingKey(authority.key),
    notBefore: new Date(nowMs - BACKDATED_MS),
    // Never longer than the authority itself.
    notAfter: new Date(Math.min(nowMs + spec.lifetimeMs, issuer.notAfter.getTime())),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { cert: withNewline(cert.toString('pem')), key: pem }
}

export interface SigningTerms {
  /** As the API names them: `client auth`, `digital signature`. Unknown ones are passed over. */
  readonly usages: readonly string[]
  readonly lifetimeMs: number
}

const KEY_USAGES: Readonly<Record<string, number>> = {
  signing: 1,
  'digital signature': 1,
  'content commitment': 2,
  'key encipherment': 4,
  'data encipherment': 8,
  'key agreement': 16,
  'cert sign': 32,
  'crl sign': 64,
  'encipher only': 128,
  'decipher only': 256,
}
const PURPOSES: Readonly<Record<string, string>> = {
  any: '2.5.29.37.0',
  'server auth': SERVER_AUTH,
  'client auth': CLIENT_AUTH,
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
}

/** A certificate (PEM) for what the request names and for its key, as it was asked for; whether it may be is the caller's to know. */
export async function signRequest(
  authority: KeyPair,
  request: CertificateRequest,
  { usages, lifetimeMs }: SigningTerms,
  nowMs: number,
): Promise<string> {
  const x509 = await loadX509()
  const issuer = new x509.X509Certificate(authority.cert)
  const publicKey = await importedKey(request.publicKey)
  const purposes = [...new Set(usages.flatMap((usage) => PURPOSES[usage] ?? []))]
  const flags = usages.reduce((all, usage) => all | (KEY_USAGES[usage] ?? 0), 0)
  const names = request.alternativeNames
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: new x509.Name(request.subject).toJSON(),
    issuer: issuer.subjectName.toJSON(),
    publicKey,
    signingKey: await signingKey(authority.key),
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(Math.min(nowMs + lifetimeMs, issuer.notAfter.getTime())),
    signingAlgorithm: ALGORITHM,
    extensions: [
      ...(flags ? [new x509.KeyUsagesExtension(flags, true)] : []),
      ...(purposes.length > 0 ? [new x509.ExtendedKeyUsageExtension(purposes)] : []),
      new x509.BasicConstraintsExtension(false, undefined, true),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(names ? [new x509.Extension(ALTERNATIVE_NAME, false, names)] : []),
    ],
  })
  return withNewline(cert.toString('pem'))
}

const ALTERNATIVE_NAME = '2.5.29.17'

/** Only to be written into a certificate: what it could be used for doesn't matter. */
function importedKey(spki: Buffer): Promise<webcrypto.CryptoKey> {
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  const curve = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }[
    key.asymmetricKeyDetails?.namedCurve ?? ''
  ]
  const algorithm = curve
    ? { name: 'ECDSA', namedCurve: curve }
    : key.asymmetricKeyType === 'ed25519'
      ? { name: 'Ed25519' }
      : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  return webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify'])
}

/** @throws Error when it is not a PEM certificate. */
export function inspectCertificate(pem: string): CertificateFacts {
  const cert = new X509Certificate(pem)
  const subject = cert.subject.split('\n').map((line) => line.split(/=(.*)/s))
  const alternatives = (cert.subjectAltName ?? '').split(', ').map((name) => name.split(/:(.*)/s))
  return {
    commonName: subject.find(([type]) => type === 'CN')?.[1] ?? '',
    organizations: subject.filter(([type]) => type === 'O').map(([, value]) => value ?? ''),
    dnsNames: alternatives.filter(([type]) => type === 'DNS').map(([, value]) => value ?? ''),
    addresses: alternatives.filter(([type]) => type === 'IP Address').map(([, value]) => canonicalAddress(value ?? '')),
    notBeforeMs: Date.parse(cert.validFrom),
    notAfterMs: Date.parse(cert.validTo),
  }
}

/** When the certificate is to be replaced: when a third of its lifetime is left. */
export function renewalAtMs({ notBeforeMs, notAfterMs }: CertificateFacts): number {
  return notAfterMs - (notAfterMs - notBeforeMs) / 3
}

/**
 * Why the pair can't go on being used as `spec` says, or undefined when it can: signed by the authority, its own key, the
 * right subject, all names wanted, and not due for renewal.
 */
export function whyReplace(
  pair: KeyPair,
  authorityCert: string,
  spec: CertificateSpec,
  nowMs: number,
): string | undefined {
  let facts: CertificateFacts
  try {
    facts = inspectCertificate(pair.cert)
    if (!matches(pair)) return 'its key does not belong to it'
    const cert = new X509Certificate(pair.cert)
    if (!cert.verify(new X509Certificate(authorityCert).publicKey)) return 'it was signed by another authority'
  } catch {
    return 'it is unreadable'
  }
  if (nowMs < facts.notBeforeMs) return 'it is not valid yet'
  if (nowMs >= renewalAtMs(facts)) return 'it expires soon'
  const sameSubject =
    facts.commonName === spec.commonName && facts.organizations.join('\n') === (spec.organizations ?? []).join('\n')
  if (!sameSubject) return 'it names another subject'
  const missing = [
    ...(spec.dnsNames ?? []).filter((name) => !facts.dnsNames.includes(name)),
    ...(spec.addresses ?? []).filter((address) => !facts.addresses.includes(canonicalAddress(address))),
  ]
  return missing.length > 0 ? `it lacks ${missing.join(', ')}` : undefined
}

/** Whether the key belongs to the certificate. @throws Error when one of them is unreadable. */
export function matches({ cert, key }: KeyPair): boolean {
  return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
}

/** One spelling per IPv6 address. */
function canonicalAddress(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address
}

async function newKeys() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const curve = { name: 'ECDSA', namedCurve: 'P-256' }
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const keys = {
    privateKey: await signingKey(pem),
    publicKey: await webcrypto.subtle.importKey('spki', spki, curve, true, ['verify']),
  }
  return { pem, keys }
}

function signingKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' })
  return webcrypto.subtle.importKey('pkcs8', der, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
}

/** 127 random bits: positive and never starting with a zero byte. */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return bytes.toString('hex')
}

const withNewline = (pem: string) => (pem.endsWith('\n') ? pem : `${pem}\n`)
