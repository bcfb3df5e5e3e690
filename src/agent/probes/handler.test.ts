// Handlers against real servers on loopback.
import assert from 'node:assert/strict'
import http from 'node:http'
import http2 from 'node:http2'
import { type AddressInfo, createServer } from 'node:net'
import { after, test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { encodeRequest, judge, probeGrpc } from './grpc.ts'
import { resolvePort } from './handler.ts'
import { probeHttp } from './http.ts'
import { probeTcp } from './tcp.ts'

const { signal } = new AbortController()
const closers: (() => void)[] = []
after(() => {
  for (const close of closers) close()
})
async function listen(server: {
  listen(port: number, host: string, done: () => void): unknown
  address(): unknown
  close(): unknown
}) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  return (server.address() as AddressInfo).port
}
const get = (port: number, path: string, headers: { name: string; value: string }[] = [], timeoutMs = 1000) =>
  probeHttp({ scheme: 'HTTP', host: '127.0.0.1', port, path, headers }, timeoutMs, systemClock, signal)

test('http: 200 to 399 are good, others say their status, headers are sent, redirects stay on the host', async () => {
  const seen: http.IncomingHttpHeaders[] = []
  const server = http.createServer((request, response) => {
    seen.push(request.headers)
    const status = Number(request.url?.slice(1)) || 200
    if (request.url === '/moved') response.writeHead(302, { location: '/204' })
    else if (request.url === '/away') response.writeHead(302, { location: 'http://example.invalid/' })
    else if (request.url === '/slow') return
    else response.writeHead(status)
    response.end('body')
  })
  const port = await listen(server)
  closers.push(() => server.closeAllConnections())
  assert.deepEqual(await get(port, '/200'), { ok: true, message: 'body' })
  assert.deepEqual(await get(port, '/503'), { ok: false, message: 'HTTP probe failed with statuscode: 503' })
  assert.equal((await get(port, '/399')).ok, true)
  assert.equal((await get(port, '/moved')).ok, true)
  assert.equal((await get(port, '/away')).ok, true)
  await get(port, 'no-slash', [
    { name: 'X-A', value: '1' },
    { name: 'Host', value: 'web.example' },
  ])
  assert.deepEqual(
    [seen.at(-1)?.['x-a'], seen.at(-1)?.host, seen.at(-1)?.['user-agent']],
    ['1', 'web.example', 'kube-probe/1.36'],
  )
  const slow = await get(port, '/slow', [], 30)
  assert.match(slow.message, /context deadline exceeded/)
})

test('a port that nobody listens on is refused in the standard words', async () => {
  const server = createServer()
  const port = await listen(server)
  assert.deepEqual(await probeTcp('127.0.0.1', port, 1000, systemClock, signal), { ok: true, message: '' })
  await new Promise<void>((resolve) => server.close(() => resolve()))
  const refused = `dial tcp 127.0.0.1:${port}: connect: connection refused`
  assert.deepEqual(await probeTcp('127.0.0.1', port, 1000, systemClock, signal), { ok: false, message: refused })
  assert.equal((await get(port, '/')).message, `Get "http://127.0.0.1:${port}/": ${refused}`)
})

test('grpc: the health service says whether a service is up', async () => {
  let status = 1
  const server = http2.createServer()
  server.on('stream', (stream, headers) => {
    assert.equal(headers[':path'], '/grpc.health.v1.Health/Check')
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, status]))
  })
  const port = await listen(server)
  assert.deepEqual(await probeGrpc('127.0.0.1', port, 'svc', 1000, systemClock, signal), { ok: true, message: '' })
  status = 2
  const down = await probeGrpc('127.0.0.1', port, '', 1000, systemClock, signal)
  assert.equal(down.message, 'service unhealthy (responded with "NOT_SERVING")')
  assert.deepEqual(encodeRequest('ab'), Buffer.from([0, 0, 0, 0, 4, 0x0a, 2, 0x61, 0x62]))
  assert.equal(judge('12', Buffer.alloc(0), 'x:1').ok, false)
})

test('ports are numbers or names of the container', () => {
  const spec = { name: 'a', ports: [{ name: 'web', containerPort: 8080 }] }
  assert.deepEqual(
    [80, 'web', '443', 'nope', 0].map((port) => resolvePort(port, spec)),
    [80, 8080, 443, undefined, undefined],
  )
})
