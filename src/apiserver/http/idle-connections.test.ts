import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect as connectHttp2 } from 'node:http2'
import https from 'node:https'

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { FakeClock, systemClock } from '../../base/clock.ts'
import { silentLogger as log } from '../../base/log.ts'
import { ensurePki } from '../../base/pki.ts'
import { Metrics } from '../metrics.ts'
import { objectResponse } from '../respond.ts'
import { standardEncoders } from './encode.ts'
import { FrontEnd } from './front-end.ts'

const directory = await mkdtemp(join(tmpdir(), 'skiff-idle-connections-'))
const ctx = { signal: new AbortController().signal, log }
const pki = await ensurePki(ctx, directory, { addresses: [], dnsNames: [], clock: systemClock })
const clock = new FakeClock()
const stopping = new AbortController()
const frontEnd = new FrontEnd({
  handler: async ({ path, body }) => {
    if (path === '/watch') return { status: 200, headers: {}, body: { kind: 'stream', stream: endless() } }
    return objectResponse({ path, bytes: (body as Buffer | undefined)?.length ?? 0 })
  },
  authenticate: async () => ({ name: 'someone', groups: [] }),
  connect: async () => ({ open: () => https.request({ host: '127.0.0.1', port: 1 }) }) as never,
  tls: { ...pki.server, ca: pki.authorityCert },
  encoders: standardEncoders,
  metrics: new Metrics(clock.now()),
  clock,
  log,
  stopping: stopping.signal,
})
async function* endless(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('first\n')
  await once(stopping.signal, 'abort')
}
const { port } = await frontEnd.listen('127.0.0.1', 0)
after(async () => {
  stopping.abort()
  await clock.advance(0)
  await frontEnd.close()
  await rm(directory, { recursive: true })
})

const MINUTE = 60_000
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])

async function connect(protocol: 'http/1.1' | 'h2') {
  const socket = connectTls({ host: '127.0.0.1', port, ca: pki.authorityCert, ALPNProtocols: [protocol] })
  await once(socket, 'secureConnect')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  socket.on('error', () => undefined)
  return { socket, closed: once(socket, 'close'), text: () => text }
}
/** What was sent has arrived: the server has answered a request on another connection, made later. */
async function heard(): Promise<void> {
  for (let i = 0; i < 3; i++) await get('/heard')
}
function get(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = https.get({ host: '127.0.0.1', port, path, ca: pki.authorityCert, agent: false }, (response) => {
      response.resume().once('close', () => resolve(response.statusCode!))
    })
    request.once('error', reject)
  })
}

test('a connection that brings no whole headers within a minute is closed', async () => {
  const silent = await connect('http/1.1')
  const half = await connect('http/1.1')
  half.socket.write('GET / HTTP/1.1\r\nhost: x\r\n')
  const silent2 = await connect('h2')
  const half2 = await connect('h2')
  // HEADERS without END_HEADERS.
  half2.socket.write(
    Buffer.concat([Buffer.from(PREFACE), EMPTY_SETTINGS, Buffer.from([0, 0, 1, 1, 1, 0, 0, 0, 1, 0x82])]),
  )
  await heard()
  await clock.advance(MINUTE - 1)
  await heard()
  for (const { socket } of [silent, half, silent2, half2]) assert.equal(socket.readyState, 'open')
  await clock.advance(1)
  await Promise.all([silent.closed, half.closed, silent2.closed, half2.closed])
})

test('an HTTP/1.1 request whose body does not come is told so and its connection ended', async () => {
  const slow = await connect('http/1.1')
  slow.socket.write('POST /x HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 10\r\n\r\n12345')
  await heard()
  await clock.advance(MINUTE)
  await slow.closed
  assert.match(slow.text(), /^HTTP\/1\.1 504 Gateway Timeout\r\n/)
})

test('an HTTP/2 request whose body does not come is ended; others on its connection go on', async () => {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: pki.authorityCert })
  const watch = session.request({ ':path': '/watch' })
  await once(watch, 'data')
  const slow = session.request({ ':path': '/x', ':method': 'POST', 'content-type': 'text/plain' })
  slow.on('error', () => undefined)
  slow.write('12345')
  await heard()
  const answered = once(slow, 'response')
  await clock.advance(MINUTE)
  assert.equal((await answered)[0][':status'], 504)
  slow.resume()
  if (!slow.closed) await once(slow, 'close')
  await clock.advance(10 * MINUTE)
  const other = session.request({ ':path': '/version' })
  assert.equal((await once(other, 'response'))[0][':status'], 200)
  other.close()
  assert.equal(watch.closed, false)
  watch.close()
  await once(watch, 'close')
  await heard()
  const closed = once(session, 'close')
  await clock.advance(MINUTE)
  await closed
})

test('a whole request may take as long as it likes to answer', async () => {
  const watch = await connect('http/1.1')
  watch.socket.write('GET /watch HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(watch.socket, 'data')
  await clock.advance(60 * MINUTE)
  await heard()
  assert.equal(watch.socket.readyState, 'open')
  watch.socket.destroy()
})

test('headers beyond the bound are refused', async () => {
  const long = 'x'.repeat(256 * 1024 + 100)
  const one = await connect('http/1.1')
  one.socket.write(`GET / HTTP/1.1\r\nhost: x\r\nx-long: ${long}\r\n\r\n`)
  await one.closed
  assert.match(one.text(), /^HTTP\/1\.1 431 /)
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: pki.authorityCert })
  session.on('error', () => undefined)
  const refused = session.request({ ':path': '/', 'x-long': long })
  const [err] = await once(refused, 'error').catch((err) => [err])
  assert.match(String(err), /ENHANCE_YOUR_CALM|REFUSED|Stream closed|frame/)
  session.destroy()
})

test('an idle server has no timers', async () => {
  await clock.advance(5 * MINUTE)
  assert.equal(clock.untilNextMs(), undefined)
})
