import assert from 'node:assert/strict'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import * as http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ConfigMap } from '../api/kinds/config-map.ts'
import { isNotFound } from '../api/meta/errors.ts'
import { silentLogger } from '../base/log.ts'
import { createClient } from './api-client.ts'
import { type HttpsOptions, httpsTransport } from './https-transport.ts'

type Handler = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, body: string) => void

const ctx = { signal: new AbortController().signal, log: silentLogger }
/** A self-signed authority for 127.0.0.1, valid for a century and good for nothing but these tests. */
const identity = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBkTCCATigAwIBAgIULZMF09V5bVqVjXTChGqPMzUnAnUwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKa3ViZXJuZXRlczAgFw0yNjExMjEwMjU2MDNaGA8yMTI2MTAy
ODAyNTYwM1owFTETMBEGA1UEAwwKa3ViZXJuZXRlczBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABEIDrZl67ibt6TWTbyqQKT+B0eHMiMzUaeEL2Nu58LOdZRLQjiOg
UWtDIFEHI3FXV+G1O8XON3rrcwMZQ0RMjOGjZDBiMB0GA1UdDgQWBBT5Bpcos69Q
Sl7gbf9T2Ju8cMJvSTAfBgNVHSMEGDAWgBT5Bpcos69QSl7gbf9T2Ju8cMJvSTAP
BgNVHREECDAGhwR/AAABMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAw
RAIgDD7yf1a9HgmFDoIUJKkfEsbR3WmiRtmT836AD5dmJLICIFz2HDCxSfWBxPsc
ipiJdLM69r2BK41wUzp+8QmX80RT
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLRNCXF70RtieWmA0
lcOw4EHBnn383r5z1jGTPuSEOTKhRANCAARCA62Zeu4m7ek1k28qkCk/gdHhzIjM
1GnhC9jbufCznWUS0I4joFFrQyBRByNxV1fhtTvFzjd663MDGUNETIzh
-----END PRIVATE KEY-----
`,
}
let server: http2.Http2SecureServer
const sessions = new Set<http2.ServerHttp2Session>()
let handle: Handler = () => {}

before(async () => {
  server = http2.createSecureServer({ ...identity, ca: identity.cert, requestCert: true, rejectUnauthorized: false })
  server.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    let body = ''
    stream.on('data', (chunk) => {
      body += chunk
    })
    stream.on('end', () => handle(stream, headers, body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
after(() => {
  for (const session of sessions) session.destroy()
  server.close()
})

const url = () => `https://127.0.0.1:${(server.address() as AddressInfo).port}`
function connect(options: Partial<HttpsOptions> = {}) {
  return httpsTransport({ server: url(), ca: identity.cert, ...options })
}
function answer(stream: http2.ServerHttp2Stream, body: object, status = 200) {
  stream.respond({ ':status': status, 'content-type': 'application/json' })
  stream.end(JSON.stringify(body))
}

test('a request carries method, path, query, body, user agent and token, and brings the decoded answer', async () => {
  const transport = connect({ token: 'abc', userAgent: 'skiff-test' })
  handle = (stream, headers, body) => answer(stream, { headers, body: JSON.parse(body), metadata: {} })
  const client = createClient(transport, { fieldManager: 'me' })
  const made = (await client.create(ctx, ConfigMap, { metadata: { name: 'a', namespace: 'blue' } })) as unknown as {
    headers: Record<string, string>
    body: object
  }
  assert.equal(made.headers[':method'], 'POST')
  assert.equal(made.headers[':path'], '/api/v1/namespaces/blue/configmaps?fieldManager=me')
  assert.equal(made.headers['authorization'], 'Bearer abc')
  assert.equal(made.headers['user-agent'], 'skiff-test')
  assert.deepEqual(made.body, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'blue' } })
  transport.close()
})

test('a Status is thrown as StatusError, any other failure with its text', async () => {
  const transport = connect()
  const client = createClient(transport)
  handle = (stream) =>
    answer(stream, { kind: 'Status', code: 404, reason: 'NotFound', message: 'configmaps "a" not found' }, 404)
  await assert.rejects(client.get(ctx, ConfigMap, 'a', 'blue'), (err) => isNotFound(err))
  handle = (stream) => {
    stream.respond({ ':status': 502, 'content-type': 'text/html' })
    stream.end('bad gateway')
  }
  await assert.rejects(client.get(ctx, ConfigMap, 'a', 'blue'), /bad gateway/)
  transport.close()
})

test('all requests share one connection, and a broken one is replaced', async () => {
  const transport = connect()
  handle = (stream) => answer(stream, { metadata: {} })
  const get = () => transport.request(ctx, { method: 'GET', path: '/version' })
  await Promise.all([get(), get(), get()])
  assert.equal(sessions.size, 1)
  const closed = [...sessions].map((s) => new Promise((resolve) => s.once('close', resolve)))
  for (const session of sessions) session.destroy()
  await Promise.all(closed)
  await setImmediate()
  await get()
  assert.equal(sessions.size, 1)
  transport.close()
})

test('a server that is going away gracefully loses no request', async () => {
  const transport = connect()
  handle = (stream) => answer(stream, { metadata: {} })
  const get = () => transport.request(ctx, { method: 'GET', path: '/version' })
  await get()
  for (const session of sessions) session.close()
  await Promise.all([get(), get()])
  transport.close()
})

test('watch events arrive one by one, and leaving the loop ends the watch on the server', async () => {
  const transport = connect()
  const ended = Promise.withResolvers<void>()
  let push: (text: string) => void = () => {}
  handle = (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/json' })
    push = (text) => stream.write(text)
    stream.on('close', () => ended.resolve())
    const line = JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'ä' } } })
    push(line.slice(0, 20))
    void setImmediate().then(() => push(`${line.slice(20)}\n`))
  }
  const names: string[] = []
  for await (const { object } of createClient(transport).watch(ctx, ConfigMap, {})) {
    names.push(object.metadata.name)
    if (names.length === 2) break
    push(`${JSON.stringify({ type: 'MODIFIED', object: { metadata: { name: 'b' } } })}\n`)
  }
  assert.deepEqual(names, ['ä', 'b'])
  await ended.promise
  transport.close()
})

test('an ERROR event is thrown, and an abort ends a quiet watch with the reason', async () => {
  const transport = connect()
  const client = createClient(transport)
  handle = (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/json' })
    stream.write(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })}\n`)
  }
  const read = async (signal: AbortSignal) => {
    for await (const _ of client.watch({ ...ctx, signal }, ConfigMap, {})) assert.fail('no event was sent')
  }
  await assert.rejects(read(ctx.signal), { reason: 'Expired' })
  const open = Promise.withResolvers<void>()
  handle = (stream) => {
    stream.respond({ ':status': 200 })
    open.resolve()
  }
  const stop = new AbortController()
  const reading = read(stop.signal)
  await open.promise
  stop.abort(new Error('stopping'))
  await assert.rejects(reading, /stopping/)
  transport.close()
})

test('a server that does not answer is given up, and a closed port is reported', async () => {
  const transport = connect({ requestTimeoutMs: 50 })
  handle = () => {}
  await assert.rejects(transport.request(ctx, { method: 'GET', path: '/' }), /no answer from .* within 50 ms/)
  handle = (stream) => answer(stream, {})
  await transport.request(ctx, { method: 'GET', path: '/' })
  transport.close()
  const nobody = httpsTransport({ server: 'https://127.0.0.1:1' })
  await assert.rejects(nobody.request(ctx, { method: 'GET', path: '/' }), { code: 'ECONNREFUSED' })
})

test('an unknown authority is refused unless the caller asks for it', async () => {
  const strict = httpsTransport({ server: url() })
  await assert.rejects(strict.request(ctx, { method: 'GET', path: '/' }), /self-signed|unable to verify/i)
  const lax = httpsTransport({ server: url(), insecureSkipTlsVerify: true })
  handle = (stream) => answer(stream, {})
  await lax.request(ctx, { method: 'GET', path: '/' })
  lax.close()
})

test('the client certificate is presented, and a token file is read again when it changes', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'token-'))
  try {
    const tokenFile = join(dir, 'token')
    await writeFile(tokenFile, 'one\n')
    const transport = connect({ tokenFile, clientCertificate: () => identity })
    handle = (stream, headers) => {
      const peer = (stream.session!.socket as import('node:tls').TLSSocket).getPeerCertificate()
      answer(stream, { token: headers.authorization, name: peer.subject.CN })
    }
    const get = () => transport.request(ctx, { method: 'GET', path: '/' })
    assert.deepEqual(await get(), { token: 'Bearer one', name: 'kubernetes' })
    await writeFile(tokenFile, 'two')
    await utimes(tokenFile, 1, 1)
    assert.deepEqual(await get(), { token: 'Bearer two', name: 'kubernetes' })
    transport.close()
  } finally {
    await rm(dir, { recursive: true })
  }
})
