// Acting as somebody else: `Impersonate-User`, `-Group`, `-Uid` and `-Extra-…`. There are five modes, tried in this order; the first that
// applies and is allowed decides. The constrained ones allow acting as one kind of user for one verb (`impersonate-on:<mode>:<verb>` on
// what is asked for, then `impersonate:<mode>` on whom); the last is the old one, with the verb `impersonate` on each part.
// k8s: modes, resources, groups that are added and messages are the API's.
import { badRequest, forbidden, StatusError } from '../../api/meta/errors.ts'
import { dnsSubdomain } from '../../api/meta/names.ts'
import type { UserInfo } from '../../api/wire.ts'
import { forbiddenAccess } from '../authorize.ts'
import { type Attributes, type Decision, denialSentence } from '../authz/attributes.ts'
import { ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED } from './authenticator.ts'
import { impersonationHeaders, type WantedUser } from './impersonation-headers.ts'
import { groupsOf, parseSubject } from './service-account-claims.ts'

type Authorize = (user: UserInfo, attributes: Attributes) => Decision | Promise<Decision>

export interface ImpersonationRequest {
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Names and values in turns, as they came: tells repeated headers from one with a comma. */
  readonly rawHeaders?: readonly string[] | undefined
  /** What is asked for. */
  readonly attributes: () => Attributes
}

const AUTHENTICATION = 'authentication.k8s.io'
const MASTERS = 'system:masters'
const NODE_PREFIX = 'system:node:'
/** k8s: from so many values on, the right to all of them is looked for first. */
const MANY = 4

type Mode = 'associated-node' | 'arbitrary-node' | 'serviceaccount' | 'user-info' | 'legacy'
const MODES: readonly Mode[] = ['associated-node', 'arbitrary-node', 'serviceaccount', 'user-info', 'legacy']

/** The user to act as: `user` itself when no header asks otherwise. @throws Forbidden, BadRequest */
export async function impersonate(
  user: UserInfo,
  request: ImpersonationRequest,
  authorize: Authorize,
): Promise<UserInfo> {
  const wanted = impersonationHeaders(request.headers, request.rawHeaders)
  if (!wanted) return user
  if (wanted.name === '') throw badRequest(`requested ${described(wanted)} without impersonating a user name`)
  let first: unknown
  for (const mode of MODES) {
    if (!applies(mode, wanted, user)) continue
    try {
      return await inMode(mode, wanted, user, request, authorize)
    } catch (err) {
      if (!(err instanceof StatusError)) throw err
      first ??= err
    }
  }
  throw first
}

/** k8s: nodes and service accounts have fixed groups; only plain users may be given any. */
function applies(mode: Mode, wanted: WantedUser, requestor: UserInfo): boolean {
  const nameOnly = !wanted.uid && wanted.groups.length === 0 && Object.keys(wanted.extra).length === 0
  const node = nodeOf(wanted.name)
  const account = parseSubject(wanted.name)
  switch (mode) {
    case 'associated-node':
      return (
        nameOnly &&
        node !== undefined &&
        parseSubject(requestor.name) !== undefined &&
        requestor.extra?.['authentication.kubernetes.io/node-name']?.join() === node
      )
    case 'arbitrary-node':
      return nameOnly && node !== undefined
    case 'serviceaccount':
      return nameOnly && account !== undefined
    case 'user-info':
      return node === undefined && account === undefined
    case 'legacy':
      return true
  }
}

async function inMode(
  mode: Mode,
  wanted: WantedUser,
  requestor: UserInfo,
  { attributes }: ImpersonationRequest,
  authorize: Authorize,
): Promise<UserInfo> {
  const constrained = mode !== 'legacy'
  const verb = constrained ? `impersonate:${mode}` : 'impersonate'
  const group = constrained ? AUTHENTICATION : ''
  const asking = mode === 'associated-node' ? withoutExtra(requestor) : requestor
  const demand = async (asked: Attributes) => {
    const decision = await authorize(asking, asked)
    if (!decision.allowed) throw forbiddenAccess(decision, asked)
  }
  const allowed = async (asked: Attributes) => (await authorize(asking, asked)).allowed
  const on = (resource: string, name: string, more: Partial<Attributes> = {}): Attributes => {
    const base = { isResource: true, verb, path: '', group, resource, subresource: '', namespace: '', name }
    return { ...base, ...more }
  }
  if (constrained) {
    const asked = attributes()
    await demand({ ...asked, verb: `impersonate-on:${mode}:${asked.verb}` })
  }

  const node = constrained ? nodeOf(wanted.name) : undefined
  const account = parseSubject(wanted.name)
  let groups: readonly string[] = wanted.groups
  if (node !== undefined) {
    await demand(on('nodes', mode === 'associated-node' ? '*' : node))
    groups = ['system:nodes']
  } else if (account) {
    await demand(on('serviceaccounts', account.name, { namespace: account.namespace }))
    if (groups.length === 0) groups = groupsOf(account.namespace)
  } else await demand(on('users', wanted.name))

  if (wanted.uid) await demand(on('uids', wanted.uid, { group: AUTHENTICATION }))

  if (constrained) refuseGroups(requestor, wanted.groups, on('groups', ''))
  const allGroups = constrained && wanted.groups.length >= MANY && (await allowed(on('groups', '*')))
  if (!allGroups) for (const name of wanted.groups) await demand(on('groups', name))

  const extras = Object.entries(wanted.extra)
  const extra = (subresource: string, name: string) => on('userextras', name, { group: AUTHENTICATION, subresource })
  if (constrained) refuseExtra(requestor, extras, extra('', ''))
  const values = extras.flatMap(([key, list]) => list.map((value) => [key, value] as const))
  const many = extras.length >= MANY || values.length >= MANY
  if (!(constrained && many && (await allowed(extra('*', '*'))))) {
    for (const [key, value] of values) await demand(extra(key, value))
  }
  return {
    name: wanted.name,
    ...(wanted.uid ? { uid: wanted.uid } : {}),
    groups: withImplied(wanted.name, groups),
    ...(extras.length > 0 ? { extra: wanted.extra } : {}),
  }
}

/** The node of a node's user name, or undefined. */
function nodeOf(userName: string): string | undefined {
  if (!userName.startsWith(NODE_PREFIX)) return undefined
  const name = userName.slice(NODE_PREFIX.length)
  return dnsSubdomain(name).length === 0 ? name : undefined
}

/** k8s: an answer must hold for the account on any node. */
function withoutExtra(user: UserInfo): UserInfo {
  const keys = Object.keys(user.extra ?? {}).sort()
  return { ...user, extra: { 'authentication.kubernetes.io/associated-node-keys': keys } }
}

function withImplied(name: string, groups: readonly string[]): string[] {
  const add = (group: string) => (groups.includes(group) ? [...groups] : [...groups, group])
  if (name === ANONYMOUS.name) return add(UNAUTHENTICATED)
  return groups.includes(UNAUTHENTICATED) ? [...groups] : add(AUTHENTICATED)
}

function refuseGroups(user: UserInfo, groups: readonly string[], asked: Attributes): void {
  if (groups.includes('')) throw refusal(user, asked, 'impersonating the empty string group is not allowed')
  if (groups.includes(MASTERS))
    throw refusal(user, { ...asked, name: MASTERS }, 'impersonating the system:masters group is not allowed')
}

function refuseExtra(
  user: UserInfo,
  extras: readonly (readonly [string, readonly string[]])[],
  asked: Attributes,
): void {
  for (const [key, values] of extras) {
    const why = extraProblem(key, values)
    if (why) throw refusal(user, asked, why)
  }
}

function extraProblem(key: string, values: readonly string[]): string | undefined {
  if (key === '') return 'impersonating the empty string key in extra is not allowed'
  const [domain = '', ...path] = key.split('/')
  const prefixed = path.join('/') !== '' && dnsSubdomain(domain).length === 0
  if (!prefixed) {
    const why =
      path.length === 0
        ? 'must be a domain-prefixed path (such as "acme.io/foo")'
        : 'is not a valid domain-prefixed path'
    return `impersonating an invalid key in extra is not allowed: extra.key: Invalid value: ${JSON.stringify(key)}: ${why}`
  }
  if (values.includes('')) return 'impersonating the empty string value in extra is not allowed'
  return undefined
}

const refusal = (user: UserInfo, asked: Attributes, why: string) =>
  forbidden({ group: asked.group, resource: asked.resource }, asked.name, denialSentence(user, asked, why))

function described({ uid, groups, extra }: WantedUser): string {
  const list = (values: readonly string[]) => values.map((value) => JSON.stringify(value)).join(', ')
  const pairs = Object.entries(extra).map(([key, values]) => `${JSON.stringify(key)}:[]string{${list(values)}}`)
  const parts = [
    `Name:""`,
    `UID:${JSON.stringify(uid)}`,
    `Groups:${groups.length > 0 ? `[]string{${list(groups)}}` : '[]string(nil)'}`,
    `Extra:map[string][]string${pairs.length > 0 ? `{${pairs.join(', ')}}` : '(nil)'}`,
  ]
  return `&user.DefaultInfo{${parts.join(', ')}}`
}
