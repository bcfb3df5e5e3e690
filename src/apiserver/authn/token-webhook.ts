// Asks a web service whose token it is, by TokenReview. Answers are remembered for a while, by the token's digest; nobody makes this server
// ask twice at once about the same one. k8s: kube-apiserver's token webhook, v1 and v1beta1.
import { createHash } from 'node:crypto'
import type { TokenReviewStatus } from '../../api/types/authentication.v1.ts'
import type { UserInfo } from '../../api/wire.ts'
import type { Clock } from '../../base/clock.ts'
import { persistently, type SendReview } from '../webhooks/persistently.ts'
import type { TokenAuthenticator } from './authenticator.ts'

export interface TokenWebhookSettings {
  readonly version: 'v1' | 'v1beta1'
  /** How long an answer holds. */
  readonly ttlMs: number
}

type Found = Awaited<ReturnType<TokenAuthenticator['authenticateToken']>>

const MAX_REMEMBERED = 4096

/** @param implied the audiences of a token about which the service says none */
export function tokenWebhook(
  { version, ttlMs }: TokenWebhookSettings,
  send: SendReview,
  clock: Clock,
  implied: readonly string[],
): TokenAuthenticator {
  const remembered = new Map<string, { readonly answer: Promise<Found>; readonly untilMs: number }>()

  async function ask(token: string, audiences: readonly string[]): Promise<Found> {
    const spec = { token, ...(audiences.length > 0 ? { audiences } : {}) }
    const review = { apiVersion: `authentication.k8s.io/${version}`, kind: 'TokenReview', metadata: {}, spec }
    const answer = (await persistently(clock, () => send(review))) as { status?: TokenReviewStatus } | null
    const { authenticated, error, user, audiences: told = [] } = answer?.status ?? {}
    const shared = audiences.filter((audience) => (told.length > 0 ? told : implied).includes(audience))
    if (audiences.length > 0 && shared.length === 0) return undefined
    if (authenticated) return { user: userOf(user), audiences: shared }
    if (error) throw new Error(error)
    return undefined
  }

  return {
    name: 'webhook',
    authenticateToken(_ctx, token, audiences) {
      const key = createHash('sha256')
        .update(JSON.stringify([token, audiences]))
        .digest('base64')
      const known = remembered.get(key)
      if (known && known.untilMs > clock.now()) return known.answer
      if (remembered.size >= MAX_REMEMBERED) remembered.delete(remembered.keys().next().value!)
      const answer = ask(token, audiences)
      remembered.set(key, { answer, untilMs: clock.now() + ttlMs })
      // A service that can't be asked is asked again for the next request.
      answer.catch(() => remembered.delete(key))
      return answer
    },
  }
}

const userOf = ({ username = '', uid, groups = [], extra }: NonNullable<TokenReviewStatus['user']> = {}): UserInfo => ({
  name: username,
  groups,
  ...(uid ? { uid } : {}),
  ...(extra ? { extra } : {}),
})
