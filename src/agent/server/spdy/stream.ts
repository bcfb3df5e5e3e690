// One stream of a SPDY session as a Node Duplex. Reading slowly makes the session wait; writing waits for the connection.
import { Duplex } from 'node:stream'
import type { SpdyHeaders } from './frames.ts'

/** What a stream asks of its session. */
export interface StreamTransport {
  writeData(stream: SpdyStream, bytes: Uint8Array, fin: boolean): Promise<void>
  /** The application has taken `bytes` of what arrived. */
  consumed(stream: SpdyStream, bytes: number): void
  reset(stream: SpdyStream, status: number): void
  closed(stream: SpdyStream): void
}

export const RST_CANCEL = 5

export class SpdyStream extends Duplex {
  readonly id: number
  readonly headers: SpdyHeaders
  readonly #transport: StreamTransport
  #remoteEnded = false
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #wanted = false
  #reset = false

  constructor(id: number, headers: SpdyHeaders, transport: StreamTransport) {
    super({ allowHalfOpen: true, readableHighWaterMark: 64 << 10, writableHighWaterMark: 64 << 10 })
    this.id = id
    this.headers = headers
    this.#transport = transport
  }

  /** Bytes that arrived and that nobody has asked for. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }
  get remoteEnded(): boolean {
    return this.#remoteEnded
  }

  /** From the session: data of the other side. */
  receive(bytes: Buffer, fin: boolean): void {
    if (this.#remoteEnded || this.destroyed) {
      if (!this.#remoteEnded) this.#transport.consumed(this, bytes.length)
      this.#remoteEnded ||= fin
      return
    }
    if (bytes.length > 0) {
      this.#waiting.push(bytes)
      this.#waitingBytes += bytes.length
    }
    this.#remoteEnded = fin
    if (this.#wanted || fin) this.#hand()
  }

  /** From the session: the other side has cancelled the stream, or the connection is gone. */
  abandon(err?: Error): void {
    this.#reset = true
    this.destroy(err)
  }

  override _read(): void {
    this.#wanted = true
    this.#hand()
  }
  #hand(): void {
    while (this.#wanted && this.#waiting.length > 0) {
      const bytes = this.#waiting.shift()!
      this.#waitingBytes -= bytes.length
      this.#wanted = this.push(bytes)
      this.#transport.consumed(this, bytes.length)
    }
    if (this.#remoteEnded && this.#waiting.length === 0) this.push(null)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (err?: Error | null) => void): void {
    this.#transport.writeData(this, chunk, false).then(() => callback(), callback)
  }
  override _final(callback: (err?: Error | null) => void): void {
    this.#transport.writeData(this, Buffer.alloc(0), true).then(() => callback(), callback)
  }
  override _destroy(err: Error | null, callback: (err?: Error | null) => void): void {
    if (!this.#reset && !(this.#remoteEnded && this.writableFinished)) this.#transport.reset(this, RST_CANCEL)
    this.#waiting = []
    this.#waitingBytes = 0
    this.#transport.closed(this)
    callback(err)
  }
}
