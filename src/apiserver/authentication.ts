// Who makes an HTTP request: by front proxy, client certificate or token, or as nobody; then as whom they want to act. The order of
// the list is that of kube-apiserver.
import { unauthorized } from '../api/meta/errors.ts'
import type { UserInfo } from '../api/wire.ts'
import type { Logger } from '../base/log.ts'
import { rememberImpersonator, rememberRefused } from './audit/impersonators.ts'
import { type Anonymous, type Authenticator, authenticate, type Credentials } from './authn/authenticator.ts'
import type { BearerTokens } from './authn/bearer-tokens.ts'
import { clientCertificate } from './authn/client-certificate.ts'
import { impersonate } from './authn/impersonation.ts'
import { hasImpersonation } from './authn/impersonation-headers.ts'
import type { Authorizer } from './authz/authorizer.ts'
import { parseRequestInfo } from './request-info.ts'

export interface AuthenticationParts {
  readonly bearerTokens: BearerTokens
  readonly authorizer: Authorizer
  readonly anonymous: () => Anonymous
  /** Trusted to say who somebody else is. */
  readonly requestHeader?: Authenticator | undefined
  readonly log: Logger
}

/** @throws Unauthorized for a wrong credential, Forbidden for an impersonation that isn't allowed */
export function authentication({ bearerTokens, authorizer, anonymous, requestHeader, log }: AuthenticationParts) {
  const authenticators = [...(requestHeader ? [requestHeader] : []), clientCertificate, bearerTokens.authenticator]
  return async (credentials: Credentials, gone: { readonly signal: AbortSignal }): Promise<UserInfo> => {
    const ctx = new RequestCtx(log, gone)
    const user = await authenticate(ctx, authenticators, withBrowserToken(credentials), anonymous())
    if (!user) throw unauthorized()
    if (!hasImpersonation(credentials.headers)) return user
    const { headers, rawHeaders, method = 'GET', path = '/', query = new URLSearchParams() } = credentials
    const attributes = () => parseRequestInfo(method as 'GET', path, query)
    const act = { headers, rawHeaders, attributes }
    try {
      const acting = await impersonate(user, act, (who, what) => authorizer.authorize(who, what))
      return rememberImpersonator(acting, user)
    } catch (err) {
      rememberRefused(err as Error, user)
      throw err
    }
  }
}

/** The signal is only made when somebody asks for it. A class, as accessors of a literal are made anew for each. */
class RequestCtx {
  readonly log: Logger
  readonly #gone: { readonly signal: AbortSignal }

  constructor(log: Logger, gone: { readonly signal: AbortSignal }) {
    this.log = log
    this.#gone = gone
  }

  get signal(): AbortSignal {
    return this.#gone.signal
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
