// Service account tokens bound to a pod, by the TokenRequest subresource. A token is renewed after 80 % of its lifetime or a day.
import type { Kind } from '../../api/kinds/kind.ts'
import type { Pod } from '../../api/kinds/pod.ts'
import { ServiceAccount } from '../../api/kinds/service-account.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { Clock } from '../../base/clock.ts'
import type { Ctx } from '../../base/ctx.ts'
import type { Client } from '../../client/client.ts'

const RENEW_SHARE = 0.8
const LONGEST_USE_MS = 24 * 3_600_000

export interface PodToken {
  token: string
  /** Ask for another one from then on. */
  refreshAtMs: number
}
interface TokenRequestStatus {
  status?: { token?: string; expirationTimestamp?: string }
}

export class ServiceAccountTokens {
  readonly #client: Client
  readonly #clock: Clock
  readonly #tokensByPod = new Map<string, Map<string, PodToken>>()

  constructor(client: Client, clock: Clock) {
    this.#client = client
    this.#clock = clock
  }

  /** @param audience undefined for the API server's own. */
  async get(
    ctx: Ctx,
    pod: DeepReadonly<Pod>,
    audience: string | undefined,
    expirationSeconds: number,
  ): Promise<PodToken> {
    const name = pod.spec?.serviceAccountName || 'default'
    const tokens = this.#tokensByPod.get(pod.metadata.uid) ?? new Map<string, PodToken>()
    this.#tokensByPod.set(pod.metadata.uid, tokens)
    const key = JSON.stringify([name, audience, expirationSeconds])
    const known = tokens.get(key)
    const nowMs = this.#clock.now()
    if (known && known.refreshAtMs > nowMs) return known
    const body = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: { name, namespace: pod.metadata.namespace },
      spec: {
        audiences: audience ? [audience] : [],
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid: pod.metadata.uid },
      },
    }
    const target = { name, namespace: pod.metadata.namespace ?? '' }
    const kind = ServiceAccount as unknown as Kind<never>
    const answer = await this.#client
      .createSubresource<TokenRequestStatus>(ctx, kind, target, 'token', body)
      .catch((err) => {
        ctx.signal.throwIfAborted()
        throw new Error(`failed to fetch token: ${err instanceof Error ? err.message : String(err)}`, { cause: err })
      })
    const { token, expirationTimestamp } = answer.status ?? {}
    if (!token) throw new Error(`the API gave no token for service account ${target.namespace}/${name}`)
    const lifetimeMs =
      (expirationTimestamp ? Date.parse(expirationTimestamp) : nowMs + expirationSeconds * 1000) - nowMs
    const fresh = { token, refreshAtMs: nowMs + Math.min(lifetimeMs * RENEW_SHARE, LONGEST_USE_MS) }
    tokens.set(key, fresh)
    return fresh
  }

  forget(podUid: string): void {
    this.#tokensByPod.delete(podUid)
  }
}
