// For tests: an agent's server with certificates of its own, and the little of an API server that kubectl needs to find a pod: discovery, the
// pod, and its log, exec, attach and port-forward handed on to the agent byte by byte.
import { createServer, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect } from 'node:tls'
import { createAuthority, issueCertificate } from '../../base/certificates.ts'
import { systemClock } from '../../base/clock.ts'
import type { Ctx } from '../../base/ctx.ts'
import type { RuntimeService } from '../cri/runtime.ts'
import type { PodLookup, ServedPod } from './lookup.ts'
import { startAgentServer } from './server.ts'

const YEAR_MS = 365 * 86_400_000

export interface AgentUnderTest {
  port: number
  ca: string
  /** The API server's client certificate. */
  client: { cert: string; key: string }
  /** One of the cluster that may not. */
  stranger: { cert: string; key: string }
  close(): Promise<void>
}

export async function startAgent(
  ctx: Ctx,
  runtime: RuntimeService,
  pods: readonly ServedPod[],
): Promise<AgentUnderTest> {
  const now = Date.now()
  const authority = await createAuthority('test-ca', YEAR_MS, now)
  const issue = (commonName: string, usage: 'client' | 'server') => {
    const spec = { commonName, usages: [usage], dnsNames: ['localhost'], addresses: ['127.0.0.1'], lifetimeMs: YEAR_MS }
    return issueCertificate(authority, spec, now)
  }
  const [server, client, stranger] = await Promise.all([
    issue('node', 'server'),
    issue('kube-apiserver-kubelet-client', 'client'),
    issue('somebody', 'client'),
  ])
  const lookup: PodLookup = {
    find: (namespace, name) => pods.find((pod) => pod.namespace === namespace && pod.name === name),
    list: () => pods,
  }
  const agent = await startAgentServer(ctx, {
    host: '127.0.0.1',
    port: 0,
    tls: { ...server, clientCa: authority.cert },
    nodeName: 'node-1',
    runtime,
    pods: lookup,
    podObjects: () => pods.map((pod) => ({ metadata: { name: pod.name, namespace: pod.namespace } })),
    config: () => ({ kind: 'KubeletConfiguration' }),
    dataDirectory: '/',
    clock: systemClock,
  })
  return { port: agent.port, ca: authority.cert, client, stranger, close: () => agent.close() }
}

/** Plain HTTP; the URL is for kubectl's `--server`. */
export async function startFront(
  agent: AgentUnderTest,
  pod: object,
  container: string,
): Promise<{ url: string; close(): Promise<void> }> {
  const tls = { host: '127.0.0.1', port: agent.port, ca: agent.ca, ...agent.client }
  const documents: Record<string, object> = {
    '/api': { kind: 'APIVersions', versions: ['v1'] },
    '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
    '/api/v1': {
      kind: 'APIResourceList',
      groupVersion: 'v1',
      resources: [
        {
          name: 'pods',
          singularName: 'pod',
          namespaced: true,
          kind: 'Pod',
          verbs: ['get', 'list'],
          shortNames: ['po'],
        },
      ],
    },
    '/api/v1/namespaces/default/pods/web': pod,
    '/version': { major: '1', minor: '36', gitVersion: 'v1.36.0' },
  }
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://front')
    if (url.pathname.endsWith('/log')) {
      const to = httpsRequest({ ...tls, path: agentPath(url, container) }, (answer) => {
        response.writeHead(answer.statusCode ?? 500)
        answer.pipe(response)
      })
      response.once('close', () => to.destroy())
      to.once('error', () => response.destroy())
      to.end()
      return
    }
    const document = documents[url.pathname]
    response.writeHead(document ? 200 : 404, { 'content-type': 'application/json' })
    response.end(
      JSON.stringify(
        document ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404, reason: 'NotFound' },
      ),
    )
  })
  const sockets = new Set<Duplex>()
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const url = new URL(request.url ?? '', 'http://front')
    const upstream = connect(tls, () => {
      const headers = request.rawHeaders.reduce((text, word, i) => text + word + (i % 2 === 0 ? ': ' : '\r\n'), '')
      upstream.write(`${request.method} ${agentPath(url, container)} HTTP/1.1\r\n${headers}\r\n`)
      upstream.write(head)
      socket.pipe(upstream).pipe(socket)
    })
    for (const [near, far] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(near)
      near.on('error', () => far.destroy())
      near.on('close', () => {
        far.destroy()
        sockets.delete(near)
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function agentPath(url: URL, container: string): string {
  const verb = url.pathname.split('/').at(-1)
  const pod = url.pathname.split('/').at(-2)
  const names: Record<string, string> = {
    log: `/containerLogs/default/${pod}/${container}`,
    exec: `/exec/default/${pod}/${container}`,
    attach: `/attach/default/${pod}/${container}`,
    portforward: `/portForward/default/${pod}`,
  }
  return `${names[verb ?? '']}${url.search}`
}
