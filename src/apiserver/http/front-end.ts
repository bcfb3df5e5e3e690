// The server's door: TLS with HTTP/2 and HTTP/1.1 on one port. Authenticates, turns HTTP into ApiRequests for the handler and its
// answers back, bounds what comes in (size, number), and hands upgrades to the tunnel. Ordinary requests go straight to the handler;
// fastify has the others: bodies of unknown length or type, escaped paths, methods and requests that nobody understands.
import { randomUUID, X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import fastify, { type FastifyInstance } from 'fastify'
import { methodNotAllowed, StatusError, timeout, tooManyRequests, urlTooLong } from '../../api/meta/errors.ts'
import type { ApiRequest, RequestHandler, UserInfo } from '../../api/wire.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/log.ts'
import type { Credentials } from '../authn/authenticator.ts'
import type { Metrics } from '../metrics.ts'
import { errorResponse } from '../respond.ts'
import type { Upstream } from '../streaming/upstream.ts'
import { flatHeaders, HttpRequest, peerOf, type RawRequest, remoteAddressOf } from './api-request.ts'
import { BodyBudget } from './body-budget.ts'
import { bodyError } from './body-error.ts'
import { limitConnections } from './connection-limits.ts'
import { Deadlines } from './deadlines.ts'
import { Departure } from './departure.ts'
import type { Encoders } from './encode.ts'
import { endIdleConnections, refuseMalformed, withoutPolling } from './idle-connections.ts'
import { bodyFollows, isOrdinary, readBody } from './ordinary-request.ts'
import { type Leaving, type RawResponse, send, wantsIndented } from './send.ts'
import { refuseUpgrade, tunnel } from './tunnel.ts'
import { isWatchUrl, sendWatchMessages } from './websocket-watch.ts'

export interface ServerTls {
  readonly cert: string
  readonly key: string
  /** Of client certificates. */
  readonly ca: string
  /** Of front proxies' certificates. */
  readonly frontProxyCa?: string
}

export interface FrontEndParts {
  readonly handler: RequestHandler
  /** @throws Unauthorized and others */
  readonly authenticate: (credentials: Credentials, gone: Leaving) => Promise<UserInfo>
  /** Where an upgrade leads. @throws StatusError */
  readonly connect: (request: ApiRequest) => Promise<Upstream>
  readonly tls: ServerTls
  readonly encoders: Encoders
  readonly metrics: Metrics
  readonly clock: Clock
  readonly log: Logger
  /** Watches and other open answers end when this is aborted. */
  readonly stopping: AbortSignal
}

/** k8s: 3 MiB. */
const MAX_BODY_BYTES = 3 * 1024 * 1024
/** Of one request, its path included, in which long label selectors travel; both protocols. */
const MAX_HEADER_BYTES = 256 * 1024
/** Of a path with its query; what is longer than all headers may be is never read to its end. */
const MAX_URL_BYTES = 240 * 1024
const http1Options = { maxHeaderSize: MAX_HEADER_BYTES, ...withoutPolling }
/** Of one HTTP/2 connection: every kind of a large cluster can be watched on one. */
const MAX_STREAMS = 1000
/** Of all requests under way. */
const MAX_BODIES_BYTES = 128 * 1024 * 1024
const CONNECTIONS = { total: 10_000, perAddress: 2000 }
/** k8s: a large answer, or the next piece of a long one, that the client does not take. */
const LEAVE_WITHIN_MS = 60_000
/** A connection's next request, and then its body. */
const ARRIVE_WITHIN_MS = 60_000
/** Requests handled or waiting at once, long-running ones aside; how many are handled, priority and fairness says. */
const MAX_IN_FLIGHT = 3000
/** Watches, log streams and connections at once. */
const MAX_LONG_RUNNING = 10_000
const CLOSE_WITHIN_MS = 4000
const HANG_UP_WITHIN_MS = 500
const HANDSHAKE_WITHIN_MS = 10_000
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

export class FrontEnd {
  readonly #parts: FrontEndParts
  readonly #app: FastifyInstance
  readonly #sockets = new Set<Duplex>()
  readonly #bodies: Deadlines
  readonly #budget = new BodyBudget(MAX_BODIES_BYTES, MAX_BODY_BYTES)
  readonly #slow: Deadlines
  readonly #frontProxyRoot: string | undefined
  #inFlight = 0
  #longRunning = 0
  #unsent = 0
  #idle: (() => void) | undefined

  constructor(parts: FrontEndParts) {
    this.#parts = parts
    this.#bodies = new Deadlines(parts.clock, ARRIVE_WITHIN_MS)
    this.#slow = new Deadlines(parts.clock, LEAVE_WITHIN_MS)
    const { frontProxyCa } = parts.tls
    this.#frontProxyRoot = frontProxyCa && new X509Certificate(frontProxyCa).fingerprint256
    this.#app = this.#build()
  }

  #build(): FastifyInstance {
    const { tls } = this.#parts
    const app = fastify({
      http2: true,
      serverFactory: (others) => {
        const options = {
          allowHTTP1: true,
          cert: tls.cert,
          key: tls.key,
          ca: authoritiesOf(tls),
          requestCert: true,
          rejectUnauthorized: false,
          minVersion: 'TLSv1.2',
          handshakeTimeout: HANDSHAKE_WITHIN_MS,
          settings: { maxHeaderListSize: MAX_HEADER_BYTES, maxConcurrentStreams: MAX_STREAMS },
          ...http1Options,
        } as const
        return createSecureServer(options, (request, response) => {
          const raw = request as unknown as RawRequest
          if (isOrdinary(raw, MAX_BODY_BYTES))
            this.#direct(raw, response as unknown as RawResponse).catch(() => raw.destroy())
          else others(request as never, response as never)
        }) as never
      },
      bodyLimit: MAX_BODY_BYTES,
      logger: false,
      exposeHeadRoutes: false,
      http2SessionTimeout: 0,
      routerOptions: { maxParamLength: 8192 },
      schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
      clientErrorHandler: refuseMalformed,
      frameworkErrors: (_err, _request, reply) => {
        reply.hijack()
        reply.raw.writeHead(400).end('the request could not be understood')
      },
    }) as unknown as FastifyInstance
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    app.setErrorHandler(async (err, request, reply) => {
      reply.hijack()
      await this.#send(
        reply.raw as never,
        errorResponse(bodyError(err, request.method, MAX_BODY_BYTES), this.#parts.log),
        request.raw,
        neverAborted,
      )
    })
    // Methods that the API has no use for.
    app.setNotFoundHandler(async (request, reply) => {
      reply.hijack()
      await this.#send(
        reply.raw as never,
        errorResponse(methodNotAllowed(), this.#parts.log),
        request.raw,
        neverAborted,
      )
    })
    app.addHook('onRequest', (request, reply, done) => {
      const hijack = () => void reply.hijack()
      if (!this.#reserve(request.raw as RawRequest, reply.raw as never, hijack)) return
      this.#expectBody(request.raw as RawRequest, reply.raw as never, hijack)
      done()
    })
    app.route({
      method: [...METHODS],
      url: '/*',
      handler: async (request, reply) => {
        reply.hijack()
        await this.#answer(request.raw as RawRequest, reply.raw as never, request.body as Buffer | undefined)
      },
    })
    limitConnections(app.server, CONNECTIONS, () => this.#parts.metrics.rejected.add({}))
    endIdleConnections(app.server as unknown as Http2SecureServer, this.#parts.clock, ARRIVE_WITHIN_MS)
    app.server.on('secureConnection', (socket: TLSSocket) => {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.once('close', () => this.#sockets.delete(socket))
      socket.on('error', () => socket.destroy())
    })
    app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#upgrade(request, socket, head).catch((err) => refuseUpgrade(socket, err))
    })
    return app
  }

  /** An ordinary request, without the library's routing, hooks and reply. */
  async #direct(raw: RawRequest, response: RawResponse): Promise<void> {
    let body: Buffer | undefined
    if (bodyFollows(raw)) {
      let refused = false
      const refuse = () => {
        refused = true
      }
      if (!this.#reserve(raw, response, refuse)) return
      this.#expectBody(raw, response, refuse)
      body = await readBody(raw)
      if (refused || !body) return
    }
    await this.#answer(raw, response, body)
  }

  async listen(host: string, port: number): Promise<{ host: string; port: number }> {
    await this.#app.ready()
    const { server } = this.#app
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, () => {
        server.removeListener('error', reject)
        resolve()
      })
    })
    const { address, port: actual } = server.address() as AddressInfo
    return { host: address, port: actual }
  }

  /** For new connections, from now on. */
  setTls(tls: ServerTls): void {
    const { cert, key } = tls
    const server = this.#app.server as unknown as { setSecureContext(options: object): void }
    server.setSecureContext({ cert, key, ca: authoritiesOf(tls), minVersion: 'TLSv1.2' })
  }

  /** Stops listening, lets what is under way finish for a while, and cuts what is left. Long answers must have been told to end. */
  async close(): Promise<void> {
    const { server } = this.#app
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    if (this.#busy) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve
        this.#parts.clock.after(CLOSE_WITHIN_MS, resolve)
      })
    }
    await this.#hangUp()
    if (server.listening) await closed
    await this.#app.close()
  }

  /** False: there is no room for the body, and the client has been told. */
  #reserve(raw: RawRequest, response: RawResponse, hijack: () => void): boolean {
    if (!bodyFollows(raw)) return true
    const reservation = this.#budget.reserve(raw.headers)
    const refuse = () => {
      hijack()
      const { log, metrics } = this.#parts
      metrics.rejected.add({})
      const err = tooManyRequests('Too many requests, please try again later.', 1)
      if (!raw.stream) response.once('finish', () => raw.destroy())
      void this.#send(response, errorResponse(err, log), raw, neverAborted)
    }
    if (!reservation) {
      refuse()
      return false
    }
    response.once('close', reservation.release)
    const { grow } = reservation
    if (grow) {
      const count = (chunk: Buffer) => {
        if (grow(chunk.length)) return
        raw.off('data', count)
        refuse()
        raw.stream?.close()
      }
      raw.on('data', count)
    }
    return true
  }

  /** A body that stops coming holds memory and a place: it is given up on. */
  #expectBody(raw: RawRequest, response: RawResponse, hijack: () => void): void {
    if (!bodyFollows(raw)) return
    const late = async () => {
      hijack()
      if (!raw.stream) response.once('finish', () => raw.destroy())
      const err = timeout('the request did not arrive within the allotted time')
      await this.#send(response, errorResponse(err, this.#parts.log), raw, neverAborted)
      raw.stream?.close()
    }
    const deadline = { late }
    this.#bodies.start(deadline)
    const arrived = () => this.#bodies.stop(deadline)
    raw.once('end', arrived)
    response.once('close', arrived)
  }

  /** Ends connections the polite way round: a cut could overtake the end of the last answer. */
  async #hangUp(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#parts.clock.after(HANG_UP_WITHIN_MS, resolve)
      const closed = () => {
        if (this.#sockets.size > 0) return
        timer.cancel()
        resolve()
      }
      for (const socket of this.#sockets) {
        socket.once('close', closed)
        socket.end()
      }
      closed()
    })
    for (const socket of this.#sockets) socket.destroy()
  }

  async #answer(raw: RawRequest, response: RawResponse, body: Buffer | undefined): Promise<void> {
    const { handler, log, metrics, stopping } = this.#parts
    const gone = new Departure()
    this.#unsent++
    response.once('close', () => {
      this.#unsent--
      this.#settle()
      // An answer that was given to its end leaves nothing to abort, and aborting costs a tenth of a small request.
      if (!response.writableEnded) gone.abort()
      gone.sent()
    })
    const long = isLongRunning(raw.url ?? '')
    if (!this.#admit(long)) {
      metrics.rejected.add({})
      const err = tooManyRequests('too many requests, please try again later', 1)
      return this.#send(response, errorResponse(err, log), raw, gone)
    }
    try {
      const request = await this.#request(raw, body, gone)
      if (stopping.aborted)
        throw new StatusError(503, 'ServiceUnavailable', 'the server is shutting down', { retryAfterSeconds: 1 })
      await this.#send(response, await handler(request), raw, gone)
    } catch (err) {
      if (!(response as unknown as { headersSent: boolean }).headersSent) {
        await this.#send(response, errorResponse(err, log), raw, gone)
      } else response.destroy()
    } finally {
      this.#release(long)
    }
  }

  async #authenticated(credentials: Credentials, gone: Leaving) {
    const { authenticate, metrics } = this.#parts
    try {
      const user = await authenticate(credentials, gone)
      metrics.authenticated(user.name)
      return user
    } catch (err) {
      metrics.refusedCredentials()
      throw err
    }
  }

  async #request(raw: RawRequest, body: Buffer | undefined, gone: Leaving): Promise<ApiRequest> {
    const headers = flatHeaders(raw)
    const url = raw.url ?? '/'
    if (url.length > MAX_URL_BYTES) throw urlTooLong()
    const mark = url.indexOf('?')
    const method = raw.method as ApiRequest['method']
    const path = mark < 0 ? url : url.slice(0, mark)
    const query = mark < 0 ? NO_QUERY : new URLSearchParams(url.slice(mark + 1))
    const credentials = {
      headers,
      rawHeaders: raw.rawHeaders,
      peer: peerOf(raw, this.#frontProxyRoot),
      method,
      path,
      query,
    }
    const user = await this.#authenticated(credentials, gone)
    return new HttpRequest(
      method,
      path,
      query,
      headers,
      body?.length ? body : undefined,
      user,
      remoteAddressOf(raw),
      gone,
    )
  }

  async #send(response: RawResponse, answer: Awaited<ReturnType<RequestHandler>>, raw: IncomingMessage, gone: Leaving) {
    answer.headers['audit-id'] ??= randomUUID()
    await send(response, answer, {
      encoders: this.#parts.encoders,
      acceptEncoding: raw.headers['accept-encoding'] as string | undefined,
      headOnly: raw.method === 'HEAD',
      indented: wantsIndented(raw),
      gone,
      slow: this.#slow,
    })
  }

  async #upgrade(raw: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { connect, log, metrics, stopping } = this.#parts
    if (stopping.aborted) throw new StatusError(503, 'ServiceUnavailable', 'the server is shutting down')
    if (!this.#admit(true)) throw tooManyRequests('too many requests, please try again later', 1)
    const gone = new AbortController()
    const cut = () => socket.destroy()
    socket.once('close', () => gone.abort())
    stopping.addEventListener('abort', cut, { once: true })
    const labels = { verb: 'CONNECT', component: 'apiserver' }
    metrics.longRunning.add(labels, 1)
    try {
      const request = await this.#request(raw as RawRequest, undefined, gone)
      if (raw.method === 'GET' && isWatchUrl(raw.url ?? '')) {
        await sendWatchMessages(raw, socket, head, await this.#parts.handler(request))
      } else await tunnel(raw, socket, head, await connect(request), log)
    } finally {
      metrics.longRunning.add(labels, -1)
      stopping.removeEventListener('abort', cut)
      this.#release(true)
    }
  }

  #admit(long: boolean): boolean {
    if (long ? this.#longRunning >= MAX_LONG_RUNNING : this.#inFlight >= MAX_IN_FLIGHT) return false
    if (long) this.#longRunning++
    else this.#inFlight++
    return true
  }

  #release(long: boolean): void {
    if (long) this.#longRunning--
    else this.#inFlight--
    this.#settle()
  }

  /** An answer that was written isn't told yet: its end still has to get through TLS to the client. */
  get #busy(): boolean {
    return this.#inFlight + this.#longRunning + this.#unsent > 0
  }

  #settle(): void {
    if (!this.#busy) this.#idle?.()
  }
}

/** No route has a schema of the library's: what compiles them is not even loaded. */
const noSchemas = () => {
  throw new Error('routes have no schemas')
}

const neverAborted = new AbortController()
/** Of requests without one; nobody changes a query. */
const NO_QUERY = new URLSearchParams()
const LONG = /[?&]watch=(?!0|false)|[?&]follow=(?!0|false)|\/(proxy)(\/|$|\?)|\/watch\//

const isLongRunning = (url: string) => LONG.test(url)

const authoritiesOf = ({ ca, frontProxyCa }: ServerTls) => (frontProxyCa ? [ca, frontProxyCa] : [ca])
