// Asks the authoriser whether a request may be made, and words its refusal. The authoriser itself (RBAC, nodes) lives in authz.
import { StatusError } from '../api/meta/errors.ts'
import type { UserInfo } from '../api/wire.ts'
import type { RequestInfo } from './request-info.ts'

/** What is to be decided: the request's attributes and who makes it. */
export interface AccessAttributes extends RequestInfo {
  readonly user: UserInfo
}
export interface Decision {
  readonly allowed: boolean
  /** Why, for reviews and for the refusal. */
  readonly reason: string
}
export type Authorize = (attributes: AccessAttributes) => Decision | Promise<Decision>

/** @throws Forbidden */
export async function requireAccess(authorize: Authorize, user: UserInfo, info: RequestInfo): Promise<void> {
  const { allowed, reason } = await authorize({ ...info, user })
  if (!allowed) throw refused(user, info, reason)
}

/** k8s: clients and users know this sentence. */
export function refused(user: UserInfo, info: RequestInfo, reason: string): StatusError {
  const who = `User ${JSON.stringify(user.name)} cannot ${info.verb}`
  const because = reason ? `: ${reason}` : ''
  if (!info.isResource) {
    return new StatusError(403, 'Forbidden', `forbidden: ${who} path ${JSON.stringify(info.path)}${because}`, {})
  }
  const { group, resource, subresource, namespace, name } = info
  const what = group ? `${resource}.${group}` : resource
  const full = subresource ? `${resource}/${subresource}` : resource
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope'
  return new StatusError(
    403,
    'Forbidden',
    `${what}${name ? ` ${JSON.stringify(name)}` : ''} is forbidden: ${who} resource ${JSON.stringify(full)} in API group ${JSON.stringify(group)} ${where}${because}`,
    { ...(name ? { name } : {}), ...(group ? { group } : {}), kind: resource },
  )
}
