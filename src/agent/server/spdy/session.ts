// A SPDY/3.1 session over any duplex byte stream: what kubectl before 1.31 speaks for exec, attach and port-forward, and what newer ones
// still tunnel through WebSockets for port-forward.
//
// Flow control: Kubernetes' SPDY library sends no WINDOW_UPDATE and expects none, so windows count only for a peer that has shown that it
// keeps them (by SETTINGS or WINDOW_UPDATE). For the others a slow reader makes the session stop reading the connection.
import type { Duplex } from 'node:stream'
import { HeaderDeflater, HeaderInflater } from './compression.ts'
import {
  controlFrame,
  dataFrame,
  decodeHeaders,
  encodeHeaders,
  FLAG_FIN,
  type Frame,
  FrameReader,
  type SpdyHeaders,
  SpdyProtocolError,
  TYPE,
  words,
} from './frames.ts'
import { SpdyStream, type StreamTransport } from './stream.ts'

const INITIAL_WINDOW = 64 << 10
const MAX_WINDOW = 2 ** 31 - 1
const MAX_DATA_BYTES = 32 << 10
/** What may wait in one stream before the session stops reading. */
const MAX_WAITING_BYTES = 256 << 10
const RST_PROTOCOL_ERROR = 1
const RST_INVALID_STREAM = 2
const RST_REFUSED_STREAM = 3
const RST_FLOW_CONTROL_ERROR = 7
const RST_STREAM_IN_USE = 8
const SETTING_INITIAL_WINDOW = 7

export interface SpdySessionOptions {
  role: 'server' | 'client'
  /** A stream that the other side opened. */
  onStream: (stream: SpdyStream) => void
  /** Streams open at once; more are refused. */
  maxStreams?: number
}

interface Entry {
  stream: SpdyStream
  sendWindow: number
  receiveWindow: number
  unreported: number
  /** Writers that wait for the send window. */
  wake: (() => void) | undefined
}

export class SpdySession implements StreamTransport {
  readonly #transport: Duplex
  readonly #options: SpdySessionOptions
  readonly #entries = new Map<number, Entry>()
  readonly #deflater = new HeaderDeflater()
  readonly #inflater = new HeaderInflater()
  #headersSent: Promise<void> = Promise.resolve()
  #nextId: number
  #nextPing: number
  #lastRemoteId = 0
  #peerControlsFlow = false
  #initialWindow = INITIAL_WINDOW
  #drained: (() => void) | undefined
  #goingAway = false
  #closed = false
  readonly #pings = new Map<number, () => void>()

  constructor(transport: Duplex, options: SpdySessionOptions) {
    this.#transport = transport
    this.#options = options
    this.#nextId = options.role === 'client' ? 1 : 2
    this.#nextPing = options.role === 'client' ? 1 : 2
  }

  get openStreams(): number {
    return this.#entries.size
  }

  /** Reads until the connection ends. Resolves also when the peer broke the protocol; the reason is returned. */
  async run(): Promise<Error | undefined> {
    const reader = new FrameReader()
    let reason: Error | undefined
    // While a slow stream keeps us from reading, this is how the end of the connection is noticed.
    this.#transport.once('close', () => this.#drained?.())
    try {
      for await (const chunk of this.#transport) {
        for (const frame of reader.read(chunk as Buffer)) {
          await this.#handle(frame)
          if (this.#closed) break
        }
        if (this.#closed) break
      }
    } catch (err) {
      reason = err as Error
      if (err instanceof SpdyProtocolError) this.#send(controlFrame(TYPE.goAway, 0, words(this.#lastRemoteId, 1)))
    }
    this.#end(reason)
    return reason
  }

  /** Opens a stream. The other side need not answer before data is sent. */
  async open(headers: SpdyHeaders): Promise<SpdyStream> {
    const id = this.#nextId
    this.#nextId += 2
    const stream = this.#add(id, headers)
    await this.#sendHeaders(TYPE.synStream, Buffer.concat([words(id, 0), Buffer.alloc(2)]), headers)
    return stream
  }

  /** Resolves when the other side has answered. */
  ping(): Promise<void> {
    const id = this.#nextPing
    this.#nextPing += 2
    return new Promise((resolve) => {
      this.#pings.set(id, resolve)
      this.#send(controlFrame(TYPE.ping, 0, words(id)))
    })
  }

  /** Says goodbye and ends the connection once everything is written. */
  close(): void {
    if (this.#closed) return
    this.#send(controlFrame(TYPE.goAway, 0, words(this.#lastRemoteId, 0)))
    this.#closed = true
    this.#transport.end()
    this.#end(undefined)
  }

  #end(reason: Error | undefined): void {
    this.#closed = true
    for (const { stream, wake } of [...this.#entries.values()]) {
      wake?.()
      stream.abandon(reason)
    }
    this.#entries.clear()
    this.#drained?.()
    this.#deflater.close()
    this.#inflater.close()
    if (!this.#transport.writableEnded) this.#transport.end()
  }

  #add(id: number, headers: SpdyHeaders): SpdyStream {
    const stream = new SpdyStream(id, headers, this)
    // A stream that breaks without a listener must not take the process along.
    stream.on('error', () => undefined)
    this.#entries.set(id, {
      stream,
      sendWindow: this.#initialWindow,
      receiveWindow: INITIAL_WINDOW,
      unreported: 0,
      wake: undefined,
    })
    return stream
  }

  async #handle(frame: Frame): Promise<void> {
    if (frame.kind === 'data') return this.#handleData(frame.streamId, frame.bytes, frame.fin)
    const { type, flags, payload } = frame
    switch (type) {
      case TYPE.synStream:
        return this.#handleSynStream(flags, payload)
      case TYPE.synReply:
      case TYPE.headers: {
        const id = field(payload, 0)
        // The block must be read in any case: the compression depends on all that went before.
        await this.#inflater.inflate(payload.subarray(4))
        if (flags & FLAG_FIN) this.#entries.get(id)?.stream.receive(Buffer.alloc(0), true)
        return
      }
      case TYPE.rstStream:
        this.#entries.get(field(payload, 0))?.stream.abandon()
        return
      case TYPE.settings:
        return this.#handleSettings(payload)
      case TYPE.ping:
        return this.#handlePing(field(payload, 0))
      case TYPE.goAway:
        this.#goingAway = true
        return
      case TYPE.windowUpdate:
        return this.#handleWindowUpdate(field(payload, 0), field(payload, 1))
    }
    // Frames of unknown types are skipped.
  }

  async #handleSynStream(flags: number, payload: Buffer): Promise<void> {
    const id = field(payload, 0)
    if (payload.length < 10) throw new SpdyProtocolError('SYN_STREAM is cut off')
    const headers = decodeHeaders(await this.#inflater.inflate(payload.subarray(10)))
    const remote = this.#options.role === 'server' ? 1 : 0
    if (id === 0 || id % 2 !== remote) throw new SpdyProtocolError(`stream ${id} has the wrong parity`)
    if (this.#entries.has(id)) return this.#reset(id, RST_STREAM_IN_USE)
    if (id < this.#lastRemoteId) throw new SpdyProtocolError(`stream ${id} comes after ${this.#lastRemoteId}`)
    this.#lastRemoteId = id
    if (this.#goingAway || this.#entries.size >= (this.#options.maxStreams ?? 256))
      return this.#reset(id, RST_REFUSED_STREAM)
    const stream = this.#add(id, headers)
    await this.#sendHeaders(TYPE.synReply, words(id), {})
    if (flags & FLAG_FIN) stream.receive(Buffer.alloc(0), true)
    this.#options.onStream(stream)
  }

  async #handleData(id: number, bytes: Buffer, fin: boolean): Promise<void> {
    const entry = this.#entries.get(id)
    if (!entry) {
      // k8s: data may still come for a stream that was just closed here.
      if (id > this.#lastRemoteId && id % 2 === (this.#options.role === 'server' ? 1 : 0))
        this.#reset(id, RST_INVALID_STREAM)
      return
    }
    if (entry.stream.remoteEnded) return this.#reset(id, RST_PROTOCOL_ERROR)
    entry.receiveWindow -= bytes.length
    if (this.#peerControlsFlow && entry.receiveWindow < -MAX_WAITING_BYTES) {
      this.#reset(id, RST_FLOW_CONTROL_ERROR)
      entry.stream.abandon(new SpdyProtocolError('the flow control window was exceeded'))
      return
    }
    entry.stream.receive(Buffer.from(bytes), fin)
    while (
      entry.stream.waitingBytes > MAX_WAITING_BYTES &&
      !entry.stream.destroyed &&
      !this.#closed &&
      !this.#transport.destroyed
    )
      await new Promise<void>((resolve) => {
        this.#drained = resolve
      })
  }

  #handleSettings(payload: Buffer): void {
    this.#peerControlsFlow = true
    const count = field(payload, 0)
    for (let i = 0; i < count; i++) {
      const id = field(payload, 1 + 2 * i) & 0xff_ffff
      const value = field(payload, 2 + 2 * i)
      if (id !== SETTING_INITIAL_WINDOW) continue
      if (value > MAX_WINDOW) throw new SpdyProtocolError('the initial window is too large')
      for (const entry of this.#entries.values()) this.#grow(entry, value - this.#initialWindow)
      this.#initialWindow = value
    }
  }

  #handlePing(id: number): void {
    const ours = id % 2 === this.#nextPing % 2
    if (ours) {
      this.#pings.get(id)?.()
      this.#pings.delete(id)
    } else this.#send(controlFrame(TYPE.ping, 0, words(id)))
  }

  #handleWindowUpdate(id: number, delta: number): void {
    this.#peerControlsFlow = true
    const entry = this.#entries.get(id)
    if (!entry) return
    if (delta === 0 || entry.sendWindow + delta > MAX_WINDOW) {
      this.#reset(id, RST_FLOW_CONTROL_ERROR)
      entry.stream.abandon(new SpdyProtocolError('the flow control window overflowed'))
      return
    }
    this.#grow(entry, delta)
  }
  #grow(entry: Entry, delta: number): void {
    entry.sendWindow += delta
    if (entry.sendWindow > 0) entry.wake?.()
  }

  // --- what streams ask for -------------------------------------------------------------------------------------------------------

  async writeData(stream: SpdyStream, bytes: Uint8Array, fin: boolean): Promise<void> {
    let rest = bytes
    do {
      const entry = this.#entries.get(stream.id)
      if (!entry || this.#closed) throw new Error('the stream is closed')
      let size = Math.min(rest.length, MAX_DATA_BYTES)
      if (this.#peerControlsFlow && size > 0) {
        while (entry.sendWindow <= 0 && !this.#closed && !stream.destroyed)
          await new Promise<void>((resolve) => {
            entry.wake = resolve
          })
        if (this.#closed || stream.destroyed) throw new Error('the stream is closed')
        size = Math.min(size, entry.sendWindow)
      }
      entry.sendWindow -= size
      const piece = rest.subarray(0, size)
      rest = rest.subarray(size)
      await this.#sendAndWait(dataFrame(stream.id, piece, fin && rest.length === 0))
    } while (rest.length > 0)
  }

  consumed(stream: SpdyStream, bytes: number): void {
    if (stream.waitingBytes <= MAX_WAITING_BYTES) this.#drained?.()
    const entry = this.#entries.get(stream.id)
    if (!entry) return
    entry.unreported += bytes
    if (!this.#peerControlsFlow || entry.unreported < INITIAL_WINDOW / 2) return
    this.#send(controlFrame(TYPE.windowUpdate, 0, words(stream.id, entry.unreported)))
    entry.receiveWindow += entry.unreported
    entry.unreported = 0
  }

  reset(stream: SpdyStream, status: number): void {
    if (this.#entries.has(stream.id)) this.#reset(stream.id, status)
  }
  #reset(id: number, status: number): void {
    this.#send(controlFrame(TYPE.rstStream, 0, words(id, status)))
  }
  closed(stream: SpdyStream): void {
    this.#entries.get(stream.id)?.wake?.()
    this.#entries.delete(stream.id)
    this.#drained?.()
  }

  // --- sending --------------------------------------------------------------------------------------------------------------------

  #sendHeaders(type: number, prefix: Buffer, headers: SpdyHeaders): Promise<void> {
    // In the order of compression.
    this.#headersSent = this.#headersSent.then(async () => {
      if (this.#closed) return
      const block = await this.#deflater.deflate(encodeHeaders(headers))
      this.#send(controlFrame(type, 0, Buffer.concat([prefix, block])))
    })
    return this.#headersSent
  }

  #send(frame: Buffer): void {
    if (!this.#transport.destroyed && !this.#transport.writableEnded) this.#transport.write(frame)
  }
  async #sendAndWait(frame: Buffer): Promise<void> {
    if (this.#transport.destroyed || this.#transport.writableEnded) throw new Error('the connection is closed')
    if (this.#transport.write(frame)) return
    await new Promise<void>((resolve) => {
      const done = () => {
        for (const event of ['drain', 'close', 'error']) this.#transport.off(event, done)
        resolve()
      }
      for (const event of ['drain', 'close', 'error']) this.#transport.on(event, done)
    })
  }
}

function field(payload: Buffer, index: number): number {
  if (payload.length < index * 4 + 4) throw new SpdyProtocolError('a control frame is cut off')
  return payload.readUInt32BE(index * 4) & 0x7fff_ffff
}
