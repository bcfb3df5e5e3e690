// Acting as somebody else: `Impersonate-User`, `-Group`, `-Uid` and `-Extra-…`. Each part must be allowed to the one who asks, with the
// verb `impersonate`. k8s: the resources checked, the groups added and the messages are the API's.
import { badRequest, forbidden } from '../../api/meta/errors.ts'
import type { UserInfo } from '../../api/wire.ts'
import type { Attributes, Decision } from '../authz/attributes.ts'
import { ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED } from './authenticator.ts'
import { groupsOf, parseSubject } from './service-account-claims.ts'

type Headers = Readonly<Record<string, string | undefined>>
const EXTRA = 'impersonate-extra-'

/** The headers must not reach anything behind the API server (proxied services). */
export const IMPERSONATION_HEADERS = /^impersonate-/

interface Target {
  readonly group: string
  readonly resource: string
  readonly subresource?: string
  readonly namespace?: string
  readonly name: string
}

/** The user to act as: `user` itself when no header asks otherwise. @throws Forbidden, BadRequest */
export function impersonate(
  user: UserInfo,
  headers: Headers,
  authorize: (user: UserInfo, attributes: Attributes) => Decision,
): UserInfo {
  const name = headers['impersonate-user'] ?? ''
  const uid = headers['impersonate-uid'] ?? ''
  const asked = listOf(headers['impersonate-group'])
  const extra = extraOf(headers)
  if (name === '') {
    if (uid === '' && asked.length === 0 && Object.keys(extra).length === 0) return user
    throw badRequest('requested impersonation of a group, uid or extra value without impersonating a user')
  }
  const account = parseSubject(name)
  const targets: Target[] = [
    account
      ? { group: '', resource: 'serviceaccounts', namespace: account.namespace, name: account.name }
      : { group: '', resource: 'users', name },
    ...asked.map((group) => ({ group: '', resource: 'groups', name: group })),
    ...(uid ? [{ group: 'authentication.k8s.io', resource: 'uids', name: uid }] : []),
    ...Object.entries(extra).flatMap(([subresource, values]) =>
      values.map((value) => ({ group: 'authentication.k8s.io', resource: 'userextras', subresource, name: value })),
    ),
  ]
  for (const target of targets) {
    const attributes = { isResource: true, verb: 'impersonate', path: '', subresource: '', namespace: '', ...target }
    const decision = authorize(user, attributes)
    if (!decision.allowed) {
      const resource = target.subresource ? `${target.resource}/${target.subresource}` : target.resource
      throw forbidden({ group: target.group, resource }, target.name, decision.reason)
    }
  }
  const groups = asked.length === 0 && account ? groupsOf(account.namespace) : asked
  return {
    name,
    ...(uid ? { uid } : {}),
    groups: withImplied(name, groups),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  }
}

function withImplied(name: string, groups: string[]): string[] {
  const implied = name === ANONYMOUS.name ? UNAUTHENTICATED : AUTHENTICATED
  return groups.includes(AUTHENTICATED) || groups.includes(UNAUTHENTICATED) ? groups : [...groups, implied]
}

/** Node joins repeated headers with a comma. */
const listOf = (header: string | undefined): string[] =>
  (header ?? '')
    .split(',')
    .map((value) => value.trim())
    .filter((value) => value !== '')

function extraOf(headers: Headers): Record<string, string[]> {
  const found = Object.entries(headers).filter(([header, value]) => header.startsWith(EXTRA) && value !== undefined)
  return Object.fromEntries(found.map(([header, value]) => [unescaped(header.slice(EXTRA.length)), listOf(value)]))
}

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    return key
  }
}
