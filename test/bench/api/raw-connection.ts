// One keep-alive HTTP/1.1 connection over TLS, as lean as it can be: requests are bytes made beforehand, answers are counted by their
// content-length and dropped, one request is under way at a time. A real client would cost as much processor time as the server.
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import type { Target } from './target.ts'

export interface Answer {
  status: number
  sizeBytes: number
  /** Only of answers that failed, and where `keep` was asked for. */
  body?: string
}

const HEAD_END = Buffer.from('\r\n\r\n')

export class RawConnection {
  readonly #socket: TLSSocket
  #pending: Buffer | undefined
  #left = 0
  #status = 0
  #size = 0
  #kept: Buffer[] | undefined
  #done: ((answer: Answer) => void) | undefined
  #failed: ((err: Error) => void) | undefined

  private constructor(socket: TLSSocket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    const end = (err?: Error) => this.#failed?.(err ?? new Error('the server closed the connection'))
    socket.on('error', end)
    socket.on('close', () => end())
  }

  static async open(target: Target): Promise<RawConnection> {
    return new RawConnection(await openSocket(target))
  }

  send(request: Buffer, keep = false): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Error('the server has closed the connection'))
      this.#done = resolve
      this.#failed = reject
      this.#kept = keep ? [] : undefined
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#failed = undefined
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    if (this.#left > 0) {
      this.#take(chunk)
      return
    }
    const bytes = this.#pending ? Buffer.concat([this.#pending, chunk]) : chunk
    const end = bytes.indexOf(HEAD_END)
    if (end < 0) {
      this.#pending = bytes
      return
    }
    this.#pending = undefined
    const head = bytes.toString('latin1', 0, end)
    this.#status = Number(head.slice(9, 12))
    this.#size = this.#left = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
    if (this.#status >= 300) this.#kept ??= []
    if (this.#left === 0) this.#finish()
    else if (bytes.length > end + 4) this.#take(bytes.subarray(end + 4))
  }

  #take(bytes: Buffer): void {
    this.#kept?.push(Buffer.from(bytes))
    this.#left -= bytes.length
    if (this.#left <= 0) this.#finish()
  }

  #finish(): void {
    this.#left = 0
    const body = this.#kept && Buffer.concat(this.#kept).toString()
    this.#done?.({ status: this.#status, sizeBytes: this.#size, ...(body === undefined ? {} : { body }) })
  }
}

export async function openSocket({ port, ca, cert, key }: Target): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca, cert, key, ALPNProtocols: ['http/1.1'] })
  await once(socket, 'secureConnect')
  socket.setNoDelay(true)
  return socket
}

/** A request's bytes. */
export function requestBytes(method: string, path: string, body?: string): Buffer {
  const payload = body === undefined ? '' : body
  const about =
    body === undefined ? '' : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(payload)}\r\n`
  const head = `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench/1.0\r\naccept: application/json\r\n${about}\r\n`
  return Buffer.from(head + payload)
}
