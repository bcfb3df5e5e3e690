import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { after, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { systemClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/log.ts'
import { ensurePki } from '../../base/pki.ts'
import { configMap, pod, testApi, withDefaultAccount } from '../test-api.ts'

const directory = await mkdtemp(join(tmpdir(), 'skiff-front-end-'))
const ctx = { signal: new AbortController().signal, log: silentLogger }
const pki = await ensurePki(ctx, directory, { addresses: [], dnsNames: [], clock: systemClock })
const api = await testApi({ pki, clock: systemClock, moreMetrics: () => 'more_total 1\n' })
const { port } = await api.server.listen({ host: '127.0.0.1', port: 0 })
const n1 = await pki.node('n1', { addresses: ['127.0.0.1'], dnsNames: [] })
const admin = { ca: pki.authorityCert, cert: pki.admin.cert, key: pki.admin.key }

interface Reply {
  status: number
  headers: Record<string, string | string[] | undefined>
  bytes: Buffer
  json: () => { [key: string]: never }
}

function send(path: string, options: https.RequestOptions = {}, body?: string | Buffer): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = https.request({ host: '127.0.0.1', port, path, agent: false, ...admin, ...options }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('end', () => {
        const bytes = Buffer.concat(chunks)
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          bytes,
          json: () => JSON.parse(bytes.toString()),
        })
      })
      response.on('error', reject)
    })
    request.on('error', reject)
    request.end(body)
  })
}
const anonymous = { ca: pki.authorityCert, cert: undefined, key: undefined }

test('HTTP/1.1 and HTTP/2 are served on one port', async () => {
  assert.equal((await send('/version')).json()['major'], '1')
  const session = connectHttp2(`https://127.0.0.1:${port}`, admin)
  const stream = session.request({ ':path': '/api/v1/namespaces/default' })
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  assert.equal(JSON.parse(Buffer.concat(chunks).toString()).metadata.name, 'default')
  session.close()
})

test('users are known by certificate or token; without either they may look at the version, and a wrong token is a 401', async () => {
  assert.equal((await send('/version', anonymous)).status, 200)
  const refused = await send('/api/v1/pods', anonymous)
  assert.equal(refused.status, 401)
  assert.equal(JSON.parse(refused.bytes.toString()).message, 'Unauthorized')
  const wrong = await send('/api/v1/pods', { ...anonymous, headers: { authorization: 'Bearer nonsense' } })
  assert.equal(wrong.status, 401)
  await withDefaultAccount(api)
  const { body } = await api.post('/api/v1/namespaces/default/serviceaccounts/default/token', {})
  const headers = { authorization: `Bearer ${body.status.token}`, 'content-type': 'application/json' }
  const who = await send(
    '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    { ...anonymous, method: 'POST', headers },
    '{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"}',
  )
  assert.equal(JSON.parse(who.bytes.toString()).status.userInfo.username, 'system:serviceaccount:default:default')
  const review = await api.post('/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token: body.status.token } })
  assert.equal(review.body.status.authenticated, true)
})

test('impersonation needs the right to it', async () => {
  const headers = { 'impersonate-user': 'jane' }
  const asJane = await send('/api/v1/pods', { headers })
  assert.match(asJane.bytes.toString(), /User \\"jane\\" cannot list/)
  const node = { ...n1.client, ca: pki.authorityCert }
  assert.equal((await send('/api/v1/pods', { ...node, headers })).status, 403)
})

test('a body over the limit is a 413 and changes nothing', async () => {
  const huge = JSON.stringify(configMap('huge', { a: 'x'.repeat(3 * 1024 * 1024) }))
  const { status, json } = await send(
    '/api/v1/namespaces/default/configmaps',
    { method: 'POST', headers: { 'content-type': 'application/json' } },
    huge,
  )
  assert.equal(status, 413)
  assert.equal(json()['reason'], 'RequestEntityTooLarge')
  assert.equal((await api.get('/api/v1/namespaces/default/configmaps/huge')).status, 404)
})

test('malformed bodies are refused', async () => {
  const post = (body: string, type = 'application/json') =>
    send('/api/v1/namespaces/default/configmaps', { method: 'POST', headers: { 'content-type': type } }, body)
  assert.equal((await post('{"metadata": ')).status, 400)
  assert.equal((await post('a: [b', 'application/yaml')).status, 400)
  assert.equal((await post('')).status, 400)
  assert.equal((await post('x', 'text/plain')).status, 415)
})

test('a compressed body, long YAML and deep nesting are refused; long JSON sent as YAML is not', async () => {
  const url = '/api/v1/namespaces/default/configmaps'
  const post = (body: string | Buffer, headers: Record<string, string>) => send(url, { method: 'POST', headers }, body)
  const json = { 'content-type': 'application/json' }
  const yaml = { 'content-type': 'application/yaml' }
  const zipped = gzipSync(JSON.stringify(configMap('zipped')))
  assert.equal((await post(zipped, { ...json, 'content-encoding': 'gzip' })).status, 400)
  const long = `metadata: {name: long}\ndata:\n  a: ${'x'.repeat(1_100_000)}\n`
  const refused = await post(long, yaml)
  assert.deepEqual([refused.status, refused.json()['reason']], [413, 'RequestEntityTooLarge'])
  const data = Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`k${i}`, 'x'.repeat(70_000)]))
  const asJson = JSON.stringify(configMap('long', data))
  assert.notEqual((await post(asJson, yaml)).status, 413)
  for (const deep of ['['.repeat(1_000_000), '{"a":'.repeat(300_000)]) {
    assert.equal((await post(deep, json)).status, 400)
    assert.equal((await post(deep.slice(0, 900_000), yaml)).status, 400)
  }
})

test('YAML goes in and out', async () => {
  const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  a: "1"\n'
  const headers = { 'content-type': 'application/yaml', accept: 'application/yaml' }
  const made = await send('/api/v1/namespaces/default/configmaps', { method: 'POST', headers }, yaml)
  assert.equal(made.status, 201)
  assert.match(made.bytes.toString(), /^ {2}name: yaml$/m)
})

test('large answers are compressed for clients that take it', async () => {
  await api.post('/api/v1/namespaces/default/configmaps', configMap('large', { a: 'x'.repeat(200_000) }))
  const url = '/api/v1/namespaces/default/configmaps/large'
  const { headers, bytes } = await send(url, { headers: { 'accept-encoding': 'gzip' } })
  assert.equal(headers['content-encoding'], 'gzip')
  assert.equal(JSON.parse(gunzipSync(bytes).toString()).metadata.name, 'large')
  assert.equal((await send(url)).headers['content-encoding'], undefined)
})

test('the aggregated discovery document is sent once', async () => {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json'
  const first = await send('/apis', { headers: { accept } })
  assert.equal(first.json()['kind'], 'APIGroupDiscoveryList')
  const again = await send('/apis', { headers: { accept, 'if-none-match': String(first.headers['etag']) } })
  assert.deepEqual([again.status, again.bytes.length], [304, 0])
})

test('a watch is one JSON object a line', async () => {
  const lines = await new Promise<string[]>((resolve, reject) => {
    const path = '/api/v1/namespaces/default/configmaps?watch=true&fieldSelector=metadata.name%3Dwatched'
    const request = https.get({ host: '127.0.0.1', port, path, agent: false, ...admin }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
        const found = text.split('\n')
        if (found.length > 2) {
          resolve(found.slice(0, 2))
          request.destroy()
        }
      })
      void api
        .post('/api/v1/namespaces/default/configmaps', configMap('watched'))
        .then(() => api.delete('/api/v1/namespaces/default/configmaps/watched'))
    })
    request.on('error', reject)
  })
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).type),
    ['ADDED', 'DELETED'],
  )
})

/** Answers as a node's agent does: logs by GET, connections by upgrade. */
function fakeAgent(tls: {
  cert: string
  key: string
}): Promise<{ server: https.Server; port: number; seen: string[] }> {
  const seen: string[] = []
  const server = https.createServer({ ...tls, ca: pki.authorityCert, requestCert: true }, (request, response) => {
    seen.push(request.url!)
    if (request.url!.includes('/broken/')) {
      response.writeHead(400).end('container "app" in pod "broken" is waiting to start: ContainerCreating')
    } else response.end('a line\n')
  })
  server.on('upgrade', (request, socket: Duplex) => {
    seen.push(request.url!)
    const protocol = request.headers['x-stream-protocol-version']
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
    )
    socket.pipe(socket)
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({ server, port: (server.address() as { port: number }).port, seen }))
  })
}

const agent = await fakeAgent(n1.serving)
const impostor = await fakeAgent((await pki.node('n2', { addresses: ['127.0.0.1'], dnsNames: [] })).serving)
const PODS = '/api/v1/namespaces/default/pods'

async function withNode(name: string, agentPort: number): Promise<void> {
  await api.post('/api/v1/nodes', { metadata: { name } })
  await api.patch('merge', `/api/v1/nodes/${name}/status`, {
    status: {
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: agentPort } },
    },
  })
}

test('logs come from the agent of the pod’s node, with its options and its errors', async () => {
  await withDefaultAccount(api)
  await withNode('n1', agent.port)
  await api.post(PODS, pod('logged', { nodeName: 'n1' }))
  const { status, bytes } = await send(`${PODS}/logged/log?tailLines=5&follow=true`)
  assert.deepEqual([status, bytes.toString()], [200, 'a line\n'])
  assert.equal(agent.seen.at(-1), '/containerLogs/default/logged/app?follow=true&tailLines=5')
  await api.post(PODS, pod('broken', { nodeName: 'n1' }))
  const broken = await send(`${PODS}/broken/log`)
  assert.equal(broken.json()['message'], 'container "app" in pod "broken" is waiting to start: ContainerCreating')
  const wrong = await send(`${PODS}/logged/log?container=none`)
  assert.equal(wrong.json()['message'], 'container none is not valid for pod logged')
})

function upgrade(
  path: string,
  options: https.RequestOptions = {},
): Promise<{ status: number; socket?: Duplex; body?: string; headers: object }> {
  return new Promise((resolve, reject) => {
    const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io' }
    const request = https.request({
      host: '127.0.0.1',
      port,
      path,
      method: 'POST',
      agent: false,
      headers,
      ...admin,
      ...options,
    })
    request.on('upgrade', (response, socket) =>
      resolve({ status: response.statusCode!, socket, headers: response.headers }),
    )
    request.on('response', async (response) => {
      let body = ''
      for await (const chunk of response) body += chunk
      resolve({ status: response.statusCode!, body, headers: response.headers })
    })
    request.on('error', reject)
    request.end()
  })
}

test('exec is tunnelled to the agent, byte for byte, both ways', async () => {
  const { status, socket, headers } = await upgrade(
    `${PODS}/logged/exec?command=sh&command=-c&stdin=true&stdout=true&tty=true`,
  )
  assert.equal(status, 101)
  assert.equal((headers as Record<string, string>)['x-stream-protocol-version'], 'v4.channel.k8s.io')
  assert.equal(agent.seen.at(-1), '/exec/default/logged/app?input=1&output=1&tty=1&command=sh&command=-c')
  const echoed = new Promise<string>((resolve) => socket!.once('data', (chunk) => resolve(String(chunk))))
  socket!.write('hello')
  assert.equal(await echoed, 'hello')
  socket!.destroy()
})

test('connections that are not allowed or lead nowhere are refused in plain HTTP', async () => {
  assert.equal((await upgrade(`${PODS}/logged/exec?command=ls&stdout=true`, anonymous)).status, 401)
  assert.equal((await upgrade(`${PODS}/none/exec?command=ls&stdout=true`)).status, 404)
  const noStreams = await upgrade(`${PODS}/logged/exec?command=ls`)
  assert.match(noStreams.body!, /you must specify at least 1 of stdin, stdout, stderr/)
})

test('an agent with another node’s certificate is not talked to', async () => {
  await withNode('n3', impostor.port)
  await api.post(PODS, pod('astray', { nodeName: 'n3' }))
  const { status, bytes } = await send(`${PODS}/astray/log`)
  assert.equal(status, 500)
  assert.match(bytes.toString(), /made out to system:node:n2, not to system:node:n3/)
})

test('the node proxy passes requests on', async () => {
  const { status, bytes } = await send('/api/v1/nodes/n1/proxy/stats/summary?x=1')
  assert.deepEqual([status, bytes.toString()], [200, 'a line\n'])
  assert.equal(agent.seen.at(-1), '/stats/summary?x=1')
})

test('metrics count requests', async () => {
  const text = (await send('/metrics')).bytes.toString()
  assert.match(text, /^apiserver_request_total\{verb="GET",.*resource="nodes",subresource="proxy".*code="200"\} 1$/m)
  assert.match(text, /^more_total 1$/m)
})

test('health is one word, or a line for each check', async () => {
  assert.equal((await send('/readyz')).bytes.toString(), 'ok')
  assert.match((await send('/readyz?verbose')).bytes.toString(), /^\[\+\]etcd ok$/m)
  assert.equal((await send('/livez/ping')).bytes.toString(), 'ok')
  assert.equal((await send('/livez/nothing')).status, 404)
})

test('closing ends watches and tunnels and frees the port', async () => {
  const { socket } = await upgrade(`${PODS}/logged/attach?stdout=true`)
  const path = '/api/v1/pods?watch=true&resourceVersion=0'
  const watch = await new Promise<IncomingMessage>((resolve, reject) => {
    https.get({ host: '127.0.0.1', port, path, agent: false, ...admin }, resolve).once('error', reject)
  })
  const watchEnded = new Promise((resolve) => watch.resume().once('end', resolve))
  const tunnelEnded = new Promise((resolve) => socket!.once('close', resolve))
  await api.server.close()
  await Promise.all([watchEnded, tunnelEnded])
  await assert.rejects(send('/version'), /ECONNREFUSED/)
})

after(async () => {
  await api.close()
  agent.server.close()
  impostor.server.close()
  await rm(directory, { recursive: true, force: true })
})
