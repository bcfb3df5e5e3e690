// Tokens of OIDC issuers that the configuration names. A token of another issuer is none of ours and left to others; one of ours is
// verified by the issuer's keys, and its claims become a user by the configured mappings. k8s: order of checks and messages.
import type { UserInfo } from '../../api/wire.ts'
import type { Clock } from '../../base/clock.ts'
import type { Expression } from '../expression.ts'
import type { TokenAuthenticator } from './authenticator.ts'
import { audienceAgnostic } from './bearer-tokens.ts'
import { type Claims, type ParsedToken, parseToken, SIGNING_ALGORITHMS } from './jwt.ts'
import { type IssuerAddress, OidcKeys } from './oidc-keys.ts'

/** From a claim with a prefix before it, or from an expression over `claims`. */
export type Mapping =
  | { readonly claim: string; readonly prefix: string }
  | { readonly expression: Expression; readonly source: string }

export interface ClaimRule {
  readonly claim?: string
  readonly requiredValue?: string
  readonly expression?: Expression
  readonly source?: string
  readonly message?: string
}

export interface JwtIssuer extends IssuerAddress {
  readonly audiences: readonly string[]
  readonly username: Mapping
  readonly groups?: Mapping | undefined
  readonly uid?: Mapping | undefined
  readonly extra: readonly { readonly key: string; readonly expression: Expression }[]
  readonly claimRules: readonly ClaimRule[]
  /** Over `user`. */
  readonly userRules: readonly { readonly expression: Expression; readonly source: string; readonly message: string }[]
}

/** k8s: clocks of issuers may be ahead by this much; an expired token has expired. */
const NOT_BEFORE_LEEWAY_S = 300

export function oidcAuthenticator(
  issuer: JwtIssuer,
  clock: Clock,
  apiAudiences: readonly string[],
): TokenAuthenticator {
  const keys = new OidcKeys(issuer, clock)
  return audienceAgnostic(`oidc:${issuer.url}`, apiAudiences, async (_ctx, token) => {
    const parsed = parseToken(token)
    if (parsed?.claims['iss'] !== issuer.url) return undefined
    await verify(issuer, keys, parsed, clock.now() / 1000)
    return userFrom(issuer, parsed.claims)
  })
}

async function verify({ audiences }: JwtIssuer, keys: OidcKeys, token: ParsedToken, nowS: number): Promise<void> {
  const fail = (why: string) => new Error(`oidc: verify token: ${why}`)
  const { algorithm, claims } = token
  if (!SIGNING_ALGORITHMS.includes(algorithm)) {
    throw fail(
      `oidc: id token signed with unsupported algorithm, expected ${JSON.stringify(SIGNING_ALGORITHMS)} got ${JSON.stringify(algorithm)}`,
    )
  }
  const { exp, nbf, aud } = claims
  if (typeof exp !== 'number' || exp < nowS) throw fail('oidc: token is expired')
  if (typeof nbf === 'number' && nowS + NOT_BEFORE_LEEWAY_S < nbf) {
    throw fail('oidc: current time is before the nbf (not before) time of the token')
  }
  if (!(await keys.signed(token))) throw fail('failed to verify signature: failed to verify id token signature')
  const meant = [aud].flat().filter((audience) => typeof audience === 'string')
  if (!meant.some((audience) => audiences.includes(audience))) {
    const list = (values: readonly string[]) => `[${values.map((value) => JSON.stringify(value)).join(' ')}]`
    throw fail(`oidc: expected audience in ${list([...audiences].sort())} got ${list(meant)}`)
  }
}

/** @throws Error when a claim is missing, has the wrong type, or a rule refuses. */
export function userFrom(issuer: JwtIssuer, claims: Claims): UserInfo {
  const { username, groups, uid, extra, claimRules, userRules } = issuer
  const name = usernameFrom(username, claims)
  const user: UserInfo = { name, groups: groups ? groupsFrom(groups, claims) : [] }
  const id = uid && textFrom(uid, claims, 'uid')
  if (id) user.uid = id
  const extras = extra.flatMap(({ key, expression }) => {
    const values = listOf(evaluated(expression, { claims }, 'extra claim'))
    if (!values)
      throw new Error(
        'oidc: error evaluating extra claim expression: extra value must be a string or a list of strings',
      )
    const filled = values.filter((value) => value !== '')
    return filled.length > 0 ? [[key, filled] as const] : []
  })
  if (extras.length > 0) user.extra = Object.fromEntries(extras)
  for (const { claim, requiredValue = '' } of claimRules) {
    if (!claim) continue
    if (!Object.hasOwn(claims, claim)) throw new Error(`oidc: required claim ${claim} not present in ID token`)
    if (claims[claim] !== requiredValue) {
      throw new Error(
        `oidc: required claim ${claim} value does not match. Got = ${String(claims[claim])}, want = ${requiredValue}`,
      )
    }
  }
  for (const { expression, source, message } of claimRules) {
    if (expression) demand(expression, { claims }, 'claim validation', source ?? '', message ?? '')
  }
  const shown = { username: user.name, uid: user.uid ?? '', groups: user.groups, extra: user.extra ?? {} }
  for (const { expression, source, message } of userRules) {
    demand(expression, { user: shown }, 'user info validation rule', source, message)
  }
  return user
}

function usernameFrom(mapping: Mapping, claims: Claims): string {
  if ('expression' in mapping) {
    const value = evaluated(mapping.expression, { claims }, 'username claim')
    if (typeof value !== 'string') {
      throw new Error(
        'oidc: error evaluating username claim expression: username claim expression must return a string',
      )
    }
    if (value === '') throw new Error('oidc: empty username via CEL expression is not allowed')
    return value
  }
  const { claim, prefix } = mapping
  const value = claims[claim]
  if (typeof value !== 'string')
    throw new Error(`oidc: parse username claims ${JSON.stringify(claim)}: claim not present`)
  if (claim === 'email' && Object.hasOwn(claims, 'email_verified') && claims['email_verified'] !== true) {
    throw new Error('oidc: email not verified')
  }
  return prefix + value
}

function groupsFrom(mapping: Mapping, claims: Claims): string[] {
  if ('expression' in mapping) {
    const values = listOf(evaluated(mapping.expression, { claims }, 'group claim'))
    if (!values) {
      throw new Error(
        'oidc: error evaluating group claim expression: expression must return a string or a list of strings',
      )
    }
    return values.filter((value) => value !== '')
  }
  const { claim, prefix } = mapping
  if (!Object.hasOwn(claims, claim)) return []
  const values = listOf(claims[claim])
  if (!values) throw new Error(`oidc: parse groups claim ${JSON.stringify(claim)}: not a string or a list of strings`)
  return values.map((value) => prefix + value)
}

function textFrom(mapping: Mapping, claims: Claims, what: string): string {
  const value =
    'expression' in mapping ? evaluated(mapping.expression, { claims }, `${what} claim`) : claims[mapping.claim]
  if (typeof value === 'string') return value
  if ('expression' in mapping) {
    throw new Error(`oidc: error evaluating ${what} claim expression: ${what} claim expression must return a string`)
  }
  throw new Error(`oidc: parse ${what} claim ${JSON.stringify(mapping.claim)}: claim not present`)
}

function evaluated(expression: Expression, bindings: Readonly<Record<string, unknown>>, what: string): unknown {
  try {
    return expression.evaluate(bindings)
  } catch (err) {
    throw new Error(`oidc: error evaluating ${what} expression: ${(err as Error).message}`)
  }
}

function demand(
  expression: Expression,
  bindings: Readonly<Record<string, unknown>>,
  what: string,
  source: string,
  message: string,
): void {
  if (evaluated(expression, bindings, what) === true) return
  const why = message || `validation expression '${source}' failed`
  throw new Error(`oidc: error evaluating ${what}${what.endsWith('rule') ? '' : ' expression'}: ${why}`)
}

function listOf(value: unknown): string[] | undefined {
  if (typeof value === 'string') return [value]
  if (value === null || value === undefined) return []
  const list = Array.isArray(value) ? value : undefined
  return list?.every((one) => typeof one === 'string') ? (list as string[]) : undefined
}
