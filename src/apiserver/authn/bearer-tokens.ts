// Bearer tokens of every sort, tried in order: the first that recognises a token decides. The same list answers requests and
// TokenReviews.
import type { UserInfo } from '../../api/wire.ts'
import type { Ctx } from '../../base/ctx.ts'
import type { Authenticator, TokenAuthenticator } from './authenticator.ts'

export interface TokenVerdict {
  readonly user?: UserInfo
  readonly audiences?: readonly string[]
  /** Why it was not recognised. */
  readonly problems: readonly string[]
}

export class BearerTokens {
  /** Of this API server: tokens must be meant for one of them. */
  readonly audiences: readonly string[]
  #sorts: readonly TokenAuthenticator[]

  constructor(sorts: readonly TokenAuthenticator[], audiences: readonly string[]) {
    this.#sorts = sorts
    this.audiences = audiences
  }

  /** From the next token on. */
  use(sorts: readonly TokenAuthenticator[]): void {
    this.#sorts = sorts
  }

  async verdict(ctx: Ctx, token: string, audiences: readonly string[] = this.audiences): Promise<TokenVerdict> {
    const problems: string[] = []
    for (const sort of this.#sorts) {
      try {
        const found = await sort.authenticateToken(ctx, token, audiences)
        if (found) return { ...found, problems: [] }
      } catch (err) {
        problems.push((err as Error).message)
      }
    }
    return { problems }
  }

  /** For the list of authenticators of requests. */
  get authenticator(): Authenticator {
    return {
      name: 'bearer-token',
      authenticate: (ctx, { headers }) => {
        const token = bearerToken(headers['authorization'])
        if (token === undefined) return 'none'
        return this.verdict(ctx, token).then(({ user }) => user ?? 'invalid')
      },
    }
  }
}

/** The token of an `Authorization: Bearer …` header; undefined when there is none. */
export function bearerToken(header: string | undefined): string | undefined {
  const [, token] = /^bearer +(.*)$/i.exec(header?.trim() ?? '') ?? []
  return token === undefined || token.trim() === '' ? undefined : token.trim()
}

/** For sorts of tokens that name no audience of their own: they are meant for the API server. */
export function audienceAgnostic(
  name: string,
  implied: readonly string[],
  userOf: (ctx: Ctx, token: string) => Promise<UserInfo | undefined> | UserInfo | undefined,
): TokenAuthenticator {
  return {
    name,
    async authenticateToken(ctx, token, audiences) {
      const shared = audiences.filter((audience) => implied.includes(audience))
      if (shared.length === 0) return undefined
      const user = await userOf(ctx, token)
      return user && { user, audiences: shared }
    },
  }
}
