import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { duplexPair } from '../../cri/fake-channel.ts'
import { SPDY_DICTIONARY } from './dictionary.ts'
import { controlFrame, dataFrame, type Frame, FrameReader, TYPE, words } from './frames.ts'
import { SpdySession } from './session.ts'
import type { SpdyStream } from './stream.ts'

function pair(onStream: (stream: SpdyStream) => void) {
  const [near, far] = duplexPair()
  const server = new SpdySession(far, { role: 'server', onStream })
  const client = new SpdySession(near, { role: 'client', onStream: () => undefined })
  const ended = Promise.all([server.run(), client.run()])
  return { server, client, near, far, ended }
}
const echo = (stream: SpdyStream) => void stream.pipe(stream)
async function textOf(stream: SpdyStream): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += chunk
  return text
}

test('the dictionary is the 1423 bytes of the protocol', () => {
  assert.equal(SPDY_DICTIONARY.length, 1423)
  assert.equal(createHash('sha256').update(SPDY_DICTIONARY).digest('hex'), DICTIONARY_SHA256)
})
const DICTIONARY_SHA256 = '51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02'

test('a stream carries bytes both ways, and each half ends by itself', async () => {
  const { client, ended } = pair(echo)
  const stream = await client.open({ streamType: 'stdin' })
  stream.write('hello ')
  stream.end('there')
  assert.equal(await textOf(stream), 'hello there')
  client.close()
  assert.deepEqual(await ended, [undefined, undefined])
})

test('headers arrive with lower-case names, stream after stream', async () => {
  const seen: Record<string, string>[] = []
  const { client, ended } = pair((stream) => {
    seen.push({ ...stream.headers })
    stream.end()
  })
  for (const port of ['80', '8080']) {
    const stream = await client.open({ streamType: 'data', port, requestID: '0' })
    assert.equal(await textOf(stream), '')
  }
  client.close()
  await ended
  assert.deepEqual(seen, [
    { streamtype: 'data', port: '80', requestid: '0' },
    { streamtype: 'data', port: '8080', requestid: '0' },
  ])
})

test('streams are independent, and megabytes arrive whole', async () => {
  const { client, ended } = pair(echo)
  const payload = Buffer.alloc(3 << 20, 'abcdefg')
  const digests = await Promise.all(
    [1, 2, 3].map(async () => {
      const stream = await client.open({})
      stream.end(payload)
      const hash = createHash('sha256')
      for await (const chunk of stream) hash.update(chunk)
      return hash.digest('hex')
    }),
  )
  assert.deepEqual(new Set(digests), new Set([createHash('sha256').update(payload).digest('hex')]))
  client.close()
  await ended
})

test('a peer that controls flow gets no more than its window and must open it', async () => {
  const [near, far] = duplexPair()
  const server = new SpdySession(far, { role: 'server', onStream: (stream) => stream.end(Buffer.alloc(200_000)) })
  const running = server.run()
  const client = new SpdySession(new Duplex({ read() {}, write: (_c, _e, done) => done() }), {
    role: 'client',
    onStream: () => undefined,
  })
  void client
  const reader = new FrameReader()
  let received = 0
  let finished = false
  const frames: Frame[] = []
  near.on('data', (chunk) => {
    for (const frame of reader.read(chunk)) {
      frames.push(frame)
      if (frame.kind === 'data') {
        received += frame.bytes.length
        finished ||= frame.fin
      }
    }
  })
  near.write(controlFrame(TYPE.settings, 0, words(1, 7, 10_000)))
  near.write(controlFrame(TYPE.synStream, 0, Buffer.concat([words(1, 0), Buffer.alloc(2), await emptyHeaders()])))
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(received, 10_000)
  near.write(controlFrame(TYPE.windowUpdate, 0, words(1, 190_000)))
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(received, 200_000)
  assert.ok(finished)
  near.end()
  await running
})

test('a ping is answered', async () => {
  const { client, server, ended } = pair(echo)
  await client.ping()
  await server.ping()
  client.close()
  await ended
})

test('a stream that one side destroys ends on the other', async () => {
  const opened = Promise.withResolvers<SpdyStream>()
  const { client, ended } = pair(opened.resolve)
  const near = await client.open({})
  const far = await opened.promise
  const closed = new Promise((resolve) => far.once('close', resolve))
  near.destroy()
  await closed
  client.close()
  await ended
})

test('more streams than allowed are refused', async () => {
  const [near, far] = duplexPair()
  const server = new SpdySession(far, { role: 'server', onStream: () => undefined, maxStreams: 2 })
  const client = new SpdySession(near, { role: 'client', onStream: () => undefined })
  const ended = Promise.all([server.run(), client.run()])
  const streams = [await client.open({}), await client.open({}), await client.open({})]
  await new Promise((resolve) => streams[2]!.once('close', resolve))
  assert.equal(streams[0]!.destroyed, false)
  client.close()
  await ended
})

test('frames are the same however the bytes are cut', () => {
  const bytes = Buffer.concat([
    controlFrame(TYPE.ping, 0, words(7)),
    dataFrame(3, Buffer.from('some data'), false),
    dataFrame(3, Buffer.alloc(0), true),
    controlFrame(TYPE.goAway, 0, words(3, 0)),
  ])
  const whole = summary(new FrameReader(), [bytes])
  for (let size = 1; size < 12; size++) {
    const chunks: Buffer[] = []
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
    assert.deepEqual(summary(new FrameReader(), chunks), whole)
  }
})

test('whatever arrives, the session ends and never throws (seeded)', async () => {
  let seed = 20_260_101
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return seed % below
  }
  const good = Buffer.concat([
    controlFrame(TYPE.synStream, 0, Buffer.concat([words(1, 0), Buffer.alloc(2), await emptyHeaders()])),
    dataFrame(1, Buffer.from('payload'), false),
    controlFrame(TYPE.windowUpdate, 0, words(1, 100)),
    controlFrame(TYPE.settings, 0, words(1, 7, 1000)),
    controlFrame(TYPE.ping, 0, words(1)),
    dataFrame(1, Buffer.from('x'), true),
  ])
  for (let round = 0; round < 400; round++) {
    const bytes = Buffer.from(good)
    for (let i = random(6); i >= 0; i--) bytes[random(bytes.length)] = random(256)
    const [near, far] = duplexPair()
    const session = new SpdySession(far, { role: 'server', onStream: (stream) => stream.resume() })
    const running = session.run()
    near.resume()
    near.end(bytes.subarray(0, 1 + random(bytes.length)))
    await running
    assert.equal(session.openStreams, 0)
  }
})

/** Data pieces joined, so that cuts do not matter. */
function summary(reader: FrameReader, chunks: Buffer[]): string[] {
  const all: string[] = []
  let data = ''
  for (const chunk of chunks)
    for (const frame of reader.read(chunk)) {
      if (frame.kind === 'control') all.push(`control ${frame.type} ${frame.payload.toString('hex')}`)
      else {
        data += frame.bytes.toString()
        if (frame.fin) all.push(`data ${frame.streamId} ${data}`)
      }
    }
  return all
}

async function emptyHeaders(): Promise<Buffer> {
  const { HeaderDeflater } = await import('./compression.ts')
  return new HeaderDeflater().deflate(words(0))
}
