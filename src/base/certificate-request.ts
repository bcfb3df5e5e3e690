// Requests for certificates (PKCS #10), read without a library: subject, names, key, and whether whoever made it holds the key. Made for
// checking what strangers send: anything malformed is an error, and nothing is loaded for it.
import { createPublicKey, type KeyObject, verify } from 'node:crypto'

export interface CertificateRequest {
  readonly commonName: string
  readonly organizations: readonly string[]
  readonly dnsNames: readonly string[]
  readonly addresses: readonly string[]
  readonly emails: readonly string[]
  readonly uris: readonly string[]
  /** DER of the subject as it was written. */
  readonly subject: Buffer
  /** DER, SubjectPublicKeyInfo. */
  readonly publicKey: Buffer
  /** The value of the extension for alternative names, DER. */
  readonly alternativeNames: Buffer | undefined
}

const COMMON_NAME = '2.5.4.3'
const ORGANIZATION = '2.5.4.10'
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14'
const ALTERNATIVE_NAME = '2.5.29.17'
/** Signature algorithms that are accepted, by OID, with their digest; Ed25519 has its own. */
const DIGESTS: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
}

interface Item {
  readonly tag: number
  readonly content: Buffer
  /** With tag and length. */
  readonly whole: Buffer
}

/** @throws Error saying what is wrong with it */
export function parseCertificateRequest(pem: string): CertificateRequest {
  const [, label, body] = /-----BEGIN ([A-Z ]+)-----([^-]*)-----END \1-----/.exec(pem) ?? []
  if (label !== 'CERTIFICATE REQUEST') throw new Error('PEM block type must be CERTIFICATE REQUEST')
  const top = only(Buffer.from(body!, 'base64'))
  const [info, algorithm, signature] = children(expect(top, 0x30))
  const [version, subject, publicKey, attributes] = children(expect(info, 0x30))
  if (expect(version, 0x02).content.toString('hex') !== '00') throw malformed()
  checkSignature(info!, expect(algorithm, 0x30), expect(signature, 0x03), expect(publicKey, 0x30))
  const extensions = requestedExtensions(attributes)
  const alternativeNames = extensions.get(ALTERNATIVE_NAME)
  return {
    ...subjectNames(expect(subject, 0x30)),
    ...alternatives(alternativeNames),
    subject: subject!.whole,
    publicKey: expect(publicKey, 0x30).whole,
    alternativeNames,
  }
}

const malformed = () => new Error('asn1: structure error: the certificate request is malformed')

function checkSignature(info: Item, algorithm: Item, signature: Item, publicKey: Item): void {
  const oid = objectId(children(algorithm)[0])
  const digest = DIGESTS[oid]
  if (digest === undefined) throw new Error(`x509: cannot verify signature: algorithm ${oid} unimplemented`)
  let key: KeyObject
  try {
    key = createPublicKey({ key: publicKey.whole, format: 'der', type: 'spki' })
  } catch {
    throw new Error('x509: the public key of the certificate request cannot be read')
  }
  if (signature.content[0] !== 0) throw malformed()
  let right = false
  try {
    right = verify(digest, info.whole, key, signature.content.subarray(1))
  } catch {
    // Key and algorithm don't fit each other.
  }
  if (!right) throw new Error('x509: the signature of the certificate request is not that of its key')
}

function subjectNames(subject: Item): { commonName: string; organizations: string[] } {
  let commonName = ''
  const organizations: string[] = []
  for (const set of children(subject)) {
    for (const pair of children(expect(set, 0x31))) {
      const [type, value] = children(expect(pair, 0x30))
      const oid = objectId(type)
      if (oid === COMMON_NAME) commonName = text(value)
      if (oid === ORGANIZATION) organizations.push(text(value))
    }
  }
  return { commonName, organizations }
}

/** By OID, the value of each extension that is asked for. */
function requestedExtensions(attributes: Item | undefined): Map<string, Buffer> {
  const found = new Map<string, Buffer>()
  if (attributes?.tag !== 0xa0) return found
  for (const attribute of children(attributes)) {
    const [type, values] = children(expect(attribute, 0x30))
    if (objectId(type) !== EXTENSION_REQUEST) continue
    for (const list of children(expect(values, 0x31))) {
      for (const extension of children(expect(list, 0x30))) {
        const parts = children(expect(extension, 0x30))
        found.set(objectId(parts[0]), expect(parts.at(-1), 0x04).content)
      }
    }
  }
  return found
}

function alternatives(value: Buffer | undefined) {
  const names = { dnsNames: [] as string[], addresses: [] as string[], emails: [] as string[], uris: [] as string[] }
  if (!value) return names
  for (const { tag, content } of children(expect(only(value), 0x30))) {
    if (tag === 0x81) names.emails.push(content.toString('latin1'))
    else if (tag === 0x82) names.dnsNames.push(content.toString('latin1'))
    else if (tag === 0x86) names.uris.push(content.toString('latin1'))
    else if (tag === 0x87) names.addresses.push(address(content))
  }
  return names
}

function address(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) throw new Error(`x509: cannot parse IP address of length ${bytes.length}`)
  const text = bytes.toString('hex').match(/.{4}/g)!.join(':')
  return new URL(`http://[${text}]`).hostname.slice(1, -1)
}

function text(item: Item | undefined): string {
  if (!item) throw malformed()
  // BMPString is two bytes a character; everything else is UTF-8 or a part of it.
  if (item.tag === 0x1e) return Buffer.from(item.content).swap16().toString('utf16le')
  return item.content.toString('utf8')
}

function objectId(item: Item | undefined): string {
  const { content } = expect(item, 0x06)
  const numbers: number[] = []
  let value = 0
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) {
      numbers.push(value)
      value = 0
    }
  }
  const first = Math.min(Math.floor((numbers[0] ?? 0) / 40), 2)
  return [first, (numbers[0] ?? 0) - first * 40, ...numbers.slice(1)].join('.')
}

function expect(item: Item | undefined, tag: number): Item {
  if (item?.tag !== tag) throw malformed()
  return item
}

const children = (item: Item): Item[] => items(item.content)

function only(bytes: Buffer): Item {
  const [item, ...more] = items(bytes)
  if (!item || more.length > 0) throw malformed()
  return item
}

function items(bytes: Buffer): Item[] {
  const found: Item[] = []
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at]!
    let length = bytes[at + 1]
    let start = at + 2
    if (length === undefined) throw malformed()
    if (length & 0x80) {
      const size = length & 0x7f
      if (size === 0 || size > 3 || start + size > bytes.length) throw malformed()
      length = bytes.readUIntBE(start, size)
      start += size
    }
    const end = start + length
    if (end > bytes.length) throw malformed()
    found.push({ tag, content: bytes.subarray(start, end), whole: bytes.subarray(at, end) })
    at = end
  }
  return found
}
