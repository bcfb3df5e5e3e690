// The actions around tokens: `serviceaccounts/token` (TokenRequest) issues one, TokenReview says whose one is.
import { Node } from '../../api/kinds/node.ts'
import { Pod } from '../../api/kinds/pod.ts'
import { Secret } from '../../api/kinds/secret.ts'
import { ServiceAccount } from '../../api/kinds/service-account.ts'
import { badRequest, conflict, type FieldError, invalid, invalidObject, notFound } from '../../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import { formatTime } from '../../api/meta/time.ts'
import type {
  BoundObjectReference,
  TokenRequest,
  TokenReviewSpec,
  TokenReviewStatus,
} from '../../api/types/authentication.v1.ts'
import type { Ctx } from '../../base/ctx.ts'
import { keyOf, type Located } from '../storage/keys.ts'
import type { Store } from '../storage/store.ts'
import { withAuthenticated } from './authenticator.ts'
import type { BearerTokens } from './bearer-tokens.ts'
import type { ObjectIdentity, TokenSubject } from './service-account-claims.ts'
import type { ServiceAccountTokens } from './service-account-tokens.ts'

const DEFAULT_SECONDS = 3600
const MIN_SECONDS = 600
const MAX_SECONDS = 2 ** 32
/** k8s: what pods' tokens ask for; such tokens last a year, and their use after this long is noted. */
const EXTENDED_FROM_SECONDS = 3607
const EXTENDED_TO_SECONDS = 365 * 24 * 3600
const GROUP_KIND = { group: 'authentication.k8s.io', kind: 'TokenRequest' }

/**
 * Answers a TokenRequest for the account. @throws NotFound (account, bound object), Invalid (lifetime, another's name), BadRequest and
 * Conflict (a bound object that doesn't fit).
 */
export async function requestToken(
  store: Store,
  tokens: ServiceAccountTokens,
  namespace: string,
  name: string,
  request: DeepReadonly<TokenRequest>,
): Promise<TokenRequest> {
  const { metadata } = request
  checkOwn('name', metadata?.name, name, name)
  checkOwn('namespace', metadata?.namespace, namespace, name)
  const account = await find(store, ServiceAccount, namespace, name)
  if (!account) throw notFound({ group: '', resource: 'serviceaccounts' }, name)
  if (metadata?.uid && metadata.uid !== account.metadata.uid) {
    const why = `the UID in the token request (${metadata.uid}) does not match the UID of the service account in record (${account.metadata.uid}). The object might have been deleted and then recreated`
    throw conflict({ group: GROUP_KIND.group, resource: 'tokenrequests' }, name, why)
  }
  const { audiences = [], expirationSeconds = DEFAULT_SECONDS, boundObjectRef } = request.spec ?? {}
  const errors = validateLifetime(expirationSeconds)
  if (errors.length > 0) throw invalidObject(GROUP_KIND, '', errors)
  const bound = boundObjectRef ? await bind(store, namespace, name, boundObjectRef) : {}
  const subject: TokenSubject = { namespace, serviceAccount: identityOf(account), ...bound }
  const meant = audiences.length > 0 ? [...audiences] : [...tokens.audiences]
  const extended =
    bound.pod !== undefined &&
    expirationSeconds === EXTENDED_FROM_SECONDS &&
    meant.every((audience) => tokens.audiences.includes(audience))
  const { token, expiresMs } = extended
    ? tokens.issue(subject, meant, EXTENDED_TO_SECONDS, expirationSeconds)
    : tokens.issue(subject, meant, expirationSeconds)
  const issuedMs = expiresMs - (extended ? EXTENDED_TO_SECONDS : expirationSeconds) * 1000
  return {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: { ...metadata, name, namespace, creationTimestamp: formatTime(issuedMs) } as TokenRequest['metadata'],
    spec: { audiences: meant, expirationSeconds, ...(boundObjectRef ? { boundObjectRef } : {}) },
    status: { token, expirationTimestamp: formatTime(issuedMs + expirationSeconds * 1000) },
  }
}

/** What the body may say about itself, if anything: what the path says. */
function checkOwn(field: 'name' | 'namespace', said: string | undefined, expected: string, name: string): void {
  if (!said || said === expected) return
  const error = invalid(`metadata.${field}`, said, `must match the service account ${field} if specified`)
  throw invalidObject(GROUP_KIND, name, [error])
}

export async function reviewToken(
  ctx: Ctx,
  tokens: BearerTokens,
  spec: DeepReadonly<TokenReviewSpec>,
): Promise<TokenReviewStatus> {
  if (!spec.token) throw badRequest('token is required for TokenReview in authentication')
  const asked = spec.audiences?.length ? spec.audiences : undefined
  const { user, audiences = [], problems } = await tokens.verdict(ctx, spec.token, asked)
  if (!user) {
    const all = ['invalid bearer token', ...problems]
    return { user: {}, error: all.length === 1 ? all[0]! : `[${all.join(', ')}]` }
  }
  const { name, uid, groups, extra } = withAuthenticated(user)
  return {
    authenticated: true,
    user: { username: name, ...(uid ? { uid } : {}), groups: [...groups], ...(extra ? { extra: copyOf(extra) } : {}) },
    audiences: [...audiences],
  }
}

function validateLifetime(seconds: number): FieldError[] {
  const field = 'spec.expirationSeconds'
  if (seconds < MIN_SECONDS) return [invalid(field, seconds, 'may not specify a duration less than 10 minutes')]
  if (seconds > MAX_SECONDS) return [invalid(field, seconds, 'may not specify a duration larger than 2^32 seconds')]
  return []
}

async function bind(
  store: Store,
  namespace: string,
  account: string,
  ref: DeepReadonly<BoundObjectReference>,
): Promise<Partial<TokenSubject>> {
  const { kind = '', apiVersion = '', name = '', uid } = ref
  const known = apiVersion === 'v1' ? { Pod, Secret, Node }[kind] : undefined
  if (!known)
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(account)} to object of type "${apiVersion}, Kind=${kind}"`,
    )
  const object = await find(store, known, known === Node ? undefined : namespace, name)
  const ref_ = { group: '', resource: known.plural }
  if (!object) throw notFound(ref_, name)
  if (uid && uid !== object.metadata.uid) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`
    throw conflict(ref_, name, why)
  }
  const bound = identityOf(object)
  if (known === Node) return { node: bound }
  if (known === Secret) return { secret: bound }
  const { serviceAccountName, nodeName } = (object as Pod).spec ?? {}
  if (serviceAccountName !== account) {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`,
    )
  }
  if (!nodeName) return { pod: bound }
  const node = await find(store, Node, undefined, nodeName)
  return { pod: bound, node: node ? identityOf(node) : { name: nodeName, uid: '' } }
}

async function find(store: Store, kind: Located, namespace: string | undefined, name: string) {
  return (await store.get(keyOf(kind, namespace, name)))?.object
}

const identityOf = ({ metadata }: KubeObject): ObjectIdentity => ({ name: metadata.name!, uid: metadata.uid! })

const copyOf = (extra: Readonly<Record<string, readonly string[]>>): Record<string, string[]> =>
  Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]]))
