// Who really asks, of a user that somebody acts as: for the audit log, which tells both. It is beside the user and not a part of it,
// so that nothing that decides by the user can take one for the other.
import type { UserInfo } from '../../api/wire.ts'

const impersonators = new WeakMap<UserInfo, UserInfo>()

/** @returns `acting` */
export function rememberImpersonator(acting: UserInfo, user: UserInfo): UserInfo {
  if (acting !== user) impersonators.set(acting, user)
  return acting
}

export const impersonatorOf = (user: UserInfo): UserInfo | undefined => impersonators.get(user)
