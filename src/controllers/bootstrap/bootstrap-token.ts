// What a bootstrap token's Secret says. Pure.
import type { Secret } from '../../api/kinds/secret.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { parseTime } from '../../api/meta/time.ts'

const TYPE = 'bootstrap.kubernetes.io/token'
export const TOKEN_NAMESPACE = 'kube-system'

export interface BootstrapToken {
  readonly id: string
  readonly secret: string
  /** Whether cluster-info is signed with it. */
  readonly signs: boolean
  /** Milliseconds since the epoch; undefined: it lasts. k8s: a time that can't be read has passed. */
  readonly expiresMs: number | undefined
}

export function bootstrapToken({ metadata, type, data }: DeepReadonly<Secret>): BootstrapToken | undefined {
  const field = (name: string) => Buffer.from(data?.[name] ?? '', 'base64').toString()
  if (type !== TYPE || metadata.namespace !== TOKEN_NAMESPACE) return undefined
  const expiration = field('expiration')
  return {
    id: field('token-id'),
    secret: field('token-secret'),
    signs: field('usage-bootstrap-signing') === 'true' && metadata.name === `bootstrap-token-${field('token-id')}`,
    expiresMs: expiration === '' ? undefined : (parseTime(expiration) ?? 0),
  }
}
