// The agent's own HTTPS server (port 10250): what the API server, metrics-server and administrators ask a node for. Everything but /healthz
// needs a client certificate of the cluster. Routes are one table; streaming requests go to streaming.ts.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../base/clock.ts'
import { type Ctx, child } from '../../base/ctx.ts'
import type { RuntimeService } from '../cri/runtime.ts'
import { authorize } from './authorize.ts'
import { findLog, logBytes, parseLogQuery } from './container-logs.ts'
import { HttpError } from './http-error.ts'
import type { PodLookup } from './lookup.ts'
import { agentMetrics, cadvisorMetrics, resourceMetrics } from './metrics.ts'
import { findTarget } from './remote-command.ts'
import { Sampler } from './samples.ts'
import { statsSummary } from './stats-summary.ts'
import { Streaming } from './streaming.ts'

export interface TlsFiles {
  key: string | Buffer
  cert: string | Buffer
  /** Client certificates must come from here. */
  clientCa: string | Buffer
}

export interface AgentServerOptions {
  host: string
  /** 0: any free one. */
  port: number
  tls: TlsFiles
  nodeName: string
  runtime: RuntimeService
  pods: PodLookup
  /** The node's pods as API objects, for /pods. */
  podObjects: () => readonly object[]
  /** For /configz, as the kubelet's configuration. */
  config: () => object
  /** Further metrics in Prometheus' text format. */
  metrics?: () => string | Promise<string>
  /** Whether the agent itself is well; the text says what is wrong. */
  health?: () => string | undefined
  /** Where pods' data lies: its file system is the node's. */
  dataDirectory: string
  clock: Clock
}

export interface AgentServer {
  readonly port: number
  /** Renewed certificates, for connections from now on. */
  updateTls(tls: TlsFiles): void
  /** Stops accepting, ends every conversation. */
  close(): Promise<void>
}

const RUN_TIMEOUT_MS = 120_000
const RUN_OUTPUT_BYTES = 16 << 20

interface Exchange {
  ctx: Ctx
  path: readonly string[]
  query: URLSearchParams
  response: ServerResponse
}
type Route = (exchange: Exchange) => Promise<void>

export async function startAgentServer(ctx: Ctx, options: AgentServerOptions): Promise<AgentServer> {
  const stop = new AbortController()
  const base = child(ctx, { component: 'agent-server' }, stop.signal)
  const routes = createRoutes(options)
  const streaming = new Streaming(options)
  const server = createServer({ ...tlsOptions(options.tls), requestCert: true, rejectUnauthorized: false })
  const conversations = new Set<Promise<void>>()
  const upgraded = new Set<{ destroy(): void }>()

  server.on('request', (request, response) => void handle(base, routes, request, response))
  server.on('upgrade', (request, socket, head) => {
    upgraded.add(socket)
    socket.on('error', () => undefined) // its 'close' follows
    socket.once('close', () => upgraded.delete(socket))
    const conversation = (async () => {
      try {
        authorize(socket as unknown as TLSSocket)
        const { path, query } = parseUrl(request)
        if (!STREAMING.has(path[0] ?? '')) throw new HttpError(404, '404 page not found')
        await streaming.serve(base, { request, socket, head, path, query })
      } catch (err) {
        refuse(base, socket, err)
      }
    })()
    conversations.add(conversation)
    void conversation.finally(() => conversations.delete(conversation))
  })

  await listening(server, options)
  const { port } = server.address() as AddressInfo
  return {
    port,
    updateTls: (tls) => server.setSecureContext(tlsOptions(tls)),
    async close() {
      stop.abort(new Error('the agent is stopping'))
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      for (const socket of upgraded) socket.destroy()
      await Promise.allSettled(conversations)
      await closed
    },
  }
}

const tlsOptions = (tls: TlsFiles) => ({
  key: tls.key,
  cert: tls.cert,
  ca: tls.clientCa,
  minVersion: 'TLSv1.2' as const,
})

function listening(server: Server, { host, port }: AgentServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

const STREAMING = new Set(['exec', 'attach', 'portForward'])

function createRoutes(options: AgentServerOptions): ReadonlyMap<string, Route> {
  const { runtime, pods, clock, nodeName } = options
  const sampler = new Sampler(options)
  const startedAtMs = clock.now()
  const upgradeOnly: Route = async () => {
    throw new HttpError(400, 'unable to upgrade: missing upgrade headers in request')
  }
  return new Map<string, Route>([
    [
      'pods',
      async ({ response }) =>
        sendJson(response, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: options.podObjects() }),
    ],
    ['configz', async ({ response }) => sendJson(response, { kubeletconfig: options.config() })],
    [
      'stats',
      async ({ ctx, path, response }) => {
        if (path.length > 2 || (path[1] ?? 'summary') !== 'summary') throw new HttpError(404, '404 page not found')
        sendJson(response, statsSummary(nodeName, await sampler.take(ctx), startedAtMs))
      },
    ],
    [
      'metrics',
      async ({ ctx, path, response }) => {
        switch (path.slice(1).join('/')) {
          case '':
            return sendMetrics(response, agentMetrics(pods) + ((await options.metrics?.()) ?? ''))
          case 'resource':
            return sendMetrics(response, resourceMetrics(await sampler.take(ctx)))
          case 'cadvisor':
            return sendMetrics(response, cadvisorMetrics(await sampler.take(ctx)))
          case 'probes':
            return sendMetrics(response, '')
        }
        throw new HttpError(404, '404 page not found')
      },
    ],
    [
      'containerLogs',
      async ({ ctx, path, query, response }) => {
        const [, namespace = '', pod = '', container = ''] = path
        const wanted = parseLogQuery(query, clock.now())
        const id = findLog(pods, namespace, pod, container, wanted.previous)
        await runtime.containerStatus(ctx, id).catch((err) => {
          if ((err as { code?: string }).code !== 'NotFound') throw err
          throw new HttpError(400, `unable to retrieve container logs for docker://${id}`, { cause: err })
        })
        await sendLog(ctx, response, logBytes(ctx, runtime, id, wanted))
      },
    ],
    [
      'run',
      async ({ ctx, path, query, response }) => {
        const [, namespace = '', pod = '', ...rest] = path
        const target = { namespace, pod, uid: rest.length === 2 ? rest[0] : undefined, container: rest.at(-1) ?? '' }
        const command = (query.get('cmd') ?? '').split(' ').filter((word) => word !== '')
        if (command.length === 0) throw new HttpError(400, 'query parameter "cmd" is required')
        const { containerId } = findTarget(pods, target)
        const limits = { timeoutMs: RUN_TIMEOUT_MS, maxOutputBytes: RUN_OUTPUT_BYTES }
        const result = await runtime.execSync(ctx, containerId, command, limits)
        response.end(Buffer.concat([result.stdout, result.stderr]))
      },
    ],
    ['exec', upgradeOnly],
    ['attach', upgradeOnly],
    ['portForward', upgradeOnly],
  ])
}

async function handle(
  base: Ctx,
  routes: ReadonlyMap<string, Route>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort(new Error('the client has gone away')))
  try {
    const { path, query } = parseUrl(request)
    if (path[0] === 'healthz') {
      response.setHeader('content-type', 'text/plain; charset=utf-8')
      response.end('ok')
      return
    }
    authorize(request.socket as TLSSocket)
    const route = routes.get(path[0] ?? '')
    if (!route) throw new HttpError(404, '404 page not found')
    // No request here has a body that matters.
    request.resume()
    const ctx = child(base, {}, gone.signal)
    await route({ ctx, path, query, response })
  } catch (err) {
    if (gone.signal.aborted || response.destroyed) return
    if (response.headersSent) return void response.destroy()
    const { status, message } = describe(base, err)
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
    response.end(message)
  }
}

/** Path parts and query. @throws HttpError 400. */
export function parseUrl(request: IncomingMessage): { path: string[]; query: URLSearchParams } {
  try {
    const url = new URL(request.url ?? '/', 'https://agent')
    return { path: url.pathname.split('/').filter(Boolean).map(decodeURIComponent), query: url.searchParams }
  } catch (err) {
    throw new HttpError(400, 'the URL makes no sense', { cause: err })
  }
}

/** What a client is told. Only what was not foreseen is logged. */
function describe(ctx: Ctx, err: unknown): { status: number; message: string } {
  if (err instanceof HttpError) return { status: err.status, message: err.message }
  if (err instanceof Error && err.name === 'RuntimeError') {
    const code = (err as { code?: string }).code
    return { status: code === 'NotFound' ? 404 : code === 'Unavailable' ? 503 : 500, message: err.message }
  }
  ctx.log.error({ err }, 'request to the agent failed')
  return { status: 500, message: `Internal error occurred: ${(err as Error).message}` }
}

/** Before the upgrade was answered this is a plain HTTP answer; afterwards nothing can be said any more. */
function refuse(ctx: Ctx, socket: import('node:stream').Duplex & { bytesWritten?: number }, err: unknown): void {
  if (socket.destroyed) return
  if (ctx.signal.aborted) return void socket.destroy()
  if (!(err instanceof HttpError)) {
    ctx.log.warn({ err }, 'a stream broke off')
    socket.destroy()
    return
  }
  const body = Buffer.from(err.message)
  socket.end(
    `HTTP/1.1 ${err.status} ${err.status === 404 ? 'Not Found' : 'Error'}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  )
}

async function sendLog(ctx: Ctx, response: ServerResponse, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const iterator = chunks[Symbol.asyncIterator]()
  try {
    response.setHeader('content-type', 'text/plain')
    // A log that is followed may say nothing for hours: the headers do not wait for it.
    response.flushHeaders()
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      if (ctx.signal.aborted) return
      if (!response.write(next.value)) await drained(response)
    }
    response.end()
  } finally {
    await iterator.return?.(undefined)
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}

function sendJson(response: ServerResponse, body: object): void {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(body))
}
function sendMetrics(response: ServerResponse, text: string): void {
  response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  response.end(text)
}
