import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { connect } from 'node:tls'
import { createWebSocketStream, WebSocket } from 'ws'
import { systemClock } from '../../base/clock.ts'
import { FakeRuntime } from '../cri/fake.ts'
import { containerConfig, sandboxConfig, script, testCtx } from '../cri/runtime-suite.ts'
import type { ServedPod } from './lookup.ts'
import { SpdySession } from './spdy/session.ts'
import type { SpdyStream } from './spdy/stream.ts'
import { type AgentUnderTest, startAgent, startFront } from './test-front.ts'

const fake = new FakeRuntime({ clock: systemClock, images: ['busybox'] })
let agent: AgentUnderTest
let front: { url: string; close(): Promise<void> }
const pods: ServedPod[] = []

before(async () => {
  const sandbox = await fake.runPodSandbox(testCtx(), sandboxConfig('web'))
  const image = fake.images.find('busybox')!.id
  const run = async (name: string, over: object) => {
    const id = await fake.createContainer(testCtx(), sandbox, containerConfig(image, name, over))
    await fake.startContainer(testCtx(), id)
    return id
  }
  const main = await run('main', { ...script('echo one; echo two >&2; echo three; sleep 3600') })
  const cat = await run('cat', { command: ['cat'], stdin: true, stdinOnce: true })
  const serve = (greeting: string) => (connection: import('node:stream').Duplex) => {
    connection.write(greeting)
    connection.pipe(connection)
  }
  fake.listen(sandbox.id, 8080, serve('hello '))
  fake.program('big', async (_args, _env, io) => {
    for (let i = 0; i < 64; i++) await io.stdout(Buffer.alloc(64 << 10, 'x'))
    return 0
  })
  pods.push({
    namespace: 'default',
    name: 'web',
    uid: 'uid-web',
    sandboxId: sandbox.id,
    phase: 'Running',
    startedAtMs: Date.now(),
    containers: new Map([
      ['main', { currentId: main, tty: false, stdin: false, startedAtMs: Date.now() }],
      ['cat', { currentId: cat, tty: false, stdin: true }],
      ['new', { waitingReason: 'ContainerCreating', tty: false, stdin: false }],
      ['unpulled', { waitingReason: 'ImagePullBackOff', tty: false, stdin: false }],
    ]),
  })
  agent = await startAgent(testCtx(), fake, pods)
  front = await startFront(
    agent,
    {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name: 'web', namespace: 'default', uid: 'uid-web' },
      spec: { containers: [{ name: 'main', image: 'busybox' }] },
      status: { phase: 'Running', containerStatuses: [{ name: 'main', state: { running: {} } }] },
    },
    'main',
  )
})
after(async () => {
  await front.close()
  await agent.close()
})

interface Answer {
  status: number
  text: string
  type: string | undefined
}
function get(path: string, credentials?: { cert: string; key: string }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: agent.port, ca: agent.ca, path, agent: false as const, ...credentials }
    const ask = request(options, (answer) => {
      let text = ''
      answer.on('data', (chunk) => {
        text += chunk
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text, type: answer.headers['content-type'] }))
    })
    ask.on('error', reject)
    ask.end()
  })
}
const ask = (path: string) => get(path, agent.client)

describe('who may ask', () => {
  test('/healthz answers anybody', async () => {
    assert.deepEqual(await get('/healthz'), { status: 200, text: 'ok', type: 'text/plain; charset=utf-8' })
  })
  test('everything else wants a certificate of the cluster, and the right one', async () => {
    assert.equal((await get('/pods')).status, 401)
    assert.equal((await get('/pods', agent.stranger)).status, 403)
    assert.equal((await get('/pods', agent.client)).status, 200)
    const ws = new WebSocket(`wss://127.0.0.1:${agent.port}/exec/default/web/main?command=true&output=1`, {
      ca: agent.ca,
      ...agent.stranger,
    })
    const [err] = await once(ws, 'error')
    assert.match(String(err), /403/)
  })
})

describe('what a node tells', () => {
  test('its pods', async () => {
    const { text } = await ask('/pods')
    assert.deepEqual(JSON.parse(text).items, [{ metadata: { name: 'web', namespace: 'default' } }])
  })
  test('a summary of the figures', async () => {
    const summary = JSON.parse((await ask('/stats/summary')).text)
    assert.equal(summary.node.nodeName, 'node-1')
    assert.ok(summary.node.memory.workingSetBytes > 0)
    assert.deepEqual(summary.pods[0].podRef, { name: 'web', namespace: 'default', uid: 'uid-web' })
    assert.deepEqual(
      summary.pods[0].containers.map((c: { name: string }) => c.name),
      ['main', 'cat'],
    )
  })
  test('metrics that Prometheus can read', async () => {
    const resource = (await ask('/metrics/resource')).text
    assert.match(
      resource,
      /^container_memory_working_set_bytes\{container="main",namespace="default",pod="web"\} \d+ \d+$/m,
    )
    assert.match(resource, /^node_cpu_usage_seconds_total [\d.]+ \d+$/m)
    assert.match((await ask('/metrics/cadvisor')).text, /^container_cpu_usage_seconds_total\{container="main",id=/m)
    assert.match((await ask('/metrics')).text, /^kubelet_running_pods 1$/m)
  })
  test('its configuration, and nothing at other paths', async () => {
    assert.equal(JSON.parse((await ask('/configz')).text).kubeletconfig.kind, 'KubeletConfiguration')
    assert.equal((await ask('/nothing')).status, 404)
    assert.equal((await ask('/%zz')).status, 400)
  })
})

describe('logs', () => {
  const log = (query = '', container = 'main') => ask(`/containerLogs/default/web/${container}${query}`)
  test('are the lines of both streams, or the last, or one of the streams, or some bytes', async () => {
    assert.equal((await log()).text, 'one\ntwo\nthree\n')
    assert.equal((await log('?tailLines=1')).text, 'three\n')
    assert.equal((await log('?stream=Stderr')).text, 'two\n')
    assert.equal((await log('?limitBytes=5')).text, 'one\nt')
    assert.match((await log('?timestamps=true&tailLines=1')).text, /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}Z three\n$/)
  })
  test('that are followed come at once and go on until the client leaves', async () => {
    const options = { host: '127.0.0.1', port: agent.port, ca: agent.ca, ...agent.client, agent: false as const }
    const ask = request({ ...options, path: '/containerLogs/default/web/main?follow=true&tailLines=1' })
    ask.end()
    const [answer] = await once(ask, 'response')
    const [chunk] = await once(answer, 'data')
    assert.equal(String(chunk), 'three\n')
    answer.on('error', () => undefined)
    answer.destroy()
  })
  test('that are not there are explained in the usual words', async () => {
    const cases: [string, number, string][] = [
      ['/containerLogs/default/web/new', 400, 'container "new" in pod "web" is waiting to start: ContainerCreating'],
      [
        '/containerLogs/default/web/unpulled',
        400,
        'container "unpulled" in pod "web" is waiting to start: trying and failing to pull image',
      ],
      [
        '/containerLogs/default/web/main?previous=true',
        400,
        'previous terminated container "main" in pod "web" not found',
      ],
      ['/containerLogs/default/web/none', 404, 'container "none" not found in pod "web"'],
      ['/containerLogs/default/none/main', 404, 'pod "default/none" does not exist'],
    ]
    for (const [path, status, text] of cases) {
      const answer = await ask(path)
      assert.deepEqual([answer.status, answer.text], [status, text])
    }
  })
  test('with values that make no sense are refused', async () => {
    for (const query of ['?tailLines=-1', '?limitBytes=0', '?sinceSeconds=x', '?sinceTime=yesterday', '?stream=Both'])
      assert.equal((await log(query)).status, 400, query)
  })
})

/** One exec over WebSocket: what each channel said. */
async function execWs(
  command: string[],
  query: string,
  protocols: string[],
  input?: (ws: WebSocket) => void,
  container = 'main',
) {
  const words = command.map((word) => `command=${encodeURIComponent(word)}`).join('&')
  const ws = new WebSocket(`wss://127.0.0.1:${agent.port}/exec/default/web/${container}?${words}&${query}`, protocols, {
    ca: agent.ca,
    ...agent.client,
  })
  const said: Record<number, string> = {}
  const base64 = protocols.some((p) => p.includes('base64'))
  ws.on('message', (data: Buffer) => {
    const channel = base64 ? data[0]! - 48 : data[0]!
    said[channel] = (said[channel] ?? '') + (base64 ? Buffer.from(String(data).slice(1), 'base64') : data.subarray(1))
  })
  ws.on('open', () => input?.(ws))
  await once(ws, 'close')
  return { said, protocol: ws.protocol, status: said[3] ? JSON.parse(said[3]) : undefined }
}

describe('exec over WebSocket', () => {
  test('gives output, errors and a status on their channels', async () => {
    const { said, status } = await execWs(['sh', '-c', 'echo out; echo err >&2; exit 7'], 'output=1&error=1', [
      'v5.channel.k8s.io',
    ])
    assert.equal(said[1], 'out\n')
    assert.equal(said[2], 'err\n')
    assert.equal(status.reason, 'NonZeroExitCode')
    assert.deepEqual(status.details.causes, [{ reason: 'ExitCode', message: '7' }])
  })
  test('v5 can close the input', async () => {
    const { said, status } = await execWs(
      ['cat'],
      'input=1&output=1',
      ['v5.channel.k8s.io', 'v4.channel.k8s.io'],
      (ws) => {
        ws.send(Buffer.from('\0hello'))
        ws.send(Buffer.from([255, 0]))
      },
    )
    assert.equal(said[1], 'hello')
    assert.equal(status.status, 'Success')
  })
  test('base64 clients get text', async () => {
    const { said, protocol } = await execWs(['echo', 'é'], 'output=1', ['v4.base64.channel.k8s.io'])
    assert.equal(protocol, 'v4.base64.channel.k8s.io')
    assert.equal(said[1], 'é\n')
  })
  test('a command that is not there is told on the error channel', async () => {
    const { status } = await execWs(['nosuch'], 'output=1', ['v4.channel.k8s.io'])
    assert.equal(status.reason, 'InternalError')
    assert.match(
      status.message,
      /^Internal error occurred: error executing command in container: .*executable file not found/,
    )
  })
  test('megabytes arrive whole', async () => {
    const { said } = await execWs(['big'], 'output=1', ['v4.channel.k8s.io'])
    assert.equal(said[1]?.length, 4 << 20)
  })
  test('what cannot be served is refused before the upgrade', async () => {
    const refused = async (path: string, protocols = ['v4.channel.k8s.io']) => {
      const ws = new WebSocket(`wss://127.0.0.1:${agent.port}${path}`, protocols, { ca: agent.ca, ...agent.client })
      return String((await once(ws, 'error'))[0])
    }
    assert.match(await refused('/exec/default/web/none?command=true&output=1'), /500/)
    assert.match(await refused('/exec/default/none/main?command=true&output=1'), /404/)
    assert.match(await refused('/exec/default/web/other-uid/main?command=true&output=1'), /404/)
    assert.match(await refused('/exec/default/web/main?output=1'), /400/)
    assert.match(await refused('/exec/default/web/main?command=true'), /400/)
    assert.match(await refused('/exec/default/web/main?command=true&output=1', ['v9']), /400/)
    assert.match(await refused('/nothing'), /404/)
  })
  test('whatever a client sends, the server lives on (seeded)', async () => {
    let seed = 7
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
      return (seed >>> 8) % below
    }
    for (let round = 0; round < 20; round++)
      await execWs(['cat'], 'input=1&output=1&tty=1', ['v5.channel.k8s.io'], (ws) => {
        for (let i = random(10); i >= 0; i--)
          ws.send(Buffer.from(Array.from({ length: random(20) }, () => random(256))))
        ws.send(Buffer.from([255, 0]))
      })
    assert.equal((await get('/healthz')).status, 200)
  })
})

test('attach carries input and output of the main process', async () => {
  const ws = new WebSocket(
    `wss://127.0.0.1:${agent.port}/attach/default/web/cat?input=1&output=1`,
    ['v5.channel.k8s.io'],
    {
      ca: agent.ca,
      ...agent.client,
    },
  )
  let out = ''
  ws.on('message', (data: Buffer) => {
    if (data[0] === 1) out += data.subarray(1)
  })
  await once(ws, 'open')
  ws.send(Buffer.from('\0to the main process\n'))
  ws.send(Buffer.from([255, 0]))
  await once(ws, 'close')
  assert.equal(out, 'to the main process\n')
})

/** An upgraded connection in SPDY. */
async function spdy(path: string, protocol: string): Promise<SpdySession> {
  const socket = connect({ host: '127.0.0.1', port: agent.port, ca: agent.ca, ...agent.client })
  await once(socket, 'secureConnect')
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: agent\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
  )
  const [head] = await once(socket, 'data')
  socket.pause()
  const text = String(head)
  assert.match(text, /^HTTP\/1\.1 101 /)
  assert.ok(text.includes(`X-Stream-Protocol-Version: ${protocol}`))
  const rest = (head as Buffer).subarray(text.indexOf('\r\n\r\n') + 4)
  if (rest.length > 0) socket.unshift(rest)
  const session = new SpdySession(socket, { role: 'client', onStream: () => undefined })
  void session.run()
  return session
}
async function textOf(stream: SpdyStream): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += chunk
  return text
}

describe('SPDY', () => {
  test('exec gives output, errors and a status on their streams', async () => {
    const command = ['sh', '-c', 'cat; echo err >&2; exit 3']
      .map((word) => `command=${encodeURIComponent(word)}`)
      .join('&')
    const session = await spdy(`/exec/default/web/main?${command}&input=1&output=1&error=1`, 'v4.channel.k8s.io')
    const [error, stdin, stdout, stderr] = await Promise.all(
      ['error', 'stdin', 'stdout', 'stderr'].map((streamType) => session.open({ streamType })),
    )
    stdin!.end('typed')
    const said = await Promise.all([textOf(stdout!), textOf(stderr!), textOf(error!)])
    assert.deepEqual(said.slice(0, 2), ['typed', 'err\n'])
    assert.deepEqual(JSON.parse(said[2]!).details.causes, [{ reason: 'ExitCode', message: '3' }])
  })
  test('port-forward carries several connections, and tells what fails on the error stream of the one', async () => {
    const session = await spdy('/portForward/default/web', 'portforward.k8s.io')
    const open = async (requestID: string, port: string) => {
      const error = await session.open({ streamType: 'error', port, requestID })
      error.end()
      return { error, data: await session.open({ streamType: 'data', port, requestID }) }
    }
    const [a, b, c] = [await open('0', '8080'), await open('1', '9'), await open('2', '8080')]
    a.data.end('a')
    c.data.end('c')
    assert.deepEqual(await Promise.all([textOf(a.data), textOf(a.error)]), ['hello a', ''])
    assert.deepEqual(await Promise.all([textOf(c.data), textOf(c.error)]), ['hello c', ''])
    assert.match(await textOf(b.error), /^an error occurred forwarding 9: .*connection refused/)
    session.close()
  })
})

test('port-forward tunnels SPDY in a WebSocket, as kubectl and client-go do', async () => {
  const protocol = 'SPDY/3.1+portforward.k8s.io'
  const upgrade = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'sec-websocket-protocol': protocol,
  }
  const path = '/portForward/default/web'
  const sent = request({ port: agent.port, path, headers: upgrade, ca: agent.ca, ...agent.client })
  sent.end()
  const [answer, socket, head] = await once(sent, 'upgrade')
  assert.equal(answer.headers['sec-websocket-protocol'], protocol)
  // `ws` has no client that offers such a name, but takes over a connection that is already there.
  interface Adopting extends WebSocket {
    _isServer: boolean
    setSocket(socket: unknown, head: Buffer, options: object): void
  }
  const ws: Adopting = Reflect.construct(WebSocket, [null, undefined, {}])
  ws._isServer = false
  ws.setSocket(socket, head, { maxPayload: 1 << 20, skipUTF8Validation: false })
  const session = new SpdySession(createWebSocketStream(ws), { role: 'client', onStream: () => undefined })
  const ended = session.run()
  const [port, requestID] = ['8080', '0']
  const error = await session.open({ streamType: 'error', port, requestID })
  error.end()
  const data = await session.open({ streamType: 'data', port, requestID })
  data.end('tunnel')
  assert.deepEqual(await Promise.all([textOf(data), textOf(error)]), ['hello tunnel', ''])
  session.close()
  ws.close()
  await ended
})

test('port-forward over WebSocket channels names the port first', async () => {
  const ws = new WebSocket(`wss://127.0.0.1:${agent.port}/portForward/default/web?port=8080`, ['v4.channel.k8s.io'], {
    ca: agent.ca,
    ...agent.client,
  })
  const data: Buffer[] = []
  const complete = Promise.withResolvers<void>()
  ws.on('message', (message: Buffer) => {
    if (message[0] !== 0) return
    data.push(message.subarray(1))
    if (Buffer.concat(data).toString('latin1').endsWith('hello there')) complete.resolve()
  })
  await once(ws, 'open')
  ws.send(Buffer.from('\0there'))
  await complete.promise
  assert.equal(data[0]?.readUInt16LE(), 8080)
  ws.close()
})

// --- the real client ---------------------------------------------------------------------------------------------------------------

const kubectl = process.env['KUBECTL'] ?? 'kubectl'
const hasKubectl = await new Promise<boolean>((resolve) =>
  execFile(kubectl, ['version', '--client'], (err) => resolve(!err)),
)

describe('kubectl', { skip: !hasKubectl }, () => {
  const run = (args: string[], input = '', env: Record<string, string> = {}) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const child = spawn(kubectl, ['--server', front.url, '--cache-dir', '/tmp/skiff-test-kubectl', ...args], {
        env: { ...process.env, KUBECONFIG: '/dev/null', ...env },
      })
      let stdout = ''
      let stderr = ''
      child.stdout.on('data', (chunk) => {
        stdout += chunk
      })
      child.stderr.on('data', (chunk) => {
        stderr += chunk
      })
      child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }))
      child.stdin.end(input)
    })
  for (const [name, env] of [
    ['WebSocket', {}],
    ['SPDY', { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' }],
  ] as const) {
    test(`exec over ${name}: output, input and exit code`, async () => {
      assert.deepEqual(await run(['exec', 'web', '--', 'echo', 'from the pod'], '', env), {
        code: 0,
        stdout: 'from the pod\n',
        stderr: '',
      })
      const piped = await run(['exec', '-i', 'web', '--', 'sh', '-c', 'cat; echo err >&2; exit 5'], 'typed', env)
      assert.equal(piped.stdout, 'typed')
      assert.match(piped.stderr, /^err\ncommand terminated with exit code 5/)
      assert.equal(piped.code, 5)
    })
    test(`port-forward over ${name}: connection after connection`, async () => {
      const child = spawn(
        kubectl,
        ['--server', front.url, '--cache-dir', '/tmp/skiff-test-kubectl', 'port-forward', 'pod/web', ':8080'],
        {
          env: { ...process.env, KUBECONFIG: '/dev/null', ...env },
        },
      )
      try {
        const [line] = await once(child.stdout, 'data')
        const port = Number(/127\.0\.0\.1:(\d+)/.exec(String(line))?.[1])
        for (const word of ['first', 'second']) {
          const socket = connectTcp(port, '127.0.0.1')
          socket.end(word)
          let text = ''
          for await (const chunk of socket) text += chunk
          assert.equal(text, `hello ${word}`)
        }
      } finally {
        child.kill()
        await once(child, 'close')
      }
    })
  }
  test('logs, followed or not', async () => {
    assert.equal((await run(['logs', 'web', '--tail=2'])).stdout, 'two\nthree\n')
  })
})
