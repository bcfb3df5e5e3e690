import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Secret } from '../../api/kinds/secret.ts'
import { silentLogger } from '../../base/log.ts'
import { bootstrapUser } from './bootstrap-tokens.ts'
import { parseStaticTokens, staticTokenAuthenticator } from './static-tokens.ts'

const ctx = { signal: new AbortController().signal, log: silentLogger }

describe('static tokens', () => {
  it('are lines of token, name, id and groups', async () => {
    const tokens = parseStaticTokens('abc,jane,7,"dev,ops"\n\nxyz,joe,8\n,nobody,9\nq,"a ""b""",1\n')
    const sort = staticTokenAuthenticator(tokens, ['api'])
    const user = async (token: string) => (await sort.authenticateToken(ctx, token, ['api', 'x']))?.user
    assert.deepEqual(await user('abc'), { name: 'jane', uid: '7', groups: ['dev', 'ops'] })
    assert.deepEqual(await user('xyz'), { name: 'joe', uid: '8', groups: [] })
    assert.equal((await user('q'))?.name, 'a "b"')
    assert.equal(await user(''), undefined)
    assert.equal(await sort.authenticateToken(ctx, 'abc', ['elsewhere']), undefined)
  })

  it('a line that is wrong is named', () => {
    assert.throws(() => parseStaticTokens('a,b,c\na,b'), {
      message: 'line 2 must have at least 3 columns (token, user name, user uid), found 2',
    })
    assert.throws(() => parseStaticTokens('a,b,c,"d'), /line 1: .*quoted-field/)
  })
})

describe('bootstrap tokens', () => {
  const base64 = (data: Record<string, string>) =>
    Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]))
  const secret = (data: Record<string, string> = {}, more: object = {}) =>
    ({
      metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
      type: 'bootstrap.kubernetes.io/token',
      data: base64({
        'token-id': 'abcdef',
        'token-secret': '0123456789abcdef',
        'usage-bootstrap-authentication': 'true',
        ...data,
      }),
      ...more,
    }) as unknown as Secret
  const now = Date.UTC(2026, 0, 1)
  const user = (one: Secret) => bootstrapUser(one, 'abcdef', '0123456789abcdef', now)

  it('make bootstrappers of whoever has them', () => {
    assert.deepEqual(user(secret()), { name: 'system:bootstrap:abcdef', groups: ['system:bootstrappers'] })
    const groups = 'system:bootstrappers:b,system:bootstrappers:a'
    assert.deepEqual(user(secret({ 'auth-extra-groups': groups, expiration: '2026-01-01T00:00:01Z' }))?.groups, [
      'system:bootstrappers',
      'system:bootstrappers:a',
      'system:bootstrappers:b',
    ])
  })

  it('are good for nothing else, and not for ever', () => {
    const bad: [string, Secret][] = [
      ['expired', secret({ expiration: '2026-01-01T00:00:00Z' })],
      ['a time that cannot be read', secret({ expiration: 'soon' })],
      ['not for authentication', secret({ 'usage-bootstrap-authentication': 'yes' })],
      ['another secret', secret({ 'token-secret': 'fedcba9876543210' })],
      ['another id', secret({ 'token-id': 'zzzzzz' })],
      ['a foreign group', secret({ 'auth-extra-groups': 'system:masters' })],
      ['another type', secret({}, { type: 'Opaque' })],
      ['being deleted', secret({}, { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })],
    ]
    for (const [why, one] of bad) assert.equal(user(one), undefined, why)
  })
})
