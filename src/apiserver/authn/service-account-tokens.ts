// Service account tokens: issued for TokenRequest, verified for requests and TokenReview. A signature is checked once per token and
// remembered (bounded); whether the account, the pod, the node and the Secret behind it still exist is looked up every time.
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import { Node } from '../../api/kinds/node.ts'
import { Pod } from '../../api/kinds/pod.ts'
import { Secret } from '../../api/kinds/secret.ts'
import { ServiceAccount } from '../../api/kinds/service-account.ts'
import { parseTime } from '../../api/meta/time.ts'
import type { UserInfo } from '../../api/wire.ts'
import type { Clock } from '../../base/clock.ts'
import { keyOf, type Located } from '../storage/keys.ts'
import type { Store } from '../storage/store.ts'
import type { Authenticator } from './authenticator.ts'
import { type PublicJwk, TokenKey } from './jwt.ts'
import {
  DEFAULT_ISSUER,
  type ObjectIdentity,
  parseClaims,
  secretTokenClaims,
  type TokenSubject,
  tokenClaims,
  userOf,
  type VerifiedToken,
} from './service-account-claims.ts'

export interface TokenOptions {
  /** PEM of the private key. */
  readonly key: string
  readonly clock: Clock
  readonly issuer?: string
  /** Audiences that mean this API server; the issuer unless given. */
  readonly audiences?: readonly string[]
}

export interface IssuedToken {
  readonly token: string
  readonly expiresMs: number
}

const MAX_REMEMBERED = 2_000
/** k8s: an object that is being deleted vouches for its tokens this much longer than its grace period. */
const DELETION_LEEWAY_MS = 60_000
/** Other machines' clocks may run a little behind. */
const NOT_BEFORE_LEEWAY_S = 10

export class ServiceAccountTokens {
  readonly issuer: string
  readonly audiences: readonly string[]
  readonly #store: Store
  readonly #clock: Clock
  readonly #key: TokenKey
  readonly #verified = new Map<string, VerifiedToken>()

  constructor(store: Store, options: TokenOptions) {
    this.#store = store
    this.#clock = options.clock
    this.#key = new TokenKey(options.key)
    this.issuer = options.issuer ?? DEFAULT_ISSUER
    this.audiences = options.audiences ?? [this.issuer]
  }

  issue(subject: TokenSubject, audiences: readonly string[], lifetimeSeconds: number): IssuedToken {
    const now = Math.floor(this.#clock.now() / 1000)
    const expires = now + lifetimeSeconds
    const token = this.#key.sign(tokenClaims(this.issuer, subject, audiences, randomUUID(), now, expires))
    return { token, expiresMs: expires * 1000 }
  }

  /** The token for a Secret of type `kubernetes.io/service-account-token`: valid as long as Secret and account exist. */
  issueForSecret(namespace: string, serviceAccount: ObjectIdentity, secretName: string): string {
    return this.#key.sign(secretTokenClaims(namespace, serviceAccount, secretName))
  }

  /** The user and those of `audiences` that the token is meant for; undefined when it is not valid (any more). */
  async verify(
    token: string,
    audiences: readonly string[] = this.audiences,
  ): Promise<{ user: UserInfo; audiences: string[] } | undefined> {
    const claims = this.#claimsOf(token)
    if (!claims) return undefined
    const nowS = this.#clock.now() / 1000
    if (nowS >= claims.expires || nowS + NOT_BEFORE_LEEWAY_S < claims.notBefore) return undefined
    const meant = claims.fromSecret ? this.audiences : claims.audiences
    const shared = audiences.filter((audience) => meant.includes(audience))
    if (shared.length === 0 || !(await this.#isVouchedFor(claims, token))) return undefined
    return { user: userOf(claims), audiences: shared }
  }

  jwks(): { keys: PublicJwk[] } {
    return { keys: [this.#key.jwk()] }
  }

  /** @param serverUrl where clients outside reach the API server, as in `https://192.0.2.1:6443`. */
  openidConfiguration(serverUrl: string) {
    return {
      issuer: this.issuer,
      jwks_uri: `${serverUrl}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [this.#key.algorithm],
    }
  }

  #claimsOf(token: string): VerifiedToken | undefined {
    const digest = createHash('sha256').update(token).digest('base64')
    const known = this.#verified.get(digest)
    if (known) return known
    const signed = this.#key.verify(token)
    const claims = signed && parseClaims(signed, this.issuer)
    if (!claims) return undefined
    if (this.#verified.size >= MAX_REMEMBERED) this.#verified.delete(this.#verified.keys().next().value!)
    this.#verified.set(digest, claims)
    return claims
  }

  async #isVouchedFor(claims: VerifiedToken, token: string): Promise<boolean> {
    const { namespace, serviceAccount, pod, node, secret } = claims
    if (!(await this.#lives(ServiceAccount, namespace, serviceAccount))) return false
    if (pod && !(await this.#lives(Pod, namespace, pod))) return false
    // k8s: the node of a pod's token only informs; a token bound to the node itself dies with it.
    if (node && !pod && !(await this.#lives(Node, undefined, node))) return false
    if (!secret) return true
    if (!claims.fromSecret) return this.#lives(Secret, namespace, secret)
    const entry = await this.#store.get(keyOf(Secret, namespace, secret.name))
    const stored = (entry?.object as Secret | undefined)?.data?.['token']
    return stored !== undefined && sameText(Buffer.from(String(stored), 'base64').toString(), token)
  }

  async #lives(kind: Located, namespace: string | undefined, { name, uid }: ObjectIdentity) {
    const metadata = (await this.#store.get(keyOf(kind, namespace, name)))?.object.metadata
    if (!metadata || metadata.uid !== uid) return false
    const deletedMs = parseTime(metadata.deletionTimestamp)
    return deletedMs === undefined || this.#clock.now() < deletedMs + DELETION_LEEWAY_MS
  }
}

/** In a time that says nothing about where they differ. */
function sameText(a: string, b: string): boolean {
  const [left, right] = [a, b].map((value) => createHash('sha256').update(value).digest())
  return timingSafeEqual(left!, right!)
}

/** The token of an `Authorization: Bearer …` header; undefined when there is none. */
export function bearerToken(header: string | undefined): string | undefined {
  const [, token] = /^bearer +(.*)$/i.exec(header?.trim() ?? '') ?? []
  return token === undefined || token.trim() === '' ? undefined : token.trim()
}

export function serviceAccountAuthenticator(tokens: ServiceAccountTokens): Authenticator {
  return {
    name: 'service-account-token',
    async authenticate(_ctx, { headers }) {
      const token = bearerToken(headers['authorization'])
      if (token === undefined) return 'none'
      return (await tokens.verify(token))?.user ?? 'invalid'
    },
  }
}
