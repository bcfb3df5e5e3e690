// Ends connections that a silent client, or one that never finishes its headers, would hold open: each has a while to bring its next
// request. HTTP/1.1 and HTTP/2 alike. While a request is under way nothing is counted: watches, logs and upgraded connections may last.
// All connections that wait share a timer.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse, Http2Session } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../base/clock.ts'
import { Deadlines } from './deadlines.ts'

/** Server options: Node's own checks of HTTP/1.1 connections poll, and would say the same as this file. */
export const withoutPolling = { connectionsCheckingInterval: 2 ** 31 - 1 }

export function endIdleConnections(server: Http2SecureServer, clock: Clock, withinMs: number): void {
  const usesBySocket = new WeakMap<Duplex, Uses>()
  const waiting = new Deadlines(clock, withinMs)

  server.on('session', (session: Http2Session) => {
    const uses = new Uses(waiting, () => session.destroy())
    session.on('stream', (stream) => {
      uses.begin()
      stream.once('close', () => uses.end())
    })
    session.once('close', () => uses.stop())
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') return
    const uses = new Uses(waiting, () => socket.destroy())
    usesBySocket.set(socket, uses)
    socket.once('close', () => uses.stop())
  })
  server.on('upgrade', (_request: IncomingMessage, socket: Duplex) => usesBySocket.get(socket)?.begin())
  server.on(
    'request',
    (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => {
      const uses = request.httpVersionMajor < 2 ? usesBySocket.get(request.socket) : undefined
      uses?.begin()
      response.once('close', () => uses?.end())
    },
  )
}

/** A connection's requests under way: while there are none, it waits for one. */
class Uses {
  readonly late: () => void
  readonly #waiting: Deadlines
  #count = 0
  #stopped = false

  constructor(waiting: Deadlines, cut: () => void) {
    this.late = cut
    this.#waiting = waiting
    waiting.start(this)
  }

  begin(): void {
    this.#count++
    this.#waiting.stop(this)
  }

  end(): void {
    if (--this.#count === 0 && !this.#stopped) this.#waiting.start(this)
  }

  stop(): void {
    this.#stopped = true
    this.#waiting.stop(this)
  }
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
