// All keys of service accounts' tokens: the newest signs, all verify, so that tokens outlive a rotation until they expire. Replaced as a
// whole when the key files change.
import { type Claims, type PublicJwk, parseToken, TokenKey } from './jwt.ts'

export interface KeyTexts {
  /** PEM of the private key that signs. */
  readonly signing: string
  /** PEM of further keys that only verify: those that signed before. */
  readonly retired?: readonly string[]
}

export class TokenKeys {
  readonly #signing: TokenKey
  readonly #byId: ReadonlyMap<string, TokenKey>

  /** @throws Error for a key that is neither RSA nor P-256 */
  constructor({ signing, retired = [] }: KeyTexts) {
    this.#signing = new TokenKey(signing)
    const all = [this.#signing, ...retired.map((pem) => new TokenKey(pem))]
    this.#byId = new Map(all.map((key) => [key.id, key]))
  }

  sign(claims: Claims): string {
    return this.#signing.sign(claims)
  }

  /** The claims when one of the keys signed them. */
  verify(token: string): Claims | undefined {
    const parsed = parseToken(token)
    if (!parsed) return undefined
    const named = parsed.keyId === undefined ? [...this.#byId.values()] : [this.#byId.get(parsed.keyId)]
    return named.some((key) => key?.holds(parsed)) ? parsed.claims : undefined
  }

  jwks(): PublicJwk[] {
    return [...this.#byId.values()].map((key) => key.jwk())
  }

  get algorithms(): string[] {
    return [...new Set([...this.#byId.values()].map((key) => key.algorithm))]
  }
}
