// Bootstrap tokens, `<id>.<secret>`: what a joining node knows before it has a certificate. Each is a Secret in kube-system. The rules of
// what such a Secret means are pure and shared with nobody's store; k8s: names, groups and usages are the API's.
import { createHash, timingSafeEqual } from 'node:crypto'
import { Secret } from '../../api/kinds/secret.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { parseTime } from '../../api/meta/time.ts'
import type { UserInfo } from '../../api/wire.ts'
import type { Clock } from '../../base/clock.ts'
import { keyOf } from '../storage/keys.ts'
import type { Store } from '../storage/store.ts'
import type { TokenAuthenticator } from './authenticator.ts'
import { audienceAgnostic } from './bearer-tokens.ts'

const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/
const TYPE = 'bootstrap.kubernetes.io/token'
const GROUP = 'system:bootstrappers'
const EXTRA_GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/

export function bootstrapTokenAuthenticator(
  store: Store,
  clock: Clock,
  audiences: readonly string[],
): TokenAuthenticator {
  return audienceAgnostic('bootstrap-token', audiences, async (_ctx, token) => {
    const [, id, secret] = TOKEN.exec(token) ?? []
    if (!id || !secret) return undefined
    const entry = await store.get(keyOf(Secret, 'kube-system', `bootstrap-token-${id}`))
    return entry && bootstrapUser(entry.object as DeepReadonly<Secret>, id, secret, clock.now())
  })
}

/** The user that the token makes of whoever has it; undefined when the Secret does not vouch for it. */
export function bootstrapUser(
  { metadata, type, data }: DeepReadonly<Secret>,
  id: string,
  secret: string,
  nowMs: number,
): UserInfo | undefined {
  const field = (name: string) => Buffer.from(data?.[name] ?? '', 'base64').toString()
  if (metadata.deletionTimestamp || type !== TYPE) return undefined
  if (!sameText(field('token-secret'), secret) || field('token-id') !== id) return undefined
  const expiration = field('expiration')
  // k8s: a time that can't be read has passed.
  if (expiration !== '' && (parseTime(expiration) ?? 0) <= nowMs) return undefined
  if (field('usage-bootstrap-authentication') !== 'true') return undefined
  const extra = field('auth-extra-groups')
  const groups = [...new Set(extra === '' ? [] : extra.split(',').map((group) => group.trim()))]
  if (!groups.every((group) => EXTRA_GROUP.test(group))) return undefined
  return { name: `system:bootstrap:${id}`, groups: [GROUP, ...groups.sort()] }
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [a, b].map((value) => createHash('sha256').update(value).digest())
  return timingSafeEqual(left!, right!)
}
