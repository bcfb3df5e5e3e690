import assert from 'node:assert/strict'
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import type { KubeObject } from '../../api/meta/object.ts'
import { FakeClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/log.ts'
import { openMemoryStore } from '../storage/memory.ts'
import type { Store } from '../storage/store.ts'
import { authenticate, type Credentials } from './authenticator.ts'
import { BearerTokens } from './bearer-tokens.ts'
import { clientCertificate } from './client-certificate.ts'
import { TokenKey } from './jwt.ts'
import { ServiceAccountTokens, serviceAccountAuthenticator } from './service-account-tokens.ts'
import { requestToken, reviewToken } from './token-request.ts'

const ctx = { signal: new AbortController().signal, log: silentLogger }
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

async function put(store: Store, path: string, object: object) {
  const key = `/registry/core/${path}`
  const expect = (await store.get(key))?.revision ?? 0
  assert.ok((await store.write({ key, expect, object: object as KubeObject })).ok)
}
async function remove(store: Store, path: string) {
  const key = `/registry/core/${path}`
  assert.ok((await store.write({ key, expect: (await store.get(key))!.revision, object: undefined })).ok)
}
const account = (uid = 'sa-uid') => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'builder', namespace: 'blue', uid },
})
const pod = (uid = 'pod-uid', more = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-0', namespace: 'blue', uid, ...more },
  spec: { serviceAccountName: 'builder', nodeName: 'n1' },
})

async function setUp() {
  const store = openMemoryStore()
  const clock = new FakeClock()
  const tokens = new ServiceAccountTokens(store, { keys: { signing: pem }, clock })
  await put(store, 'serviceaccounts/blue/builder', account())
  await put(store, 'pods/blue/web-0', pod())
  await put(store, 'nodes/n1', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', uid: 'node-uid' } })
  const request = (spec: object) =>
    requestToken(store, tokens, 'blue', 'builder', { apiVersion: '', kind: '', spec } as never)
  const bearer = new BearerTokens([serviceAccountAuthenticator(tokens)], tokens.audiences)
  const login = (token: string, more: Partial<Credentials> = {}) =>
    authenticate(ctx, [clientCertificate, bearer.authenticator], {
      headers: { authorization: `Bearer ${token}` },
      ...more,
    })
  return { store, clock, tokens, request, login }
}
const podRef = { kind: 'Pod', apiVersion: 'v1', name: 'web-0' }

describe('service account tokens', () => {
  it('a token bound to a pod names account, pod and node', async () => {
    const { clock, request, login } = await setUp()
    const answer = await request({ boundObjectRef: podRef, expirationSeconds: 3607 })
    assert.equal(answer.status?.expirationTimestamp, '2026-01-01T01:00:07Z')
    assert.deepEqual(answer.spec?.audiences, ['https://kubernetes.default.svc.cluster.local'])
    const user = await login(answer.status!.token!)
    const { 'authentication.kubernetes.io/credential-id': id, ...extra } = user!.extra!
    assert.match(id![0]!, /^JTI=[0-9a-f-]{36}$/)
    assert.deepEqual(
      { ...user, extra },
      {
        name: 'system:serviceaccount:blue:builder',
        uid: 'sa-uid',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:blue', 'system:authenticated'],
        extra: {
          'authentication.kubernetes.io/node-name': ['n1'],
          'authentication.kubernetes.io/node-uid': ['node-uid'],
          'authentication.kubernetes.io/pod-name': ['web-0'],
          'authentication.kubernetes.io/pod-uid': ['pod-uid'],
        },
      },
    )
    const claims = JSON.parse(Buffer.from(answer.status!.token!.split('.')[1]!, 'base64url').toString())
    assert.deepEqual(claims['kubernetes.io'], {
      namespace: 'blue',
      node: { name: 'n1', uid: 'node-uid' },
      pod: { name: 'web-0', uid: 'pod-uid' },
      serviceaccount: { name: 'builder', uid: 'sa-uid' },
      warnafter: clock.now() / 1000 + 3607,
    })
    assert.deepEqual(
      [claims.iss, claims.sub, claims.exp - claims.iat, claims.nbf],
      [
        'https://kubernetes.default.svc.cluster.local',
        'system:serviceaccount:blue:builder',
        365 * 24 * 3600,
        clock.now() / 1000,
      ],
    )
    await clock.advance(24 * 3600_000)
    assert.ok(await login(answer.status!.token!), 'the usual token of a pod is good for longer than it says')
  })

  it('a token ends with its time, its pod and its account', async () => {
    const { store, clock, request, login } = await setUp()
    const token = (await request({ boundObjectRef: podRef, expirationSeconds: 600 })).status!.token!
    const free = (await request({ expirationSeconds: 7200 })).status!.token!
    await clock.advance(659_000)
    assert.ok(await login(token), 'clocks may be wrong by a minute')
    await clock.advance(2_000)
    assert.equal(await login(token), undefined)
    const bound = (await request({ boundObjectRef: podRef })).status!.token!
    assert.ok(await login(bound))
    await put(store, 'pods/blue/web-0', pod('another-uid'))
    assert.equal(await login(bound), undefined, 'a pod of the same name is another pod')
    assert.ok(await login(free))
    await put(store, 'serviceaccounts/blue/builder', account('new-uid'))
    assert.equal(await login(free), undefined)
    await remove(store, 'serviceaccounts/blue/builder')
    assert.equal(await login(free), undefined)
  })

  it('a pod that is being deleted vouches for its token a minute longer than its grace period', async () => {
    const { store, clock, request, login } = await setUp()
    const token = (await request({ boundObjectRef: podRef })).status!.token!
    await put(store, 'pods/blue/web-0', pod('pod-uid', { deletionTimestamp: '2026-01-01T00:00:30Z' }))
    await clock.advance(89_000)
    assert.ok(await login(token))
    await clock.advance(1_000)
    assert.equal(await login(token), undefined)
  })

  it('forged and foreign tokens are refused', async () => {
    const { store, clock, tokens, request, login } = await setUp()
    const token = (await request({})).status!.token!
    const [head, body, signature] = token.split('.') as [string, string, string]
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString()
    const publicPem = new TokenKey(pem).jwk()
    const hmac = (text: string) => createHmac('sha256', JSON.stringify(publicPem)).update(text).digest('base64url')
    const forgeries = {
      'no signature': `${encode({ alg: 'none' })}.${body}.`,
      'keyed hash': `${encode({ alg: 'HS256' })}.${body}.${hmac(`${encode({ alg: 'HS256' })}.${body}`)}`,
      'other claims': `${head}.${encode({ ...claims, sub: 'system:serviceaccount:blue:admin' })}.${signature}`,
      'other key': new TokenKey(other).sign(claims),
      'other issuer': new TokenKey(pem).sign({ ...claims, iss: 'https://elsewhere' }),
      'other audience': (await request({ audiences: ['vault'] })).status!.token!,
      'subject that is not the account': new TokenKey(pem).sign({ ...claims, sub: 'system:serviceaccount:blue:admin' }),
      'not a token': 'abc',
      'too many parts': `${token}.x`,
      huge: `${token}${'A'.repeat(100_000)}`,
    }
    for (const [name, forged] of Object.entries(forgeries)) assert.equal(await login(forged), undefined, name)
    const elsewhere = new ServiceAccountTokens(store, { keys: { signing: pem }, clock, audiences: ['vault'] })
    assert.ok(await elsewhere.verify(forgeries['other audience']))
    assert.ok(await tokens.verify(token))
  })

  it('an RSA key signs with RS256', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString()
    const { store, clock } = await setUp()
    const tokens = new ServiceAccountTokens(store, { keys: { signing: rsa }, clock })
    const { token } = tokens.issue(
      { namespace: 'blue', serviceAccount: { name: 'builder', uid: 'sa-uid' } },
      tokens.audiences,
      600,
    )
    assert.equal((await tokens.verify(token))?.user.name, 'system:serviceaccount:blue:builder')
    assert.equal(JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()).alg, 'RS256')
  })

  it('a TokenRequest that makes no sense is refused', async () => {
    const { store, tokens, request } = await setUp()
    await assert.rejects(request({ expirationSeconds: 599 }), {
      code: 422,
      message: /spec\.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes/,
    })
    await assert.rejects(request({ boundObjectRef: { ...podRef, name: 'gone' } }), {
      code: 404,
      message: 'pods "gone" not found',
    })
    await assert.rejects(request({ boundObjectRef: { ...podRef, uid: 'old' } }), {
      code: 409,
      message: /UID in the bound object reference \(old\) does not match/,
    })
    await assert.rejects(request({ boundObjectRef: { kind: 'Service', apiVersion: 'v1', name: 'x' } }), { code: 400 })
    await put(store, 'serviceaccounts/blue/other', {
      ...account(),
      metadata: { name: 'other', namespace: 'blue', uid: 'u' },
    })
    await assert.rejects(
      requestToken(store, tokens, 'blue', 'other', { apiVersion: '', kind: '', spec: { boundObjectRef: podRef } }),
      { code: 400, message: /different serviceaccount name/ },
    )
    await assert.rejects(requestToken(store, tokens, 'blue', 'nobody', { apiVersion: '', kind: '' }), {
      code: 404,
      message: 'serviceaccounts "nobody" not found',
    })
  })

  it('tokens outlive a rotation of the key; the new key signs, and both are published', async () => {
    const { tokens, request, login } = await setUp()
    const before = (await request({})).status!.token!
    const next = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const signing = next.export({ type: 'pkcs8', format: 'pem' }).toString()
    const retired = [createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString()]
    tokens.useKeys({ signing, retired })
    const after = (await request({})).status!.token!
    assert.ok((await login(before)) && (await login(after)))
    const kid = (token: string) => JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()).kid
    assert.deepEqual(
      tokens.jwks().keys.map((key) => key.kid),
      [kid(after), kid(before)],
    )
    tokens.useKeys({ signing })
    assert.equal(await login(before), undefined, 'a key that is gone verifies nothing any more')
    assert.ok(await login(after))
  })

  it('the token of a Secret is valid while the Secret holds it', async () => {
    const { store, clock, tokens, login } = await setUp()
    const token = tokens.issueForSecret('blue', { name: 'builder', uid: 'sa-uid' }, 'builder-token')
    assert.equal(await login(token), undefined)
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'builder-token', namespace: 'blue', uid: 's' },
      data: { token: Buffer.from(token).toString('base64') },
    }
    await put(store, 'secrets/blue/builder-token', secret)
    assert.equal((await login(token))?.name, 'system:serviceaccount:blue:builder')
    const used = async () => (await store.get('/registry/core/secrets/blue/builder-token'))!
    const label = 'kubernetes.io/legacy-token-last-used'
    const first = await used()
    assert.equal(first.object.metadata.labels?.[label], '2026-01-01', 'its use is noted')
    assert.ok(await login(token))
    assert.equal((await used()).revision, first.revision, 'once a day')
    await clock.advance(24 * 3600_000)
    assert.ok(await login(token))
    assert.equal((await used()).object.metadata.labels?.[label], '2026-01-02')
    const invalid = { ...secret.metadata, labels: { 'kubernetes.io/legacy-token-invalid-since': '2026-01-02' } }
    await put(store, 'secrets/blue/builder-token', { ...secret, metadata: invalid })
    assert.equal(await login(token), undefined, 'called invalid')
    await put(store, 'secrets/blue/builder-token', { ...secret, data: { token: 'b3RoZXI=' } })
    assert.equal(await login(token), undefined)
  })

  it('a TokenReview tells whose a token is and for which audiences', async () => {
    const { tokens, request } = await setUp()
    const token = (await request({ audiences: ['vault', 'api'] })).status!.token!
    const status = await reviewToken(ctx, new BearerTokens([serviceAccountAuthenticator(tokens)], tokens.audiences), {
      token,
      audiences: ['api', 'elsewhere'],
    })
    assert.equal(status.authenticated, true)
    assert.deepEqual(status.audiences, ['api'])
    assert.equal(status.user?.username, 'system:serviceaccount:blue:builder')
    assert.ok(status.user?.groups?.includes('system:authenticated'))
    assert.deepEqual(
      await reviewToken(ctx, new BearerTokens([serviceAccountAuthenticator(tokens)], tokens.audiences), { token }),
      {
        user: {},
        error: 'invalid bearer token',
      },
    )
  })

  it('others can verify tokens with the published keys', async () => {
    const { tokens, request } = await setUp()
    const token = (await request({})).status!.token!
    const { keys } = tokens.jwks()
    const [head, body, signature] = token.split('.') as [string, string, string]
    const { kid, alg } = JSON.parse(Buffer.from(head, 'base64url').toString())
    assert.deepEqual([kid, alg], [keys[0]!.kid, 'ES256'])
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
    const key = await crypto.subtle.importKey('jwk', keys[0] as never, algorithm, false, ['verify'])
    assert.ok(
      await crypto.subtle.verify(algorithm, key, Buffer.from(signature, 'base64url'), Buffer.from(`${head}.${body}`)),
    )
    assert.equal('d' in keys[0]!, false, 'the private part stays here')
    assert.deepEqual(tokens.openidConfiguration('https://192.0.2.1:6443'), {
      issuer: 'https://kubernetes.default.svc.cluster.local',
      jwks_uri: 'https://192.0.2.1:6443/openid/v1/jwks',
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    })
  })
})

describe('authentication', () => {
  const peer = {
    commonName: 'kubernetes-admin',
    organizations: ['kubeadm:cluster-admins'],
    fingerprint: 'AB:CD',
    trusted: true,
  }

  it('a client certificate names the user and the groups', async () => {
    assert.deepEqual(await authenticate(ctx, [clientCertificate], { headers: {}, peer }), {
      name: 'kubernetes-admin',
      groups: ['kubeadm:cluster-admins', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': ['X509SHA256=abcd'] },
    })
  })

  it('nobody who gave no credential is anonymous; a wrong credential is refused', async () => {
    const { login } = await setUp()
    assert.deepEqual(await authenticate(ctx, [clientCertificate], { headers: {} }), {
      name: 'system:anonymous',
      groups: ['system:unauthenticated'],
    })
    assert.equal(
      await authenticate(ctx, [clientCertificate], { headers: {}, peer: { ...peer, trusted: false } }),
      undefined,
    )
    assert.equal(await login('rubbish'), undefined)
    assert.equal((await login('rubbish', { peer }))?.name, 'kubernetes-admin', 'one good credential is enough')
  })
})
