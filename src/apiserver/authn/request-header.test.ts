import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { issueCertificate } from '../../base/certificates.ts'
import { systemClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/log.ts'
import { ensurePki } from '../../base/pki.ts'
import { type Json, testApi } from '../test-api.ts'
import { requestHeaderAuthenticator } from './request-header.ts'

describe('a front proxy', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'skiff-front-proxy-'))
  const ctx = { signal: new AbortController().signal, log: silentLogger }
  const pki = await ensurePki(ctx, directory, { addresses: [], dnsNames: [], clock: systemClock })
  const api = await testApi({ pki, clock: systemClock })
  const { port } = await api.server.listen({ host: '127.0.0.1', port: 0 })
  after(async () => {
    await api.close()
    await rm(directory, { recursive: true })
  })
  const { client } = pki.frontProxy

  function whoami(pair: object, headers: Record<string, string | string[]>): Promise<{ status: number; user: Json }> {
    return new Promise((resolve, reject) => {
      const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
      const type = { 'content-type': 'application/json' }
      const target = { host: '127.0.0.1', port, path, method: 'POST', agent: false as const, ca: pki.authorityCert }
      const request = https.request({ ...target, ...pair, headers: { ...type, ...headers } }, async (response) => {
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk as Buffer)
        const body = JSON.parse(Buffer.concat(chunks).toString())
        resolve({ status: response.statusCode!, user: body.status?.userInfo })
      })
      request.on('error', reject)
      // A string would be sent together with the headers, in its encoding.
      request.end(Buffer.from('{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'))
    })
  }
  const jane = {
    'X-Remote-User': 'jane',
    'X-Remote-Uid': '7',
    'X-Remote-Group': ['dev', 'ops, night'],
    'X-Remote-Extra-Scopes': ['a', 'b'],
    'X-Remote-Extra-Example.com%2Fteam': Buffer.from('blå').toString('latin1'),
  }

  it('says who a user is, with groups, uid and extra', async () => {
    const { status, user } = await whoami({ cert: client.cert, key: client.key }, jane)
    assert.equal(status, 201)
    assert.deepEqual(user, {
      username: 'jane',
      uid: '7',
      groups: ['dev', 'ops, night', 'system:authenticated'],
      extra: { scopes: ['a', 'b'], 'example.com/team': ['blå'] },
    })
  })

  it('comes before the other credentials of the request, and is no user itself', async () => {
    const both = await whoami({ cert: client.cert, key: client.key }, { ...jane, authorization: 'Bearer wrong' })
    assert.equal(both.user.username, 'jane')
    assert.equal((await whoami({ cert: client.cert, key: client.key }, {})).status, 401)
  })

  it('is believed for its certificate only', async () => {
    const admin = await whoami({ cert: pki.admin.cert, key: pki.admin.key }, jane)
    assert.equal(admin.user.username, 'kubernetes-admin', 'an ordinary certificate is its own user')
    const spec = { usages: ['client' as const], lifetimeMs: 3600_000 }
    const sameName = await issueCertificate(pki.authority, { commonName: 'front-proxy-client', ...spec }, Date.now())
    assert.equal((await whoami(sameName, jane)).user.username, 'front-proxy-client')
    assert.equal((await whoami({}, jane)).status, 401, 'headers alone say nothing')
  })

  it('must have an allowed name', async () => {
    const authenticator = requestHeaderAuthenticator(['gate'])
    const ask = (commonName: string) => {
      const peer = { commonName, organizations: [], fingerprint: '', trusted: false, frontProxy: true }
      return authenticator.authenticate(ctx, { headers: { 'x-remote-user': 'jane' }, peer })
    }
    assert.equal(await ask('door'), 'invalid')
    assert.deepEqual(await ask('gate'), { name: 'jane', groups: [] })
  })
})
