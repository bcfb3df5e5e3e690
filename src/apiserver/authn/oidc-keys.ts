// The keys of an OIDC issuer: found through its discovery document, fetched when first needed, and fetched again when a token names a key
// that isn't known, at most once in a while. Several tokens that wait for keys share one fetch.
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import { fetchJson } from '../../base/https-json.ts'
import { type ParsedToken, signatureHolds } from './jwt.ts'

export interface IssuerAddress {
  readonly url: string
  /** Where the discovery document is, when not below `url`. */
  readonly discoveryUrl?: string | undefined
  /** PEM; the system's authorities without it. */
  readonly certificateAuthority?: string | undefined
}

interface Key {
  readonly id: string | undefined
  readonly algorithm: string | undefined
  readonly key: KeyObject
}

const FETCH_WITHIN_MS = 30_000
/** Nobody makes this server fetch more often by inventing keys. */
const REFETCH_AFTER_MS = 10_000

export class OidcKeys {
  readonly #issuer: IssuerAddress
  readonly #clock: Clock
  #keys: readonly Key[] | undefined
  #fetching: Promise<readonly Key[]> | undefined
  #fetchedMs = Number.NEGATIVE_INFINITY

  constructor(issuer: IssuerAddress, clock: Clock) {
    this.#issuer = issuer
    this.#clock = clock
  }

  /** Whether one of the issuer's keys signed the token. @throws Error when the keys can't be had */
  async signed(token: ParsedToken): Promise<boolean> {
    const known = this.#keys
    if (known && holds(known, token)) return true
    if (known && this.#clock.now() < this.#fetchedMs + REFETCH_AFTER_MS) return false
    return holds(await this.#fetch(), token)
  }

  #fetch(): Promise<readonly Key[]> {
    this.#fetching ??= this.#fetchNow().finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #fetchNow(): Promise<readonly Key[]> {
    const { url, discoveryUrl, certificateAuthority: ca } = this.#issuer
    this.#fetchedMs = this.#clock.now()
    const at = discoveryUrl ?? `${url.replace(/\/$/, '')}/.well-known/openid-configuration`
    const options = { ca, timeoutMs: FETCH_WITHIN_MS }
    const document = (await fetchJson(at, options)) as { issuer?: unknown; jwks_uri?: unknown } | null
    if (document?.issuer !== url) {
      throw new Error(
        `oidc: issuer did not match the issuer returned by provider, expected ${JSON.stringify(url)} got ${JSON.stringify(document?.issuer ?? '')}`,
      )
    }
    if (typeof document.jwks_uri !== 'string' || !document.jwks_uri.startsWith('https://')) {
      throw new Error('oidc: the discovery document names no jwks_uri with https')
    }
    const answer = (await fetchJson(document.jwks_uri, options)) as { keys?: unknown } | null
    this.#keys = keysOf(answer?.keys)
    return this.#keys
  }
}

function holds(keys: readonly Key[], token: ParsedToken): boolean {
  return keys.some(({ id, algorithm, key }) => {
    if (token.keyId !== undefined && id !== undefined && id !== token.keyId) return false
    return (algorithm === undefined || algorithm === token.algorithm) && signatureHolds(token, key)
  })
}

/** Keys that aren't for signatures, or can't be read, are not for us. */
function keysOf(list: unknown): Key[] {
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
  return (Array.isArray(list) ? list : []).flatMap((jwk: unknown) => {
    if (jwk === null || typeof jwk !== 'object') return []
    const { kid, alg, use } = jwk as Record<string, unknown>
    if (use !== undefined && use !== 'sig') return []
    try {
      const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
      return [{ id: text(kid), algorithm: text(alg), key }]
    } catch {
      return []
    }
  })
}
