// Input that means harm, or was made by accident: too big, too deep, too slow, not text, or named like a part of the language. Each gets
// a clear answer, and the server goes on.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import tls from 'node:tls'
import { FakeClock } from '../../src/base/clock.ts'
import { conformanceServer, type Json } from './server.ts'

const clock = new FakeClock(Date.now())
const api = await conformanceServer({ clock })
after(() => api.close())
const MAPS = '/api/v1/namespaces/default/configmaps'
await api.post(MAPS, { metadata: { name: 'kept' }, data: { a: '1' } })
const alive = async () => assert.equal((await api.get(`${MAPS}/kept`)).body.data.a, '1')

test('nesting without end is refused in JSON, YAML and patches', async () => {
  for (const depth of [20_000, 500_000]) {
    const deep = `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
    const list = `${'['.repeat(depth)}${']'.repeat(depth)}`
    for (const body of [deep, `{"metadata":{"name":"x"},"data":${list}}`, list]) {
      if (body.length > 3_000_000) continue
      assert.equal((await api.send('POST', MAPS, body)).status, 400)
      const yaml = { headers: { 'content-type': 'application/yaml' } }
      assert.equal((await api.send('POST', MAPS, body, yaml)).status, 400)
      for (const type of ['merge-patch+json', 'strategic-merge-patch+json', 'json-patch+json', 'apply-patch+yaml']) {
        const headers = { 'content-type': `application/${type}` }
        const { status } = await api.send('PATCH', `${MAPS}/kept?fieldManager=x`, body, { headers })
        assert.ok(status === 400 || status === 422, `${type}: ${status}`)
      }
    }
  }
  await alive()
})

test('YAML that multiplies itself is refused', async () => {
  const lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]']
  for (let i = 1; i < 10; i++)
    lines.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(',')}]`,
    )
  const bomb = `metadata: {name: bomb}\n${lines.join('\n')}\n`
  const began = performance.now()
  const { status } = await api.send('POST', MAPS, bomb, { headers: { 'content-type': 'application/yaml' } })
  assert.equal(status, 400)
  assert.ok(performance.now() - began < 5000, `${performance.now() - began} ms`)
  await alive()
})

test('names of the language are only names', async () => {
  const data = '{"__proto__":"p","constructor":"c","prototype":"q","toString":"t","hasOwnProperty":"h"}'
  const text = `{"metadata":{"name":"names","labels":{"__proto__":"x","constructor":"y"}},"data":${data}}`
  const refused = await api.send('POST', MAPS, text)
  assert.equal(refused.status, 422, 'a label must begin with a letter or digit')
  const made = await api.send('POST', MAPS, text.replace('"__proto__":"x",', ''))
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const { bytes } = await api.get(`${MAPS}/names`)
  const stored = JSON.parse(bytes.toString())
  assert.deepEqual(Object.entries(stored.data).sort(), Object.entries(JSON.parse(data)).sort())
  const patches: [string, string][] = [
    ['merge-patch+json', '{"data":{"__proto__":"merged"}}'],
    ['strategic-merge-patch+json', '{"data":{"__proto__":"strategic"}}'],
    ['json-patch+json', '[{"op":"replace","path":"/data/__proto__","value":"json"}]'],
    ['apply-patch+yaml', '{"apiVersion":"v1","kind":"ConfigMap","data":{"__proto__":"applied"}}'],
  ]
  for (const [type, patch] of patches) {
    const path = `${MAPS}/names?fieldManager=names&force=${type.startsWith('apply')}`.replace('&force=false', '')
    const answer = await api.send('PATCH', path, patch, { headers: { 'content-type': `application/${type}` } })
    assert.equal(answer.status, 200, `${type}: ${JSON.stringify(answer.body)}`)
    const [, value] = Object.entries(JSON.parse(answer.bytes.toString()).data).find(([key]) => key === '__proto__')!
    assert.ok(['merged', 'strategic', 'json', 'applied'].includes(String(value)), `${type}: ${value}`)
  }
  const unknown = '{"metadata":{"name":"u","__proto__":{"finalizers":["x/y"]}},"__proto__":{"immutable":true}}'
  const pruned = await api.send('POST', `${MAPS}?dryRun=All`, unknown)
  assert.equal(pruned.status, 201)
  assert.equal(pruned.body.immutable, undefined)
  assert.equal(pruned.body.metadata.finalizers, undefined)
  const path = await api.send(
    'PATCH',
    `${MAPS}/names`,
    '[{"op":"add","path":"/metadata/__proto__/polluted","value":"x"}]',
    {
      headers: { 'content-type': 'application/json-patch+json' },
    },
  )
  assert.ok(path.status === 422 || path.status === 400, String(path.status))
  assert.equal(({} as Json).polluted, undefined)
  const query = '__proto__=1&constructor=2&labelSelector=__proto__&fieldSelector=constructor%3D1'
  assert.equal((await api.get(`${MAPS}?${query}`)).status, 400)
  assert.equal((await api.get('/api/v1/constructor')).status, 404)
  assert.equal((await api.get('/apis/__proto__/v1/x')).status, 404)
  assert.equal((await api.get('/api/v1/namespaces/default/pods/x/constructor')).status, 404)
  assert.equal((await api.post('/api/v1/namespaces', { metadata: { name: 'constructor' } })).status, 201)
  assert.equal((await api.get('/api/v1/namespaces/constructor/configmaps')).body.items.length, 0)
  await alive()
})

test('bytes that are no text are refused or replaced, never passed on', async () => {
  const body = Buffer.concat([Buffer.from('{"metadata":{"name":"bad-'), Buffer.from([0xff, 0xfe]), Buffer.from('"}}')])
  const { status } = await api.send('POST', MAPS, body)
  assert.ok(status === 400 || status === 422, String(status))
  const value = Buffer.concat([
    Buffer.from('{"metadata":{"name":"text"},"data":{"a":"'),
    Buffer.from([0xff]),
    Buffer.from('"}}'),
  ])
  const made = await api.send('POST', MAPS, value)
  if (made.status === 201) assert.equal(made.body.data.a, '\ufffd')
  else assert.equal(made.status, 400)
  for (const path of [
    `${MAPS}/%ff`,
    `${MAPS}/%00`,
    `${MAPS}/%2e%2e%2fsecrets`,
    `${MAPS}/..%2F..`,
    `${MAPS}/a%2Fb`,
    `${MAPS}/%`,
  ]) {
    const answer = await api.get(path)
    assert.ok(answer.status === 404 || answer.status === 400, `${path}: ${answer.status}`)
  }
  await alive()
})

test('selectors, names and queries of any size are answered', async () => {
  const many = Array.from({ length: 400 }, (_, i) => `k${i} in (a,b)`).join()
  assert.equal((await api.get(`${MAPS}?labelSelector=${encodeURIComponent(many)}`)).status, 200)
  const long = `k in (${Array.from({ length: 1200 }, (_, i) => `v${i}`).join()})`
  assert.equal((await api.get(`${MAPS}?labelSelector=${encodeURIComponent(long)}`)).status, 200)
  assert.equal((await api.get(`${MAPS}?labelSelector=${'('.repeat(5000)}`)).status, 400)
  assert.equal((await api.get(`${MAPS}/${'n'.repeat(6000)}`)).status, 404)
  assert.equal((await api.get(`${MAPS}?x=${'y'.repeat(200_000)}`)).status, 200)
  assert.equal((await api.get(`${MAPS}?x=${'y'.repeat(250_000)}`)).status, 414)
  const spaces = `a${' '.repeat(50_000)}`
  const answer = await api.send('POST', MAPS, JSON.stringify({ metadata: { name: spaces } }))
  assert.equal(answer.status, 422)
  assert.equal((await api.get(`${MAPS}?limit=99999999999999999999`)).status < 500, true)
  assert.equal((await api.get(`${MAPS}?resourceVersion=99999999999999999999`)).status, 400)
  await alive()
})

test('regular expressions in the server do not stall on what clients send', async () => {
  const began = performance.now()
  const nasty = [`${'a'.repeat(30_000)}!`, `${'-'.repeat(30_000)}a`, `${'a.'.repeat(15_000)}`, `${'1'.repeat(30_000)}x`]
  for (const text of nasty) {
    await api.post(MAPS, { metadata: { name: text, labels: { [text]: text }, generateName: text } })
    await api.post('/api/v1/namespaces/default/pods', {
      metadata: { name: 'p' },
      spec: {
        hostname: text,
        containers: [{ name: text, image: text, resources: { limits: { cpu: text } }, env: [{ name: text }] }],
      },
    })
    await api.post('/apis/batch/v1/namespaces/default/cronjobs', { metadata: { name: 'c' }, spec: { schedule: text } })
  }
  assert.ok(performance.now() - began < 5000, `${performance.now() - began} ms`)
})

const raw = (text: string) =>
  new Promise<string>((resolve) => {
    const { cert, key } = api.pki.admin
    const socket = tls.connect({ host: '127.0.0.1', port: api.port, ca: api.pki.authorityCert, cert, key })
    let seen = ''
    socket.on('secureConnect', () => socket.write(text))
    socket.on('data', (chunk) => {
      seen += chunk
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(seen))
  })

test('a body that does not come is not waited for without end', async () => {
  const half = raw(
    `POST ${MAPS} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"meta`,
  )
  const session = api.http2()
  const stream = session.request({ ':path': MAPS, ':method': 'POST', 'content-type': 'application/json' })
  stream.write('{"meta')
  const status = new Promise<number>((resolve) => {
    stream.on('response', (headers) => resolve(Number(headers[':status'])))
    stream.on('error', () => resolve(0))
    stream.on('close', () => resolve(0))
  })
  const deadline = performance.now() + 20_000
  let both = false
  const ended = Promise.all([half, status]).then(() => {
    both = true
  })
  while (!both && performance.now() < deadline) {
    await clock.advance(10_000)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.ok(both, 'both ended')
  await ended
  assert.match(await half, /^HTTP\/1.1 504 /)
  assert.equal(await status, 504)
  session.destroy()
  await alive()
})

test('lines that are no HTTP end the connection', async () => {
  assert.match(await raw('nonsense\r\n\r\n'), /^(HTTP\/1\.1 400 |$)/)
  const headers = Array.from({ length: 1500 }, (_, i) => `x-${i}: ${'y'.repeat(200)}`).join('\r\n')
  assert.match(await raw(`GET /version HTTP/1.1\r\nhost: x\r\n${headers}\r\n\r\n`), /^(HTTP\/1\.1 431 |$)/)
  const smuggled = `POST ${MAPS} HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`
  assert.match(await raw(smuggled), /^HTTP\/1\.1 400 /)
  await alive()
})
