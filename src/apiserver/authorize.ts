// Refuses requests that their user may not make. The decision itself (masters, nodes, RBAC) is authz's.
import { StatusError } from '../api/meta/errors.ts'
import type { UserInfo } from '../api/wire.ts'
import type { Attributes, Decision } from './authz/attributes.ts'
import type { RequestInfo } from './request-info.ts'

/** A promise only where a webhook has to be asked: whoever is in a hurry looks. */
export type Authorize = (user: UserInfo, attributes: Attributes) => Decision | Promise<Decision>

/** Nothing when the user may, at once where that can be said at once. @throws Forbidden, also by the promise */
export function requireAccess(authorize: Authorize, user: UserInfo, info: RequestInfo): Promise<void> | undefined {
  const decision = authorize(user, info)
  if (decision instanceof Promise) return decision.then((answer) => refuseUnlessAllowed(answer, info))
  refuseUnlessAllowed(decision, info)
  return undefined
}

function refuseUnlessAllowed(decision: Decision, info: RequestInfo): void {
  if (!decision.allowed) throw forbiddenAccess(decision, info)
}

/** The refusal as clients are told it. */
export function forbiddenAccess({ reason }: Decision, asked: Attributes): StatusError {
  if (!asked.isResource) return new StatusError(403, 'Forbidden', `forbidden: ${reason}`, {})
  const { group, resource, name } = asked
  const what = group ? `${resource}.${group}` : resource
  const which = name ? `${what} ${JSON.stringify(name)}` : what
  const details = { ...(name ? { name } : {}), ...(group ? { group } : {}), kind: resource }
  return new StatusError(403, 'Forbidden', `${which} is forbidden: ${reason}`, details)
}
