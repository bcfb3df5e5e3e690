// Who really asks, of a user that somebody acts as, or wanted to: for the audit log, which tells both. It is beside the user and not a part of it,
// so that nothing that decides by the user can take one for the other.
import type { UserInfo } from '../../api/wire.ts'

const impersonators = new WeakMap<UserInfo, UserInfo>()

/** @returns `acting` */
export function rememberImpersonator(acting: UserInfo, user: UserInfo): UserInfo {
  if (acting !== user) impersonators.set(acting, user)
  return acting
}

export const impersonatorOf = (user: UserInfo): UserInfo | undefined => impersonators.get(user)

const refused = new WeakMap<Error, UserInfo>()

/** `err` is why the user may not act as somebody else. */
export const rememberRefused = (err: Error, user: UserInfo): void => void refused.set(err, user)

export const refusedUser = (err: unknown): UserInfo | undefined => refused.get(err as Error)
