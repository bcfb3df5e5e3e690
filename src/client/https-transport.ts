// Talks to the API over HTTP/2: one connection for everything, watches included. Authenticates by client certificate (asked for again
// at each new connection, so that a renewed one is taken up) or by bearer token. A dead peer is found by TCP keep-alive while idle and
// by the time-out of requests; a connection that fails is replaced by the next request. Compression and HTTP/1.1 are left out on purpose.
import { readFile, stat } from 'node:fs/promises'
import * as http2 from 'node:http2'
import { StatusError } from '../api/meta/errors.ts'
import type { Status } from '../api/types/meta.v1.ts'
import type { WatchEvent } from '../api/wire.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import type { Ctx } from '../base/ctx.ts'
import { readLines } from './lines.ts'
import type { Transport, TransportRequest } from './transport.ts'

export interface HttpsOptions {
  /** `https://127.0.0.1:6443` */
  server: string
  /** PEM of the authorities that are trusted; the system's when absent. */
  ca?: string
  /** The name the server's certificate is checked against, when it is not the host in `server`. */
  serverName?: string
  /** Accepts any server certificate: for kubeconfigs that ask for it. */
  insecureSkipTlsVerify?: boolean
  /** PEM certificate and key, asked for at each new connection. */
  clientCertificate?: () => { cert: string; key: string } | Promise<{ cert: string; key: string }>
  token?: string
  /** Read again when it changes. */
  tokenFile?: string
  userAgent?: string
  /** For a whole request, or for a stream's first byte. 30 s unless set. */
  requestTimeoutMs?: number
  clock?: Clock
}

const CONNECT_TIMEOUT_MS = 10_000
const KEEP_ALIVE_MS = 30_000
/** An object has at most 1.5 MiB in the store; JSON as sent is never near this. */
const MAX_LINE_BYTES = 32 * 2 ** 20
const MAX_BODY_BYTES = 1024 * 2 ** 20
const WINDOW_BYTES = 2 ** 20

export function httpsTransport(options: HttpsOptions): Transport {
  const { clock = systemClock, requestTimeoutMs = 30_000, userAgent = 'skiff' } = options
  const origin = new URL(options.server)
  const basePath = origin.pathname.replace(/\/$/, '')
  const token = tokenSource(options)
  const connection = new Connection(options, origin, clock)

  /** Sends the request and resolves with its stream once the answer's head is there. A refused stream is sent again, once. */
  async function send(ctx: Ctx, request: TransportRequest): Promise<Answer> {
    ctx.signal.throwIfAborted()
    const bearer = await token()
    const query = request.query?.toString()
    const headers: http2.OutgoingHttpHeaders = {
      ':method': request.method,
      ':path': `${basePath}${request.path}${query ? `?${query}` : ''}`,
      accept: 'application/json',
      'user-agent': userAgent,
      ...(bearer ? { authorization: `Bearer ${bearer}` } : {}),
      ...(request.body ? { 'content-type': 'application/json' } : {}),
      ...request.headers,
    }
    const body = request.body ? Buffer.from(JSON.stringify(request.body)) : undefined
    try {
      return await open(await connection.session(), ctx, headers, body)
    } catch (err) {
      if (ctx.signal.aborted || !neverProcessed(err)) throw err
      return await open(await connection.session(), ctx, headers, body)
    }
  }

  function open(
    session: http2.ClientHttp2Session,
    ctx: Ctx,
    headers: http2.OutgoingHttpHeaders,
    body: Buffer | undefined,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const stream = session.request(headers, { endStream: body === undefined })
      const end = (err: Error) => {
        stream.destroy(err)
        reject(err)
      }
      const onAbort = () => end(ctx.signal.reason)
      ctx.signal.addEventListener('abort', onAbort, { once: true })
      const timer = clock.after(requestTimeoutMs, () => {
        end(new Error(`no answer from ${origin.host} within ${requestTimeoutMs} ms`))
        // The connection may be a dead one: the next request shall not wait for it as well.
        session.destroy()
      })
      stream.once('response', (head) => resolve({ stream, head, answered: () => timer.cancel() }))
      stream.on('error', reject)
      stream.once('close', () => {
        timer.cancel()
        ctx.signal.removeEventListener('abort', onAbort)
        reject(new Error(`the connection to ${origin.host} was closed`))
      })
      if (body) stream.end(body)
    })
  }

  async function* openStream(ctx: Ctx, request: TransportRequest): AsyncGenerator<Uint8Array> {
    const answer = await send(ctx, request)
    const { stream, head } = answer
    const status = head[':status'] ?? 0
    try {
      if (status >= 400) throw statusOf(status, await readAll(stream))
      answer.answered()
      for await (const chunk of stream) yield chunk as Uint8Array
      ctx.signal.throwIfAborted()
    } catch (err) {
      throw ctx.signal.aborted ? ctx.signal.reason : err
    } finally {
      stream.close(http2.constants.NGHTTP2_CANCEL)
    }
  }

  return {
    async request(ctx, request) {
      const { stream, head } = await send(ctx, request)
      const status = head[':status'] ?? 0
      try {
        const bytes = await readAll(stream)
        if (status >= 400) throw statusOf(status, bytes)
        if (bytes.length === 0) return undefined
        return head['content-type']?.startsWith('application/json') ? JSON.parse(bytes.toString()) : bytes.toString()
      } catch (err) {
        throw ctx.signal.aborted ? ctx.signal.reason : err
      }
    },

    async *watch(ctx, request) {
      for await (const line of readLines(openStream(ctx, request), MAX_LINE_BYTES)) {
        yield JSON.parse(line) as WatchEvent<object>
      }
    },

    stream: openStream,
    close: () => connection.close(),
  }
}

interface Answer {
  stream: http2.ClientHttp2Stream
  head: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader
  /** Takes the request's time-out off: from here on the stream may last. */
  answered(): void
}

/** The one connection, made when it is first needed and again after it broke. */
class Connection {
  readonly #options: HttpsOptions
  readonly #origin: URL
  readonly #clock: Clock
  #current: Promise<http2.ClientHttp2Session> | undefined
  #closed = false

  constructor(options: HttpsOptions, origin: URL, clock: Clock) {
    this.#options = options
    this.#origin = origin
    this.#clock = clock
  }

  async session(): Promise<http2.ClientHttp2Session> {
    if (this.#closed) throw new Error('the transport is closed')
    this.#current ??= this.#connect()
    const connecting = this.#current
    const forget = () => {
      if (this.#current === connecting) this.#current = undefined
    }
    let session: http2.ClientHttp2Session
    try {
      session = await connecting
    } catch (err) {
      forget()
      throw err
    }
    // Closed: the server announced that it goes and takes no new requests here.
    if (!session.closed && !session.destroyed) return session
    forget()
    return await this.session()
  }

  close(): void {
    this.#closed = true
    this.#current?.then(
      (session) => session.destroy(),
      () => {},
    )
  }

  async #connect(): Promise<http2.ClientHttp2Session> {
    const { ca, serverName, insecureSkipTlsVerify, clientCertificate } = this.#options
    const identity = await clientCertificate?.()
    const session = http2.connect(this.#origin.origin, {
      ...(ca ? { ca } : {}),
      ...(identity ?? {}),
      ...(serverName ? { servername: serverName } : {}),
      rejectUnauthorized: !insecureSkipTlsVerify,
      settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
    })
    return await new Promise((resolve, reject) => {
      const timer = this.#clock.after(CONNECT_TIMEOUT_MS, () =>
        session.destroy(new Error(`no connection to ${this.#origin.host} within ${CONNECT_TIMEOUT_MS} ms`)),
      )
      session.once('connect', (connected, socket) => {
        timer.cancel()
        socket.setKeepAlive(true, KEEP_ALIVE_MS)
        connected.setLocalWindowSize(16 * WINDOW_BYTES)
        resolve(connected)
      })
      // Stays for the session's whole life: later failures reach the streams, and `close` lets the next request reconnect.
      session.on('error', (err) => {
        timer.cancel()
        reject(err)
      })
      session.once('close', () => {
        timer.cancel()
        reject(new Error(`the connection to ${this.#origin.host} was closed`))
      })
    })
  }
}

/** Whether the server certainly did nothing, so that sending again is safe. */
function neverProcessed(err: unknown): boolean {
  const code = (err as { code?: string }).code
  if (code === 'ERR_HTTP2_INVALID_SESSION' || code === 'ERR_HTTP2_GOAWAY_SESSION') return true
  return code === 'ERR_HTTP2_STREAM_ERROR' && String((err as Error).message).includes('NGHTTP2_REFUSED_STREAM')
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of stream) {
    sizeBytes += chunk.length
    if (sizeBytes > MAX_BODY_BYTES) throw new Error(`the answer is larger than ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}

function statusOf(code: number, bytes: Buffer): StatusError {
  const text = bytes.toString()
  try {
    const body = JSON.parse(text) as Partial<Status>
    if (body.kind === 'Status') return StatusError.from(body)
  } catch {
    // Not JSON: a proxy's page or plain text.
  }
  return new StatusError(code, 'Unknown', text.slice(0, 1024) || `the server answered with ${code}`)
}

/** The bearer token to send, if any. A file is read again when its modification time changed. */
function tokenSource({ token, tokenFile }: HttpsOptions): () => Promise<string | undefined> {
  if (!tokenFile) return async () => token
  let known: { mtimeMs: number; token: string } | undefined
  return async () => {
    const { mtimeMs } = await stat(tokenFile)
    if (known?.mtimeMs !== mtimeMs) known = { mtimeMs, token: (await readFile(tokenFile, 'utf8')).trim() }
    return known.token
  }
}
