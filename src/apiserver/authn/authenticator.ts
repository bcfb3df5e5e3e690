// Who is asking? The authenticators stand in one ordered list; the first that recognises a credential decides. A credential that is
// given but wrong is 401, it never falls through to the anonymous user. k8s: the same order, names and groups.
import type { UserInfo } from '../../api/wire.ts'
import type { Ctx } from '../../base/ctx.ts'

export interface PeerIdentity {
  readonly commonName: string
  readonly organizations: readonly string[]
  /** Upper-case hex with colons, as Node prints it. */
  readonly fingerprint: string
  /** Whether the TLS layer verified it against the cluster's authority, for use as a client. */
  readonly trusted: boolean
  /** Whether it verified against the front proxy's authority instead: such a client is no user, it speaks for users. */
  readonly frontProxy?: boolean
}

export interface Credentials {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly peer?: PeerIdentity | undefined
  /** Names and values in turns, as they came. */
  readonly rawHeaders?: readonly string[] | undefined
  readonly method?: string
  /** Without the query. */
  readonly path?: string
  readonly query?: URLSearchParams
}

/** `none`: no credential of this sort was given; `invalid`: one was, and it is wrong. */
export type Answer = UserInfo | 'none' | 'invalid'

export interface Authenticator {
  readonly name: string
  /** A promise only where there is something to wait for. */
  authenticate(ctx: Ctx, credentials: Credentials): Answer | Promise<Answer>
}

/** Recognises bearer tokens of one sort. */
export interface TokenAuthenticator {
  readonly name: string
  /**
   * Undefined for a token that is not of this sort, or not valid. @param audiences at least one of them must be meant by the token.
   * @throws Error with a reason that a TokenReview may tell
   */
  authenticateToken(
    ctx: Ctx,
    token: string,
    audiences: readonly string[],
  ): Promise<{ readonly user: UserInfo; readonly audiences: readonly string[] } | undefined>
}

export const AUTHENTICATED = 'system:authenticated'
export const UNAUTHENTICATED = 'system:unauthenticated'
export const ANONYMOUS: UserInfo = { name: 'system:anonymous', groups: [UNAUTHENTICATED] }

/** Who may come without a credential: nobody, anybody, or whoever asks for one of these paths. */
export type Anonymous = boolean | ReadonlySet<string>

/** Who may come without a credential unless the configuration says otherwise: for health, version, and finding the cluster. */
export const PUBLIC_PATHS: ReadonlySet<string> = new Set([
  '/healthz',
  '/livez',
  '/readyz',
  '/version',
  '/version/',
  '/api/v1/namespaces/kube-public/configmaps/cluster-info',
])

/** A user is found, or the anonymous one when nothing was given; undefined is answered with 401. */
export async function authenticate(
  ctx: Ctx,
  authenticators: readonly Authenticator[],
  credentials: Credentials,
  anonymous: Anonymous = true,
): Promise<UserInfo | undefined> {
  let invalid = false
  for (const authenticator of authenticators) {
    const given = authenticator.authenticate(ctx, credentials)
    const answer = given instanceof Promise ? await given : given
    if (answer === 'invalid') invalid = true
    else if (answer !== 'none') return withAuthenticated(answer)
  }
  if (invalid) return undefined
  const welcome = typeof anonymous === 'boolean' ? anonymous : anonymous.has(credentials.path ?? '')
  return welcome ? ANONYMOUS : undefined
}

/** Everyone who was recognised is in `system:authenticated`. */
export function withAuthenticated(user: UserInfo): UserInfo {
  const already = user.groups.includes(AUTHENTICATED) || user.groups.includes(UNAUTHENTICATED)
  return already || user.name === ANONYMOUS.name ? user : { ...user, groups: [...user.groups, AUTHENTICATED] }
}
