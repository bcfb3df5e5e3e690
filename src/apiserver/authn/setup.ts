// The authenticators put together from the settings: which sorts of tokens there are, whom the front proxy may speak for, and who may
// come without a credential. The order of the tokens' sorts is that of kube-apiserver.
import type { Clock } from '../../base/clock.ts'
import type { Pki } from '../../base/pki.ts'
import type { Store } from '../storage/store.ts'
import { type Anonymous, type Authenticator, PUBLIC_PATHS, type TokenAuthenticator } from './authenticator.ts'
import { BearerTokens } from './bearer-tokens.ts'
import { bootstrapTokenAuthenticator } from './bootstrap-tokens.ts'
import { requestHeaderAuthenticator } from './request-header.ts'
import { DEFAULT_ISSUER } from './service-account-claims.ts'
import { ServiceAccountTokens, serviceAccountAuthenticator } from './service-account-tokens.ts'
import { type StaticTokens, staticTokenAuthenticator } from './static-tokens.ts'

export interface AuthenticationOptions {
  readonly staticTokens?: StaticTokens
  /** Further sorts of tokens, tried last: OIDC issuers, webhooks. Called once with the audiences of this API server. */
  readonly tokenAuthenticators?: (audiences: readonly string[]) => readonly TokenAuthenticator[]
  /** Health, version and cluster-info unless given. */
  readonly anonymous?: Anonymous
  readonly requestHeader?: Authenticator
  /** Who service accounts' tokens are from: new ones from the first, the others are accepted. */
  readonly issuers?: readonly string[]
  /** Audiences that mean this API server; the issuers unless given. */
  readonly audiences?: readonly string[]
}

export interface Authentication {
  /** Undefined without keys. */
  readonly tokens: ServiceAccountTokens | undefined
  readonly bearerTokens: BearerTokens
  /** As it is now. */
  readonly anonymous: () => Anonymous
  readonly requestHeader: Authenticator
  /** What a configuration that has changed says now; static tokens stay. */
  use(options: Pick<AuthenticationOptions, 'tokenAuthenticators' | 'anonymous'>): void
}

export function openAuthentication(
  store: Store,
  clock: Clock,
  pki: Pki | undefined,
  options: AuthenticationOptions = {},
): Authentication {
  const issuers = options.issuers?.length ? options.issuers : [DEFAULT_ISSUER]
  const audiences = options.audiences?.length ? options.audiences : issuers
  const tokens = pki && new ServiceAccountTokens(store, { keys: pki.tokenKeys, clock, issuers, audiences })
  const own = [
    ...(options.staticTokens ? [staticTokenAuthenticator(options.staticTokens, audiences)] : []),
    ...(tokens ? [serviceAccountAuthenticator(tokens)] : []),
    bootstrapTokenAuthenticator(store, clock, audiences),
  ]
  const bearerTokens = new BearerTokens([...own, ...(options.tokenAuthenticators?.(audiences) ?? [])], audiences)
  let { anonymous = PUBLIC_PATHS } = options
  return {
    tokens,
    bearerTokens,
    anonymous: () => anonymous,
    requestHeader: options.requestHeader ?? requestHeaderAuthenticator(),
    use(changed) {
      bearerTokens.use([...own, ...(changed.tokenAuthenticators?.(audiences) ?? [])])
      anonymous = changed.anonymous ?? PUBLIC_PATHS
    },
  }
}
