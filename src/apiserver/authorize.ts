// Refuses requests that their user may not make. The decision itself (masters, nodes, RBAC) is authz's.
import { StatusError } from '../api/meta/errors.ts'
import type { UserInfo } from '../api/wire.ts'
import type { Attributes, Decision } from './authz/attributes.ts'
import type { RequestInfo } from './request-info.ts'

export type Authorize = (user: UserInfo, attributes: Attributes) => Decision

/** @throws Forbidden */
export function requireAccess(authorize: Authorize, user: UserInfo, info: RequestInfo): void {
  const { allowed, reason } = authorize(user, info)
  if (allowed) return
  if (!info.isResource) throw new StatusError(403, 'Forbidden', `forbidden: ${reason}`, {})
  const { group, resource, name } = info
  const what = group ? `${resource}.${group}` : resource
  const which = name ? `${what} ${JSON.stringify(name)}` : what
  const details = { ...(name ? { name } : {}), ...(group ? { group } : {}), kind: resource }
  throw new StatusError(403, 'Forbidden', `${which} is forbidden: ${reason}`, details)
}
