// JSON Web Tokens: parsed, signed, and verified with keys of known algorithms. The key says which algorithms it takes: a token can't
// choose a weaker one. `TokenKey` is one key of service accounts' tokens, ES256 or RS256 by its type; token-keys.ts has them all.
import { constants, createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

export interface Claims {
  readonly [name: string]: unknown
}

/** Longer tokens are refused unread. */
const MAX_TOKEN_CHARS = 16 * 1024

export interface PublicJwk {
  readonly use: 'sig'
  readonly kty: string
  readonly kid: string
  readonly alg: string
  readonly [parameter: string]: unknown
}

/** A token taken apart; nothing of it is verified. */
export interface ParsedToken {
  readonly algorithm: string
  readonly keyId: string | undefined
  readonly claims: Claims
  readonly signed: string
  readonly signature: Buffer
}

export function parseToken(token: string): ParsedToken | undefined {
  if (token.length > MAX_TOKEN_CHARS) return undefined
  const [head = '', body = '', signature = '', ...more] = token.split('.')
  if (more.length > 0 || signature === '') return undefined
  const header = decode(head)
  const claims = decode(body)
  if (typeof header?.['alg'] !== 'string' || !claims) return undefined
  const keyId = typeof header['kid'] === 'string' ? header['kid'] : undefined
  const parts = { keyId, claims, signed: `${head}.${body}`, signature: Buffer.from(signature, 'base64url') }
  return { algorithm: header['alg'], ...parts }
}

interface Algorithm {
  readonly type: 'rsa' | 'ec'
  readonly digest: string
  readonly curve?: string
  readonly pss?: true
}

const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  RS256: { type: 'rsa', digest: 'sha256' },
  RS384: { type: 'rsa', digest: 'sha384' },
  RS512: { type: 'rsa', digest: 'sha512' },
  PS256: { type: 'rsa', digest: 'sha256', pss: true },
  PS384: { type: 'rsa', digest: 'sha384', pss: true },
  PS512: { type: 'rsa', digest: 'sha512', pss: true },
  ES256: { type: 'ec', digest: 'sha256', curve: 'prime256v1' },
  ES384: { type: 'ec', digest: 'sha384', curve: 'secp384r1' },
  ES512: { type: 'ec', digest: 'sha512', curve: 'secp521r1' },
}

export const SIGNING_ALGORITHMS: readonly string[] = Object.keys(ALGORITHMS)

/** Whether the key made the signature, by the algorithm that the token names; false when the two don't belong together. */
export function signatureHolds({ algorithm, signed, signature }: ParsedToken, key: KeyObject): boolean {
  const known = Object.hasOwn(ALGORITHMS, algorithm) ? ALGORITHMS[algorithm]! : undefined
  if (!known || key.asymmetricKeyType !== known.type) return false
  if (known.curve && key.asymmetricKeyDetails?.namedCurve !== known.curve) return false
  const padding = known.pss
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : {}
  try {
    return verify(known.digest, Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363', ...padding }, signature)
  } catch {
    return false
  }
}

export class TokenKey {
  readonly id: string
  readonly algorithm: 'ES256' | 'RS256'
  readonly #private: KeyObject | undefined
  readonly #public: KeyObject

  /** @param pem a private key (signs and verifies) or a public one (verifies). @throws Error for anything but P-256 and RSA keys. */
  constructor(pem: string) {
    this.#private = pem.includes('PRIVATE KEY') ? createPrivateKey(pem) : undefined
    this.#public = createPublicKey(this.#private ?? pem)
    const type = this.#public.asymmetricKeyType
    const curve = this.#public.asymmetricKeyDetails?.namedCurve
    if (type !== 'rsa' && !(type === 'ec' && curve === 'prime256v1')) {
      throw new Error(`token keys are RSA or P-256, not ${curve ?? type}`)
    }
    this.algorithm = type === 'rsa' ? 'RS256' : 'ES256'
    const der = this.#public.export({ type: 'spki', format: 'der' })
    this.id = createHash('sha256').update(der).digest('base64url')
  }

  /** @throws Error when only the public key is known. */
  sign(claims: Claims): string {
    if (!this.#private) throw new Error('this key can only verify')
    const body = `${encode({ alg: this.algorithm, kid: this.id })}.${encode(claims)}`
    const signature = sign('sha256', Buffer.from(body), { key: this.#private, dsaEncoding: 'ieee-p1363' })
    return `${body}.${signature.toString('base64url')}`
  }

  /** The claims when the signature is this key's, otherwise undefined. Says nothing about time, issuer or audience. */
  verify(token: string): Claims | undefined {
    const parsed = parseToken(token)
    return parsed && this.holds(parsed) ? parsed.claims : undefined
  }

  holds(token: ParsedToken): boolean {
    if (token.algorithm !== this.algorithm) return false
    if (token.keyId !== undefined && token.keyId !== this.id) return false
    return signatureHolds(token, this.#public)
  }

  jwk(): PublicJwk {
    return { use: 'sig', kid: this.id, alg: this.algorithm, ...this.#public.export({ format: 'jwk' }) } as PublicJwk
  }
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

function decode(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Claims) : undefined
  } catch {
    return undefined
  }
}
