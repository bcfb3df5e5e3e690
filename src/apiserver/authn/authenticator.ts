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
}

export interface Credentials {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly peer?: PeerIdentity | undefined
}

/** `none`: no credential of this sort was given; `invalid`: one was, and it is wrong. */
export type Answer = UserInfo | 'none' | 'invalid'

export interface Authenticator {
  readonly name: string
  authenticate(ctx: Ctx, credentials: Credentials): Promise<Answer>
}

export const AUTHENTICATED = 'system:authenticated'
export const UNAUTHENTICATED = 'system:unauthenticated'
export const ANONYMOUS: UserInfo = { name: 'system:anonymous', groups: [UNAUTHENTICATED] }

/** A user is found, or the anonymous one when nothing was given; undefined is answered with 401. */
export async function authenticate(
  ctx: Ctx,
  authenticators: readonly Authenticator[],
  credentials: Credentials,
): Promise<UserInfo | undefined> {
  let invalid = false
  for (const authenticator of authenticators) {
    const answer = await authenticator.authenticate(ctx, credentials)
    if (answer === 'invalid') invalid = true
    else if (answer !== 'none') return withAuthenticated(answer)
  }
  return invalid ? undefined : ANONYMOUS
}

/** Everyone who was recognised is in `system:authenticated`. */
export function withAuthenticated(user: UserInfo): UserInfo {
  const already = user.groups.includes(AUTHENTICATED) || user.groups.includes(UNAUTHENTICATED)
  return already || user.name === ANONYMOUS.name ? user : { ...user, groups: [...user.groups, AUTHENTICATED] }
}
