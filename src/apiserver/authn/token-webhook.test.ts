import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/log.ts'
import { type Json, testApi } from '../test-api.ts'
import { BearerTokens } from './bearer-tokens.ts'
import { tokenWebhook } from './token-webhook.ts'

describe('the token webhook', () => {
  const ctx = { signal: new AbortController().signal, log: silentLogger }
  function setUp(status: (token: string) => object) {
    const clock = new FakeClock()
    const asked: Json[] = []
    const send = async (review: Json) => {
      asked.push(review)
      return { ...review, status: status(review.spec.token) }
    }
    const webhook = tokenWebhook({ version: 'v1', ttlMs: 120_000 }, send, clock, ['api'])
    const bearer = new BearerTokens([webhook], ['api'])
    return { clock, asked, verdict: (token: string, audiences?: string[]) => bearer.verdict(ctx, token, audiences) }
  }
  const jane = { username: 'jane', uid: '7', groups: ['dev'], extra: { a: ['b'] } }

  it('is told the token and for whom, and says who it is', async () => {
    const { asked, verdict } = setUp(() => ({ authenticated: true, user: jane }))
    assert.deepEqual(await verdict('t'), {
      user: { name: 'jane', uid: '7', groups: ['dev'], extra: { a: ['b'] } },
      audiences: ['api'],
      problems: [],
    })
    assert.deepEqual(asked[0], {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      metadata: {},
      spec: { token: 't', audiences: ['api'] },
    })
    assert.equal((await verdict('t', ['vault'])).user, undefined, 'a service that names no audience means the API')
  })

  it('is believed for the audiences that it names', async () => {
    const { verdict } = setUp(() => ({ authenticated: true, user: jane, audiences: ['vault'] }))
    assert.equal((await verdict('t')).user, undefined)
    assert.deepEqual((await verdict('t', ['api', 'vault'])).audiences, ['vault'])
  })

  it('is asked once for a while; what went wrong is asked again and told in reviews', async () => {
    let working = true
    const { clock, asked, verdict } = setUp((token) => {
      if (!working) throw new Error('no route to host')
      return token === 'good' ? { authenticated: true, user: jane } : { authenticated: false, error: 'expired' }
    })
    await Promise.all([verdict('good'), verdict('good')])
    await verdict('good')
    assert.equal(asked.length, 1)
    assert.deepEqual((await verdict('bad')).problems, ['expired'])
    working = false
    assert.equal((await verdict('good')).user?.name, 'jane', 'remembered')
    await clock.advance(120_001)
    assert.deepEqual((await verdict('good')).problems, ['no route to host'])
    working = true
    assert.equal((await verdict('good')).user?.name, 'jane')
  })
})

describe('a configuration that changes', () => {
  it('holds for the next request', async () => {
    const api = await testApi()
    const review = async (token: string) => {
      const spec = { token }
      const answer = await api.post('/apis/authentication.k8s.io/v1/tokenreviews', { spec })
      return answer.body.status.authenticated === true
    }
    const send = async () => ({ status: { authenticated: true, user: { username: 'jane' } } })
    const settings = { version: 'v1', ttlMs: 1000 } as const
    assert.equal(await review('t'), false)
    api.server.useAccess({
      authentication: { tokenAuthenticators: (audiences) => [tokenWebhook(settings, send, api.clock, audiences)] },
      authorization: ['AlwaysDeny'],
    })
    assert.equal(await review('t'), true)
    const jane = { user: { name: 'jane', groups: [] } }
    assert.match((await api.get('/version', jane)).body.message, /Everything is forbidden/)
    api.server.useAccess({})
    assert.equal(await review('t'), false)
    await api.close()
  })
})
