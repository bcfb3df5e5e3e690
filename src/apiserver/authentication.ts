// Who makes an HTTP request: by client certificate or token, then as whom they want to act.
import { unauthorized } from '../api/meta/errors.ts'
import type { UserInfo } from '../api/wire.ts'
import type { Logger } from '../base/log.ts'
import { rememberImpersonator } from './audit/impersonators.ts'
import { authenticate, type Credentials } from './authn/authenticator.ts'
import { clientCertificate } from './authn/client-certificate.ts'
import { impersonate } from './authn/impersonation.ts'
import { type ServiceAccountTokens, serviceAccountAuthenticator } from './authn/service-account-tokens.ts'
import type { Authorizer } from './authz/authorizer.ts'

export interface AuthenticationParts {
  readonly tokens: ServiceAccountTokens | undefined
  readonly authorizer: Authorizer
  readonly log: Logger
}

/** @throws Unauthorized for a wrong credential, Forbidden for an impersonation that isn't allowed */
export function authentication({ tokens, authorizer, log }: AuthenticationParts) {
  const authenticators = [clientCertificate, ...(tokens ? [serviceAccountAuthenticator(tokens)] : [])]
  return async (credentials: Credentials, gone: { readonly signal: AbortSignal }): Promise<UserInfo> => {
    const ctx = {
      log,
      get signal() {
        return gone.signal
      },
    }
    const user = await authenticate(ctx, authenticators, withBrowserToken(credentials))
    if (!user) throw unauthorized()
    const acting = impersonate(user, credentials.headers, (who, attributes) => authorizer.authorize(who, attributes))
    return rememberImpersonator(acting, user)
  }
}

const TOKEN_PROTOCOL = 'base64url.bearer.authorization.k8s.io.'

/** k8s: browsers can't send headers with a WebSocket; they put the token among its subprotocols. */
function withBrowserToken(credentials: Credentials): Credentials {
  const { headers } = credentials
  if (headers['authorization'] || !headers['sec-websocket-protocol']) return credentials
  const protocol = headers['sec-websocket-protocol']
    .split(',')
    .map((text) => text.trim())
    .find((text) => text.startsWith(TOKEN_PROTOCOL))
  if (!protocol) return credentials
  const token = Buffer.from(protocol.slice(TOKEN_PROTOCOL.length), 'base64url').toString()
  return { ...credentials, headers: { ...headers, authorization: `Bearer ${token}` } }
}
