// Service account tokens: issued for TokenRequest, verified for requests and TokenReview. A signature is checked once per token and
// remembered (bounded); whether the account, the pod, the node and the Secret behind it still exist is looked up every time. A token
// that stands in a Secret marks it with the day of its last use; one that the Secret calls invalid isn't taken any more.
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import { Node } from '../../api/kinds/node.ts'
import { Pod } from '../../api/kinds/pod.ts'
import { Secret } from '../../api/kinds/secret.ts'
import { ServiceAccount } from '../../api/kinds/service-account.ts'
import { parseTime } from '../../api/meta/time.ts'
import type { UserInfo } from '../../api/wire.ts'
import type { Clock } from '../../base/clock.ts'
import { keyOf, type Located } from '../storage/keys.ts'
import type { Entry, Store } from '../storage/store.ts'
import type { TokenAuthenticator } from './authenticator.ts'
import type { Claims, PublicJwk } from './jwt.ts'
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
import { type KeyTexts, TokenKeys } from './token-keys.ts'

export interface TokenOptions {
  readonly keys: KeyTexts
  readonly clock: Clock
  /** New tokens are from the first; those of the others are accepted. */
  readonly issuers?: readonly string[]
  /** Audiences that mean this API server; the issuers unless given. */
  readonly audiences?: readonly string[]
}

export interface IssuedToken {
  readonly token: string
  readonly expiresMs: number
  /** The token's `jti`. */
  readonly id: string
}

const MAX_REMEMBERED = 2_000
/** k8s: an object that is being deleted vouches for its tokens this much longer than its grace period. */
const DELETION_LEEWAY_MS = 60_000
/** k8s: clocks may be wrong by a minute, either way. */
const LEEWAY_S = 60
const LAST_USED = 'kubernetes.io/legacy-token-last-used'
const INVALID_SINCE = 'kubernetes.io/legacy-token-invalid-since'

export class ServiceAccountTokens {
  readonly issuer: string
  readonly #issuers: readonly string[]
  readonly audiences: readonly string[]
  readonly #store: Store
  readonly #clock: Clock
  #keys: TokenKeys
  readonly #verified = new Map<string, VerifiedToken>()

  constructor(store: Store, options: TokenOptions) {
    this.#store = store
    this.#clock = options.clock
    this.#keys = new TokenKeys(options.keys)
    this.#issuers = options.issuers ?? [DEFAULT_ISSUER]
    this.issuer = this.#issuers[0]!
    this.audiences = options.audiences ?? this.#issuers
  }

  /** After a rotation. What was verified stays verified unless its key is gone. @throws Error for a bad key; the old ones stay */
  useKeys(keys: KeyTexts): void {
    this.#keys = new TokenKeys(keys)
    this.#verified.clear()
  }

  /** @param warnAfterSeconds when the token is to last longer than its user knows: from when on to tell of its use */
  issue(
    subject: TokenSubject,
    audiences: readonly string[],
    lifetimeSeconds: number,
    warnAfterSeconds?: number,
  ): IssuedToken {
    const now = Math.floor(this.#clock.now() / 1000)
    const expires = now + lifetimeSeconds
    const warnAfter = warnAfterSeconds === undefined ? undefined : now + warnAfterSeconds
    const id = randomUUID()
    const token = this.sign(tokenClaims(this.issuer, subject, audiences, id, now, expires, warnAfter))
    return { token, expiresMs: expires * 1000, id }
  }

  sign(claims: Claims): string {
    return this.#keys.sign(claims)
  }

  /** The token for a Secret of type `kubernetes.io/service-account-token`: valid as long as Secret and account exist. */
  issueForSecret(namespace: string, serviceAccount: ObjectIdentity, secretName: string): string {
    return this.sign(secretTokenClaims(namespace, serviceAccount, secretName))
  }

  /** The user and those of `audiences` that the token is meant for; undefined when it is not valid (any more). */
  async verify(
    token: string,
    audiences: readonly string[] = this.audiences,
  ): Promise<{ user: UserInfo; audiences: string[] } | undefined> {
    const claims = this.#claimsOf(token)
    if (!claims) return undefined
    const nowS = this.#clock.now() / 1000
    if (nowS - LEEWAY_S > claims.expires || nowS + LEEWAY_S < Math.max(claims.notBefore, claims.issuedAt))
      return undefined
    const meant = claims.fromSecret ? this.audiences : claims.audiences
    const shared = audiences.filter((audience) => meant.includes(audience))
    if (shared.length === 0 || !(await this.#isVouchedFor(claims, token))) return undefined
    return { user: userOf(claims), audiences: shared }
  }

  jwks(): { keys: PublicJwk[] } {
    return { keys: this.#keys.jwks() }
  }

  /** @param serverUrl where clients outside reach the API server, as in `https://192.0.2.1:6443`. */
  openidConfiguration(serverUrl: string) {
    return {
      issuer: this.issuer,
      jwks_uri: `${serverUrl}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: this.#keys.algorithms,
    }
  }

  #claimsOf(token: string): VerifiedToken | undefined {
    const digest = createHash('sha256').update(token).digest('base64')
    const known = this.#verified.get(digest)
    if (known) return known
    const signed = this.#keys.verify(token)
    const claims = signed && parseClaims(signed, this.#issuers)
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
    const key = keyOf(Secret, namespace, secret.name)
    const entry = await this.#store.get(key)
    const stored = entry?.object as Secret | undefined
    const text = stored?.data?.['token']
    if (text === undefined || !sameText(Buffer.from(String(text), 'base64').toString(), token)) return false
    if (stored!.metadata.deletionTimestamp || stored!.metadata.labels?.[INVALID_SINCE]) return false
    await this.#markUsed(key, entry!)
    return true
  }

  /** Once a day; somebody else's write in between is as good a reason to try again next time. */
  async #markUsed(key: string, { object, revision }: Entry): Promise<void> {
    const today = new Date(this.#clock.now()).toISOString().slice(0, 10)
    const { metadata } = object
    if (metadata.labels?.[LAST_USED] === today) return
    const labels = { ...metadata.labels, [LAST_USED]: today }
    await this.#store.write({
      key,
      expect: revision,
      object: { ...object, metadata: { ...metadata, labels } } as never,
    })
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

export function serviceAccountAuthenticator(tokens: ServiceAccountTokens): TokenAuthenticator {
  return {
    name: 'service-account-token',
    authenticateToken: (_ctx, token, audiences) => tokens.verify(token, audiences),
  }
}
