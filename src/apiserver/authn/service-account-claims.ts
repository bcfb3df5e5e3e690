// What stands in a service account's token, made and read. Pure: no keys, no store, no clock.
// k8s: claim names, subject and groups are those that every verifier of such tokens knows.
import type { UserInfo } from '../../api/wire.ts'
import type { Claims } from './jwt.ts'

export const DEFAULT_ISSUER = 'https://kubernetes.default.svc.cluster.local'
/** The issuer of tokens that stand in Secrets; they neither expire nor name an audience. */
export const SECRET_ISSUER = 'kubernetes/serviceaccount'

export interface ObjectIdentity {
  readonly name: string
  readonly uid: string
}

export interface TokenSubject {
  readonly namespace: string
  readonly serviceAccount: ObjectIdentity
  readonly pod?: ObjectIdentity | undefined
  /** The node that the pod runs on, or that the token is bound to. */
  readonly node?: ObjectIdentity | undefined
  readonly secret?: ObjectIdentity | undefined
}

export interface VerifiedToken extends TokenSubject {
  readonly id: string | undefined
  readonly audiences: readonly string[]
  /** Seconds since the epoch. */
  readonly notBefore: number
  readonly issuedAt: number
  /** From then on the token should have been replaced: its user is told so. */
  readonly warnAfter: number | undefined
  readonly expires: number
  readonly fromSecret: boolean
}

export const subjectOf = (namespace: string, name: string) => `system:serviceaccount:${namespace}:${name}`

export const groupsOf = (namespace: string): string[] => [
  'system:serviceaccounts',
  `system:serviceaccounts:${namespace}`,
]

/** The parts of `system:serviceaccount:<namespace>:<name>`, or undefined for any other user name. */
export function parseSubject(userName: string): { namespace: string; name: string } | undefined {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(userName) ?? []
  return namespace && name ? { namespace, name } : undefined
}

export function tokenClaims(
  issuer: string,
  subject: TokenSubject,
  audiences: readonly string[],
  id: string,
  issuedAt: number,
  expires: number,
  warnAfter?: number,
): Claims {
  const { namespace, serviceAccount, pod, node, secret } = subject
  return {
    aud: audiences,
    exp: expires,
    iat: issuedAt,
    iss: issuer,
    jti: id,
    'kubernetes.io': { namespace, node, pod, secret, serviceaccount: serviceAccount, warnafter: warnAfter },
    nbf: issuedAt,
    sub: subjectOf(namespace, serviceAccount.name),
  }
}

export function secretTokenClaims(namespace: string, serviceAccount: ObjectIdentity, secretName: string): Claims {
  return {
    iss: SECRET_ISSUER,
    'kubernetes.io/serviceaccount/namespace': namespace,
    'kubernetes.io/serviceaccount/secret.name': secretName,
    'kubernetes.io/serviceaccount/service-account.name': serviceAccount.name,
    'kubernetes.io/serviceaccount/service-account.uid': serviceAccount.uid,
    sub: subjectOf(namespace, serviceAccount.name),
  }
}

/** Reads claims whose signature was verified; undefined when they are not a service account's of these issuers. */
export function parseClaims(claims: Claims, issuers: readonly string[]): VerifiedToken | undefined {
  if (claims['iss'] === SECRET_ISSUER) return parseSecretClaims(claims)
  if (!issuers.includes(claims['iss'] as string)) return undefined
  const own = record(claims['kubernetes.io'])
  const namespace = text(own?.['namespace'])
  const serviceAccount = identity(own?.['serviceaccount'])
  const { exp, nbf, iat, aud, jti } = claims
  const warnAfter = own?.['warnafter']
  if (!namespace || !serviceAccount || typeof exp !== 'number') return undefined
  if (claims['sub'] !== subjectOf(namespace, serviceAccount.name)) return undefined
  return {
    namespace,
    serviceAccount,
    pod: identity(own?.['pod']),
    node: identity(own?.['node']),
    secret: identity(own?.['secret']),
    id: text(jti),
    audiences: [aud].flat().filter((audience) => typeof audience === 'string'),
    notBefore: typeof nbf === 'number' ? nbf : 0,
    issuedAt: typeof iat === 'number' ? iat : 0,
    warnAfter: typeof warnAfter === 'number' ? warnAfter : undefined,
    expires: exp,
    fromSecret: false,
  }
}

function parseSecretClaims(claims: Claims): VerifiedToken | undefined {
  const of = (name: string) => text(claims[`kubernetes.io/serviceaccount/${name}`])
  const [namespace, secret, name, uid] = [
    of('namespace'),
    of('secret.name'),
    of('service-account.name'),
    of('service-account.uid'),
  ]
  if (!namespace || !secret || !name || !uid || claims['sub'] !== subjectOf(namespace, name)) return undefined
  return {
    namespace,
    serviceAccount: { name, uid },
    secret: { name: secret, uid: '' },
    id: undefined,
    audiences: [],
    notBefore: 0,
    issuedAt: 0,
    warnAfter: undefined,
    expires: Number.POSITIVE_INFINITY,
    fromSecret: true,
  }
}

export function userOf({ namespace, serviceAccount, pod, node, id }: VerifiedToken): UserInfo {
  const extra: Record<string, string[]> = {}
  if (id) extra['authentication.kubernetes.io/credential-id'] = [`JTI=${id}`]
  if (node) extra['authentication.kubernetes.io/node-name'] = [node.name]
  if (node?.uid) extra['authentication.kubernetes.io/node-uid'] = [node.uid]
  if (pod) extra['authentication.kubernetes.io/pod-name'] = [pod.name]
  if (pod) extra['authentication.kubernetes.io/pod-uid'] = [pod.uid]
  return {
    name: subjectOf(namespace, serviceAccount.name),
    uid: serviceAccount.uid,
    groups: groupsOf(namespace),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  }
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)
const record = (value: unknown) =>
  value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : undefined

function identity(value: unknown): ObjectIdentity | undefined {
  const { name, uid } = record(value) ?? {}
  return text(name) && typeof uid === 'string' ? { name: name as string, uid } : undefined
}
