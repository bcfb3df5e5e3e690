// What one client can take from the others: memory by bodies and by answers that it does not read, connections, streams. With raw
// sockets and a clock that a test moves.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import https from 'node:https'
import { createConnection, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { ApiResponse } from '../../api/wire.ts'
import { FakeClock, systemClock } from '../../base/clock.ts'
import { silentLogger as log } from '../../base/log.ts'
import { ensurePki } from '../../base/pki.ts'
import { Metrics } from '../metrics.ts'
import { objectResponse } from '../respond.ts'
import { BodyBudget } from './body-budget.ts'
import { limitConnections } from './connection-limits.ts'
import { standardEncoders } from './encode.ts'
import { FrontEnd } from './front-end.ts'

const directory = await mkdtemp(join(tmpdir(), 'skiff-bounds-'))
const ctx = { signal: new AbortController().signal, log }
const pki = await ensurePki(ctx, directory, { addresses: [], dnsNames: [], clock: systemClock })
const clock = new FakeClock()
const stopping = new AbortController()
let piecesAsked = 0
let watchEnded = () => {}
const ITEM = Buffer.from(JSON.stringify({ data: 'x'.repeat(10_000) }))

const frontEnd = new FrontEnd({
  handler: async ({ path, body }): Promise<ApiResponse> => {
    if (path === '/list') {
      const items = Array.from({ length: 5000 }, () => ({
        object: {},
        get json() {
          piecesAsked++
          return ITEM
        },
      }))
      return { status: 200, headers: {}, body: { kind: 'list', head: {}, items } }
    }
    if (path === '/watch') return { status: 200, headers: {}, body: { kind: 'stream', stream: flood() } }
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
async function* flood(): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      yield ITEM
      await new Promise((resolve) => setImmediate(resolve))
    }
  } finally {
    watchEnded()
  }
}
const { port } = await frontEnd.listen('127.0.0.1', 0)
after(async () => {
  stopping.abort()
  await clock.advance(0)
  await frontEnd.close()
  await rm(directory, { recursive: true })
})

async function connect(): Promise<TLSSocket> {
  const socket = connectTls({ host: '127.0.0.1', port, ca: pki.authorityCert, ALPNProtocols: ['http/1.1'] })
  await once(socket, 'secureConnect')
  socket.on('error', () => {})
  return socket
}

function post(bytes: number, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      path: '/post',
      method: 'POST',
      ca: pki.authorityCert,
      agent: false as const,
    }
    const request = https.request({ ...options, headers }, async (response) => {
      let text = ''
      for await (const chunk of response) text += chunk
      resolve({ status: response.statusCode!, text })
    })
    request.on('error', reject)
    request.end(Buffer.alloc(bytes))
  })
}
const remove = () =>
  new Promise<{ status: number }>((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/x', method: 'DELETE', ca: pki.authorityCert }
    const request = https.request({ ...options, agent: false }, (response) => {
      response.resume()
      resolve({ status: response.statusCode! })
    })
    request.on('error', reject)
    request.end()
  })

/** Until nothing has changed for a while of the event loop: both ends are in this process. */
async function quiet(value: () => number): Promise<number> {
  for (let last = -1, same = 0; ; ) {
    await new Promise((resolve) => setImmediate(resolve))
    same = value() === last ? same + 1 : 0
    last = value()
    if (same > 2000) return last
  }
}

test('a body of three megabytes is taken, announced or not; one byte more is refused', async () => {
  const most = 3 * 1024 * 1024
  assert.equal(JSON.parse((await post(most)).text).bytes, most)
  assert.equal((await post(most, { 'transfer-encoding': 'chunked' })).status, 200)
  assert.equal((await post(most + 1)).status, 413)
  const refused = await post(most + 1, { 'transfer-encoding': 'chunked' })
  assert.equal(refused.status, 413)
  assert.equal(JSON.parse(refused.text).reason, 'RequestEntityTooLarge')
})

test('bodies that have not been answered have a bound in all', async () => {
  const waiting: TLSSocket[] = []
  const head = 'POST /post HTTP/1.1\r\nhost: a\r\ncontent-length: 3145728\r\n\r\n'
  for (let i = 0; i < 42; i++) {
    const socket = await connect()
    socket.write(head)
    waiting.push(socket)
  }
  const refused = await connect()
  refused.write(head)
  const [answer] = (await once(refused, 'data')) as [Buffer]
  assert.match(answer.toString(), /^HTTP\/1\.1 429 /)
  assert.match(answer.toString(), /retry-after: 1/i)
  await Promise.all(
    waiting.map((socket) => {
      socket.destroy()
      return once(socket, 'close')
    }),
  )
  let answered = await post(1000)
  while (answered.status === 429) answered = await post(1000)
  assert.equal(answered.status, 200, 'what was held has been given back')
})

test('the budget counts what is announced, and the rest as it comes', () => {
  const budget = new BodyBudget(100, 40)
  const first = budget.reserve({ 'content-length': '30' })!
  const second = budget.reserve({})!
  assert.equal(first.grow, undefined)
  assert.equal(budget.heldBytes, 30)
  assert.equal(second.grow!(60), true)
  assert.equal(second.grow!(20), false)
  assert.equal(budget.heldBytes, 90)
  assert.equal(budget.reserve({ 'content-length': '11' }), undefined)
  assert.ok(budget.reserve({ 'content-length': '0' }))
  assert.ok(budget.reserve({ 'content-length': '41' }), 'too long anyway: refused by its length')
  first.release()
  second.release()
  assert.equal(budget.heldBytes, 0)
})

test('many small writes at once have room, also when they do not say how long they are', async () => {
  const requests = Array.from({ length: 100 }, (_, i) =>
    i % 2 ? post(10, { 'transfer-encoding': 'chunked' }) : remove(),
  )
  assert.deepEqual(new Set((await Promise.all(requests)).map(({ status }) => status)), new Set([200]))
})

test('bodies of unknown length have the same bound in all', async () => {
  const waiting: TLSSocket[] = []
  const megabyte = `100000\r\n${'x'.repeat(2 ** 20)}\r\n`
  for (let i = 0; i < 46; i++) {
    const socket = await connect()
    socket.resume()
    socket.write(`POST /post HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${megabyte.repeat(2)}`)
    socket.write(`ff000\r\n${'x'.repeat(0xff000)}`)
    waiting.push(socket)
  }
  // The refused ones are cut off: their bodies are still on the way.
  await Promise.race(waiting.map((socket) => new Promise((resolve) => socket.once('close', resolve))))
  for (const socket of waiting) socket.destroy()
  let answered = await post(1000)
  while (answered.status === 429) answered = await post(1000)
  assert.equal(answered.status, 200)
})

test('of a list that the client does not read only a few pieces are made, and the client is cut off', async () => {
  const socket = await connect()
  socket.pause()
  socket.write('GET /list HTTP/1.1\r\nhost: a\r\n\r\n')
  piecesAsked = 0
  const made = await quiet(() => piecesAsked)
  // The sizes are summed up first; then only what the buffers of both ends hold is made.
  assert.ok(made > 5000 && made < 8000, `${made} of 10000`)
  await clock.advance(60_000)
  socket.resume()
  await once(socket, 'close')
  assert.ok(piecesAsked < 8000)
})

test('a watcher that does not read is cut off', async () => {
  const ended = new Promise<void>((resolve) => {
    watchEnded = resolve
  })
  const socket = await connect()
  socket.pause()
  socket.write('GET /watch HTTP/1.1\r\nhost: a\r\n\r\n')
  let bytes = 0
  await quiet(() => (bytes = socket.bytesRead))
  assert.ok(bytes >= 0)
  await clock.advance(60_000)
  await ended
  socket.destroy()
})

const frame = (type: number, flags: number, stream: number, payload: Buffer) => {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}
/** GET https://a/ with its end, in HPACK's static table. */
const GET = Buffer.from([0x82, 0x87, 0x84, 0x41, 0x01, 0x61])
const END_OF_HEADERS_AND_STREAM = 0x5

async function http2Flood(frames: (i: number) => Buffer): Promise<void> {
  const socket = connectTls({ host: '127.0.0.1', port, ca: pki.authorityCert, ALPNProtocols: ['h2'] })
  await once(socket, 'secureConnect')
  socket.on('error', () => {})
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.resume()
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0))]))
  for (let i = 0; i < 50_000 && !socket.destroyed && socket.writable; i++) {
    if (!socket.write(frames(i))) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed])
  }
  await closed
}

test('a client that resets streams as fast as it opens them loses its connection; others do not notice', {
  timeout: 20_000,
}, async () => {
  await http2Flood((i) =>
    Buffer.concat([
      frame(1, END_OF_HEADERS_AND_STREAM, i * 2 + 1, GET),
      frame(3, 0, i * 2 + 1, Buffer.from([0, 0, 0, 8])),
    ]),
  )
  assert.equal((await post(10)).status, 200)
})

test('connections from one address have a bound; those that end make room', async () => {
  let refused = 0
  const server = createServer((socket) => socket.on('error', () => {}))
  limitConnections(server, { total: 100, perAddress: 3 }, () => refused++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const at = (server.address() as { port: number }).port
  const open = async (): Promise<Socket> => {
    const socket = createConnection(at, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }
  const held = [await open(), await open(), await open()]
  await once(await open(), 'close')
  assert.equal(refused, 1)
  const gone = once(server, 'connection').then(([socket]) => socket as Socket)
  held[0]!.destroy()
  await new Promise((resolve) => setImmediate(resolve))
  let next = await open()
  while (refused > 1 && next.destroyed) next = await open()
  await gone
  for (const socket of [...held, next]) socket.destroy()
  server.close()
})
