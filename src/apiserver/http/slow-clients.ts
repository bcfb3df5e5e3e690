// Ends what a slow or silent client would hold open: a connection on which no request arrives in time, and a request whose body does not.
// HTTP/1.1 and HTTP/2 alike. What has arrived may take as long as it likes: watches, logs, and upgraded connections are never cut here.
// One timer for each connection without a request and each body on its way; none otherwise.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse, Http2Session } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Clock, Timer } from '../../base/clock.ts'

/** Server options: Node's own checks of HTTP/1.1 connections poll, and would say the same as this file. */
export const withoutPolling = { connectionsCheckingInterval: 2 ** 31 - 1 }

export function endSlowClients(server: Http2SecureServer, clock: Clock, withinMs: number): void {
  const usesBySocket = new WeakMap<Duplex, Uses>()

  server.on('session', (session: Http2Session) => {
    const uses = new Uses(clock, withinMs, () => session.destroy())
    session.on('stream', (stream) => {
      uses.begin()
      stream.once('close', () => uses.end())
    })
    session.once('close', () => uses.stop())
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') return
    const uses = new Uses(clock, withinMs, () => socket.destroy())
    usesBySocket.set(socket, uses)
    socket.once('close', () => uses.stop())
  })
  server.on('upgrade', (_request: IncomingMessage, socket: Duplex) => usesBySocket.get(socket)?.begin())
  server.on('request', (request: Request, response: Response) => {
    const uses = request.httpVersionMajor < 2 ? usesBySocket.get(request.socket) : undefined
    uses?.begin()
    const body = hasBody(request) ? clock.after(withinMs, () => cutBody(request, response)) : undefined
    if (body) request.once('end', () => body.cancel())
    response.once('close', () => {
      body?.cancel()
      uses?.end()
    })
  })
}

type Request = IncomingMessage | Http2ServerRequest
type Response = ServerResponse | Http2ServerResponse

/** A connection's requests under way: while there are none, it has `withinMs` to bring one. */
class Uses {
  readonly #clock: Clock
  readonly #withinMs: number
  readonly #cut: () => void
  #count = 0
  #timer: Timer | undefined
  #stopped = false

  constructor(clock: Clock, withinMs: number, cut: () => void) {
    this.#clock = clock
    this.#withinMs = withinMs
    this.#cut = cut
    this.#arm()
  }

  begin(): void {
    this.#count++
    this.#timer?.cancel()
  }

  end(): void {
    if (--this.#count === 0) this.#arm()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #arm(): void {
    if (!this.#stopped) this.#timer = this.#clock.after(this.#withinMs, this.#cut)
  }
}

function hasBody(request: Request): boolean {
  if ('stream' in request) return !request.stream.endAfterHeaders
  const length = request.headers['content-length']
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

/** Says why, if nothing has been answered, and takes no more of the request. */
function cutBody(request: Request, response: Response): void {
  const cut = () => {
    if ('stream' in request) request.stream.close()
    else request.socket.destroy()
  }
  if (response.headersSent) {
    cut()
    return
  }
  response.statusCode = 408
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  if (!('stream' in request)) response.setHeader('connection', 'close')
  response.end('the request did not arrive in time\n', cut)
}

/** What HTTP/1.1 calls a client error: headers too large, or not HTTP at all. */
export function refuseMalformed(err: NodeJS.ErrnoException, socket: Duplex): void {
  if (err.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const status = err.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () => socket.destroy())
}
