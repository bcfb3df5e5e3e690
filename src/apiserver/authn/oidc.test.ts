import assert from 'node:assert/strict'
import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, describe, it } from 'node:test'
import { createAuthority, issueCertificate } from '../../base/certificates.ts'
import { FakeClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/log.ts'
import { parseAuthenticationConfiguration } from './authentication-config.ts'
import { oidcAuthenticator } from './oidc.ts'

const ctx = { signal: new AbortController().signal, log: silentLogger }
const authority = await createAuthority('issuer', 3600_000, Date.now())
const pair = await issueCertificate(
  authority,
  { commonName: 'issuer', addresses: ['127.0.0.1'], usages: ['server'], lifetimeMs: 3600_000 },
  Date.now(),
)
let keys: object[] = []
const asked: string[] = []
const server = https.createServer({ cert: pair.cert, key: pair.key }, (request, response) => {
  asked.push(request.url!)
  const discovery = { issuer: url, jwks_uri: `${url}/keys` }
  response.end(JSON.stringify(request.url === '/keys' ? { keys } : discovery))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
after(() => server.close())

const API = ['api']
const configuration = (jwt: object) => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AuthenticationConfiguration',
  jwt: [
    {
      issuer: { url, audiences: ['app'], certificateAuthority: authority.cert },
      claimMappings: {
        username: { claim: 'sub', prefix: 'oidc:' },
        groups: { claim: 'groups', prefix: 'oidc:' },
        uid: { claim: 'id' },
      },
      claimValidationRules: [{ claim: 'hd', requiredValue: 'example.com' }],
      ...jwt,
    },
  ],
})
/** An expression language of one word: the claim or field of that name. */
const compile = (source: string, [variable = '']: readonly string[]) => {
  if (source === 'nonsense') throw new Error('compilation failed')
  return {
    evaluate: (bindings: Readonly<Record<string, unknown>>) =>
      (bindings[variable] as Record<string, unknown>)[source.split('.')[1]!],
  }
}
const authenticator = (clock: FakeClock, jwt: object = {}) => {
  const { issuers } = parseAuthenticationConfiguration(configuration(jwt), compile)
  return oidcAuthenticator(issuers[0]!, clock, API)
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const ec = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
const jwk = (key: KeyObject, kid: string, alg?: string) => ({
  ...createPublicKey(key).export({ format: 'jwk' }),
  kid,
  ...(alg ? { alg } : {}),
})
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
function token(claims: object, { key = rsa, alg = 'RS256', kid = 'one' } = {}) {
  const body = `${encode({ alg, kid })}.${encode(claims)}`
  const options = {
    key,
    dsaEncoding: 'ieee-p1363' as const,
    ...(alg.startsWith('PS') ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : {}),
  }
  return `${body}.${sign(`sha${alg.slice(2)}`, Buffer.from(body), options).toString('base64url')}`
}
const NOW = Date.UTC(2026, 0, 1) / 1000
const claims = {
  iss: url,
  sub: 'jane',
  aud: ['other', 'app'],
  exp: NOW + 600,
  hd: 'example.com',
  groups: ['dev'],
  id: '7',
}

describe('OIDC issuers', () => {
  it('their tokens name users by the configured claims', async () => {
    keys = [jwk(rsa, 'one', 'RS256')]
    const oidc = authenticator(new FakeClock())
    const user = { name: 'oidc:jane', uid: '7', groups: ['oidc:dev'] }
    assert.deepEqual(await oidc.authenticateToken(ctx, token(claims), API), { user, audiences: API })
    assert.equal(await oidc.authenticateToken(ctx, token({ ...claims, iss: 'https://else' }), API), undefined)
    assert.equal(await oidc.authenticateToken(ctx, 'opaque', API), undefined)
    assert.equal(await oidc.authenticateToken(ctx, token(claims), ['vault']), undefined, 'meant for the API alone')
    const refusals: [object, RegExp][] = [
      [{ exp: NOW - 1 }, /verify token: oidc: token is expired/],
      [{ nbf: NOW + 301 }, /before the nbf/],
      [{ aud: 'other' }, /expected audience in \["app"\] got \["other"\]/],
      [{ hd: undefined }, /required claim hd not present/],
      [{ hd: 'evil.com' }, /required claim hd value does not match\. Got = evil\.com, want = example\.com/],
      [{ sub: 5 }, /parse username claims "sub"/],
      [{ groups: [5] }, /parse groups claim/],
    ]
    for (const [change, expected] of refusals) {
      await assert.rejects(oidc.authenticateToken(ctx, token({ ...claims, ...change }), API), expected)
    }
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    await assert.rejects(oidc.authenticateToken(ctx, token(claims, { key: other }), API), /failed to verify signature/)
    await assert.rejects(oidc.authenticateToken(ctx, token(claims, { alg: 'PS256' }), API), /failed to verify/)
  })

  it('a key that is not known is looked for, and not too often', async () => {
    const clock = new FakeClock()
    keys = [jwk(rsa, 'one')]
    const oidc = authenticator(clock)
    asked.length = 0
    await Promise.all([1, 2, 3].map(() => oidc.authenticateToken(ctx, token(claims), API)))
    assert.deepEqual(asked, ['/.well-known/openid-configuration', '/keys'], 'fetched once, when first needed')
    assert.ok(await oidc.authenticateToken(ctx, token(claims, { alg: 'PS256' }), API), 'a key without alg takes both')
    keys = [jwk(ec, 'two')]
    const next = token(claims, { key: ec, alg: 'ES384', kid: 'two' })
    await assert.rejects(oidc.authenticateToken(ctx, next, API), /failed to verify/)
    assert.equal(asked.length, 2)
    await clock.advance(10_000)
    assert.ok(await oidc.authenticateToken(ctx, next, API))
    await assert.rejects(oidc.authenticateToken(ctx, token(claims), API), /failed to verify/, 'the old key is gone')
  })

  it('expressions make users and refuse them', async () => {
    keys = [jwk(rsa, 'one')]
    const oidc = authenticator(new FakeClock(), {
      claimMappings: {
        username: { expression: 'claims.sub' },
        extra: [{ key: 'example.com/id', valueExpression: 'claims.id' }],
      },
      claimValidationRules: [{ expression: 'claims.ok', message: 'not ok' }],
      userValidationRules: [{ expression: 'user.uid' }],
    })
    await assert.rejects(oidc.authenticateToken(ctx, token(claims), API), {
      message: 'oidc: error evaluating claim validation expression: not ok',
    })
    await assert.rejects(oidc.authenticateToken(ctx, token({ ...claims, ok: true }), API), {
      message: "oidc: error evaluating user info validation rule: validation expression 'user.uid' failed",
    })
  })

  it('an unverified address is no user', async () => {
    const oidc = authenticator(new FakeClock(), { claimMappings: { username: { claim: 'email', prefix: '' } } })
    keys = [jwk(rsa, 'one')]
    const mail = { ...claims, email: 'a@b' }
    assert.equal((await oidc.authenticateToken(ctx, token(mail), API))?.user.name, 'a@b')
    await assert.rejects(
      oidc.authenticateToken(ctx, token({ ...mail, email_verified: false }), API),
      /oidc: email not verified/,
    )
  })
})

describe('AuthenticationConfiguration', () => {
  const problems = (document: object) => {
    try {
      parseAuthenticationConfiguration(document, compile, ['https://own'])
      return ''
    } catch (err) {
      return (err as Error).message
    }
  }

  it('says what is wrong, by field', () => {
    const table: [object, RegExp][] = [
      [
        { issuer: { url: 'http://a', audiences: ['x'] } },
        /jwt\[0\]\.issuer\.url: Invalid value: "http:\/\/a": URL scheme must be https/,
      ],
      [{ issuer: { url: 'https://own', audiences: ['x'] } }, /URL must not overlap with disallowed issuers/],
      [{ issuer: { url: 'https://a' } }, /jwt\[0\]\.issuer\.audiences: Required value: at least one/],
      [
        { issuer: { url: 'https://a', audiences: ['x', 'y'] } },
        /audienceMatchPolicy must be MatchAny for multiple audiences/,
      ],
      [
        { issuer: { url: 'https://a', audiences: ['x'], discoveryURL: 'https://a' } },
        /discoveryURL must be different from URL/,
      ],
      [
        { claimMappings: { username: { claim: 'sub' } } },
        /username\.prefix: Required value: prefix is required when claim is set/,
      ],
      [{ claimMappings: {} }, /claimMappings\.username: Required value: claim or expression is required/],
      [{ claimMappings: { username: { claim: 'a', expression: 'b' } } }, /claim and expression can't both be set/],
      [
        { claimMappings: { username: { expression: 'nonsense' } } },
        /username\.expression: Invalid value: "nonsense": compilation failed/,
      ],
      [
        { claimValidationRules: [{ claim: 'a' }, { claim: 'a' }] },
        /claimValidationRules\[1\]\.claim: Duplicate value: "a"/,
      ],
      [{ userValidationRules: [{}] }, /userValidationRules\[0\]\.expression: Required value/],
      [{ nonsense: 1 }, /unknown field "jwt\[0\]\.nonsense"/],
    ]
    for (const [change, expected] of table) assert.match(problems(configuration(change)), expected)
    assert.match(problems({ kind: 'Other' }), /apiVersion and kind must be/)
  })

  it('says who may come without a credential', () => {
    const anonymous = (value: unknown) =>
      parseAuthenticationConfiguration({ ...configuration({}), anonymous: value }, compile).anonymous
    assert.equal(anonymous(undefined), undefined)
    assert.equal(anonymous({ enabled: false }), false)
    assert.equal(anonymous({ enabled: true }), true)
    assert.deepEqual(anonymous({ enabled: true, conditions: [{ path: '/livez' }] }), new Set(['/livez']))
    assert.match(
      problems({ ...configuration({}), anonymous: { enabled: false, conditions: [{ path: '/livez' }] } }),
      /enabled should be set to true when conditions are defined/,
    )
  })
})
