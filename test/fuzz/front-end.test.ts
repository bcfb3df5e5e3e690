// Bytes at the front door that are no good HTTP: whatever comes over one connection, it is answered or cut, and the others are served on.
import assert from 'node:assert/strict'
import { after, afterEach, test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { conformanceServer } from '../conformance/server.ts'
import { garbled } from './json.ts'
import { ODD_STRINGS, Random, rounds, SEED } from './random.ts'
import { FRAME, frame, GET_ROOT, openLine, PREFACE } from './wire.ts'

const api = await conformanceServer({ clock: systemClock })
after(() => api.close())
const MAPS = '/api/v1/namespaces/default/configmaps'
await api.post(MAPS, { metadata: { name: 'kept' }, data: { a: '1' } })

/** Others are answered: of a second connection, while the first does what it does. */
const MOST_MS = 2000
async function othersAreServed(note: string): Promise<void> {
  const began = performance.now()
  const { status } = await api.get(`${MAPS}/kept`)
  assert.equal(status, 200, note)
  const tookMs = performance.now() - began
  assert.ok(tookMs < MOST_MS, `${note}: ${tookMs} ms`)
}
afterEach(() => othersAreServed('after the test'))

async function say(text: string | Buffer): Promise<string> {
  const line = await openLine(api, 'http/1.1')
  line.socket.write(text)
  await line.quiet()
  line.socket.destroy()
  return line.seen()
}

const head = (method: string, path: string, ...headers: string[]) =>
  [`${method} ${path} HTTP/1.1`, 'host: x', ...headers, '', ''].join('\r\n')
const firstLine = (answer: string) => answer.split('\r\n', 1)[0]!

test('what could be read in two ways is refused', async () => {
  const json = 'content-type: application/json'
  const cases: [string, string, RegExp][] = [
    ['two lengths', `${head('POST', MAPS, json, 'content-length: 2', 'content-length: 3')}{}x`, /^HTTP\/1\.1 400/],
    [
      'length and chunks',
      `${head('POST', MAPS, json, 'content-length: 2', 'transfer-encoding: chunked')}0\r\n\r\n`,
      /^HTTP\/1\.1 400/,
    ],
    ['an unknown coding', `${head('POST', MAPS, json, 'transfer-encoding: gzip, x')}{}`, /^HTTP\/1\.1 (400|501)/],
    ['chunked twice', `${head('POST', MAPS, json, 'transfer-encoding: chunked, chunked')}0\r\n\r\n`, /^HTTP\/1\.1 400/],
    ['a negative length', head('POST', MAPS, json, 'content-length: -1'), /^HTTP\/1\.1 400/],
    ['a length with a sign', `${head('POST', MAPS, json, 'content-length: +2')}{}`, /^HTTP\/1\.1 400/],
    ['a huge length', head('POST', MAPS, json, 'content-length: 99999999999999999999999'), /^HTTP\/1\.1 400/],
    [
      'a chunk of no size',
      `${head('POST', MAPS, json, 'transfer-encoding: chunked')}x\r\n{}\r\n0\r\n\r\n`,
      /^HTTP\/1\.1 400/,
    ],
    [
      'a huge chunk',
      `${head('POST', MAPS, json, 'transfer-encoding: chunked')}ffffffffffffffffff\r\n`,
      /^HTTP\/1\.1 400/,
    ],
    ['blanks before the colon', head('GET', '/version', 'x : y'), /^HTTP\/1\.1 400/],
    ['a folded header', head('GET', '/version', 'x: y\r\n z: w'), /^HTTP\/1\.1 400/],
    ['a line feed alone', 'GET /version HTTP/1.1\nhost: x\n\n', /^HTTP\/1\.1 400/],
    ['a zero byte', head('GET', '/version', 'x: a\0b'), /^HTTP\/1\.1 400/],
    ['no host', 'GET /version HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400/],
    ['a version of the future', 'GET /version HTTP/3.0\r\nhost: x\r\n\r\n', /^HTTP\/1\.1 (400|505)/],
    ['a method of nobody', head('BREW', '/version'), /^HTTP\/1\.1 (400|405)/],
    ['a blank in the path', head('GET', '/ver sion'), /^HTTP\/1\.1 400/],
    ['TLS in TLS', '\x16\x03\x01\x02\x00\x01\x00', /^HTTP\/1\.1 400/],
    ['HTTP/2 without having said so', PREFACE.toString('latin1'), /^HTTP\/1\.1 400/],
  ]
  for (const [note, text, expected] of cases) assert.match(firstLine(await say(text)), expected, note)
})

test('a URL that is too long is answered with 414, headers that are too long with 431', async () => {
  const long = `/api?labelSelector=${'a'.repeat(250 * 1024)}`
  const answer = await say(head('GET', long, 'connection: close'))
  assert.match(firstLine(answer), /^HTTP\/1\.1 414 /)
  assert.equal(JSON.parse(answer.slice(answer.indexOf('{'))).code, 414)
  assert.match(firstLine(await say(head('GET', '/version', `x: ${'a'.repeat(300 * 1024)}`))), /^HTTP\/1\.1 431 /)
  const selector = encodeURIComponent(`a in (${'b,'.repeat(20_000)}c)`)
  assert.equal((await api.get(`${MAPS}?labelSelector=${selector}`)).status, 200, 'what a client may well ask')
})

test('requests behind one another in one packet are answered in order; a bad one ends the connection', async () => {
  const paths = Array.from({ length: 20 }, (_, i) => (i % 3 ? '/version' : `${MAPS}/kept`))
  const answers = await say(paths.map((path) => head('GET', path)).join(''))
  const kinds = [...answers.matchAll(/"(gitVersion|ConfigMap)"/g)].map(([, word]) =>
    word === 'ConfigMap' ? paths[0] : '/version',
  )
  assert.deepEqual(kinds, paths)
  assert.match(await say(`${head('GET', '/version')}nonsense\r\n\r\n${head('GET', '/version')}`), /HTTP\/1\.1 400 /)
})

test('upgrades to what is not spoken, or with broken handshakes, are refused', async () => {
  const socket = ['connection: upgrade', 'upgrade: websocket', 'sec-websocket-version: 13']
  const key = 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=='
  const exec = '/api/v1/namespaces/default/pods/none/exec?command=sh'
  const cases = [
    head('GET', exec, ...socket, key),
    head('GET', exec, ...socket),
    head('GET', exec, ...socket, 'sec-websocket-key: x'),
    head('GET', exec, 'connection: upgrade', 'upgrade: SPDY/3.1'),
    head('GET', exec, 'connection: upgrade', 'upgrade: h2c', 'http2-settings: AAMAAABkAARAAAAAAAIAAAAA'),
    head('GET', '/version', ...socket, key),
    head('POST', MAPS, ...socket, key, 'content-length: 2'),
    head('GET', '/%ff%00', ...socket, key),
    head('CONNECT', '127.0.0.1:22'),
    `${head('GET', `${MAPS}?watch=1`, ...socket)}garbage`,
  ]
  for (const text of cases) {
    const answer = firstLine(await say(text))
    assert.match(answer, /^HTTP\/1\.1 [1-4]\d\d |^$/, `${text}: ${answer}`)
  }
})

/** Frames that cost the server more than the client. */
const FLOODS: Readonly<Record<string, (i: number) => Buffer>> = {
  pings: () => frame(FRAME.ping, 0, 0, Buffer.alloc(8)),
  settings: () => frame(FRAME.settings, 0, 0, Buffer.from([0, 3, 0, 0, 0, 100])),
  'empty settings': () => frame(FRAME.settings, 0, 0, Buffer.alloc(0)),
  windows: () => frame(FRAME.window, 0, 0, Buffer.from([0, 0, 0, 1])),
  priorities: (i) => frame(FRAME.priority, 0, 2 * (i % 1000) + 1, Buffer.from([0, 0, 0, 0, 1])),
  'requests that are never finished': (i) => frame(FRAME.headers, 4, 2 * i + 1, GET_ROOT),
  'empty data': (i) => (i === 0 ? frame(FRAME.headers, 4, 1, GET_ROOT) : frame(FRAME.data, 0, 1, Buffer.alloc(0))),
  'headers without end': (i) =>
    frame(
      i === 0 ? FRAME.headers : FRAME.continuation,
      0,
      1,
      Buffer.concat([Buffer.from([0, 2, 120, 121, 127]), Buffer.from([0x81, 0x1]), Buffer.alloc(256, 97)]),
    ),
  'unknown frames': (i) => frame(0x20 + (i % 100), 0xff, i, Buffer.alloc(100)),
}

for (const [name, make] of Object.entries(FLOODS)) {
  for (const reads of [true, false]) {
    test(`a flood of ${name} hurts nobody else, of a client that ${reads ? 'reads' : 'does not read'}`, {
      timeout: 20_000,
    }, async () => {
      const { socket } = await openLine(api, 'h2')
      if (!reads) socket.pause()
      socket.write(PREFACE)
      const before = process.memoryUsage().rss
      let i = 0
      const until = performance.now() + 400
      while (performance.now() < until && !socket.destroyed && socket.writable && i < 60_000) {
        const many = Array.from({ length: 200 }, () => make(i++))
        if (!socket.write(Buffer.concat(many))) {
          const drained = new Promise((resolve) => socket.once('drain', resolve))
          await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, 100))])
        }
      }
      await othersAreServed(name)
      socket.destroy()
      const grown = process.memoryUsage().rss - before
      assert.ok(grown < 150e6, `grew by ${Math.round(grown / 1e6)} MB`)
    })
  }
}

test('random bytes, and good requests with some bytes changed, are answered or cut', { timeout: 120_000 }, async () => {
  const count = rounds(10)
  for (let seed = SEED; seed < SEED + count; seed++) {
    const random = new Random(seed)
    const lines = await Promise.all(Array.from({ length: 24 }, (_, i) => openLine(api, i % 2 ? 'h2' : 'http/1.1')))
    await Promise.all(
      lines.map(async ({ socket, seen, quiet }, i) => {
        const bytes = i % 2 ? randomFrames(random) : garbled(random, Buffer.from(randomText(random), 'latin1'))
        socket.write(bytes)
        await quiet()
        socket.destroy()
        if (i % 2 || seen() === '') return
        assert.match(
          firstLine(seen()),
          /^HTTP\/1\.1 (1|2|3|4)\d\d |^HTTP\/1\.1 50[1345] /,
          `seed ${seed}: ${JSON.stringify(bytes.toString('latin1'))}`,
        )
      }),
    )
    await othersAreServed(`seed ${seed}`)
  }
})

function randomText(random: Random): string {
  const method = random.pick(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'CONNECT', 'TRACE', 'QUERY'])
  const path = random.pick([
    '/',
    '*',
    '/version',
    MAPS,
    `${MAPS}/kept`,
    'http://x/version',
    '//',
    '/../x',
    '/%2e%2e/%00',
    `/${random.pick(ODD_STRINGS)}`,
  ])
  const names = [
    'host',
    'content-length',
    'transfer-encoding',
    'content-type',
    'accept',
    'accept-encoding',
    'expect',
    'connection',
    'upgrade',
    'authorization',
    'impersonate-user',
    'impersonate-group',
    'impersonate-extra-a',
    'impersonate-uid',
    'x-remote-user',
    'cookie',
    'range',
    'te',
    'trailer',
    'audit-id',
    'if-none-match',
    'set-cookie',
  ]
  const values = [
    'x',
    '0',
    '5',
    'chunked',
    'close',
    'keep-alive, upgrade',
    'websocket',
    '100-continue',
    '101-continue',
    'gzip;q=0, *',
    'Bearer x',
    'Basic eDp5',
    'bytes=0-',
    'trailers',
    'system:masters',
    'system:node:x',
    '',
    ...ODD_STRINGS.map((text) =>
      Buffer.from(text)
        .toString('latin1')
        .replace(/[\r\n\0]/g, ''),
    ),
  ]
  const headers = Array.from({ length: random.below(9) }, () => `${random.pick(names)}: ${random.pick(values)}`)
  const body = random.pick(['', '{}', '5\r\n{"a":\r\n0\r\n\r\n', '0\r\nx: y\r\n\r\n', '{"metadata":{"name":"x"}}'])
  return head(method, path, ...headers) + body
}

function randomFrames(random: Random): Buffer {
  const frames = Array.from({ length: 1 + random.below(12) }, () => {
    const type = random.below(12)
    const payload = type === 1 && random.chance(0.7) ? GET_ROOT : random.bytes(random.pick([0, 4, 5, 6, 8, 40]))
    return frame(type, random.below(256), random.pick([0, 1, 3, 5, 2, 0x7fffffff]), payload)
  })
  const whole = Buffer.concat(random.chance(0.9) ? [PREFACE, ...frames] : frames)
  return random.chance(0.3) ? garbled(random, whole) : whole
}
