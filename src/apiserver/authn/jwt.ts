// JSON Web Tokens as service accounts need them: one signing key, ES256 or RS256 by the key's type. Verifying accepts only the
// algorithm that belongs to the key: a token can't choose a weaker one.
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

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

export class TokenKey {
  readonly #private: KeyObject | undefined
  readonly #public: KeyObject
  readonly #algorithm: 'ES256' | 'RS256'
  readonly #id: string

  /** @param pem a private key (signs and verifies) or a public one (verifies). @throws Error for anything but P-256 and RSA keys. */
  constructor(pem: string) {
    this.#private = pem.includes('PRIVATE KEY') ? createPrivateKey(pem) : undefined
    this.#public = createPublicKey(this.#private ?? pem)
    const type = this.#public.asymmetricKeyType
    const curve = this.#public.asymmetricKeyDetails?.namedCurve
    if (type !== 'rsa' && !(type === 'ec' && curve === 'prime256v1')) {
      throw new Error(`token keys are RSA or P-256, not ${curve ?? type}`)
    }
    this.#algorithm = type === 'rsa' ? 'RS256' : 'ES256'
    const der = this.#public.export({ type: 'spki', format: 'der' })
    this.#id = createHash('sha256').update(der).digest('base64url')
  }

  /** @throws Error when only the public key is known. */
  sign(claims: Claims): string {
    if (!this.#private) throw new Error('this key can only verify')
    const body = `${encode({ alg: this.#algorithm, kid: this.#id })}.${encode(claims)}`
    const signature = sign('sha256', Buffer.from(body), { key: this.#private, dsaEncoding: 'ieee-p1363' })
    return `${body}.${signature.toString('base64url')}`
  }

  /** The claims when the signature is this key's, otherwise undefined. Says nothing about time, issuer or audience. */
  verify(token: string): Claims | undefined {
    if (token.length > MAX_TOKEN_CHARS) return undefined
    const [head = '', body = '', signature = '', ...more] = token.split('.')
    if (more.length > 0) return undefined
    const header = decode(head)
    if (header?.['alg'] !== this.#algorithm) return undefined
    if (header['kid'] !== undefined && header['kid'] !== this.#id) return undefined
    const bytes = Buffer.from(signature, 'base64url')
    const key = { key: this.#public, dsaEncoding: 'ieee-p1363' } as const
    return verify('sha256', Buffer.from(`${head}.${body}`), key, bytes) ? decode(body) : undefined
  }

  jwk(): PublicJwk {
    return { use: 'sig', kid: this.#id, alg: this.#algorithm, ...this.#public.export({ format: 'jwk' }) } as PublicJwk
  }

  get algorithm(): string {
    return this.#algorithm
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
