// SPDY/3.1 frames to and from bytes. A data frame's payload is given on in pieces as it arrives, so that no frame is held whole; control
// frames are small and bounded. Pure: no sockets here.

export const TYPE = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const

export const FLAG_FIN = 1
const VERSION = 3
export const MAX_CONTROL_BYTES = 64 << 10

export type Frame =
  | { kind: 'data'; streamId: number; bytes: Buffer; fin: boolean }
  | { kind: 'control'; type: number; flags: number; payload: Buffer }

export class SpdyProtocolError extends Error {
  override readonly name = 'SpdyProtocolError'
}

/** Takes chunks as they come and gives frames. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0)
  /** The data frame whose payload is not complete. */
  #data: { streamId: number; left: number; fin: boolean } | undefined;

  *read(chunk: Buffer): Generator<Frame> {
    let buffer = this.#pending.length > 0 ? Buffer.concat([this.#pending, chunk]) : chunk
    for (;;) {
      if (this.#data) {
        const { streamId, left, fin } = this.#data
        const bytes = buffer.subarray(0, left)
        buffer = buffer.subarray(bytes.length)
        const complete = bytes.length === left
        if (complete) this.#data = undefined
        else this.#data.left -= bytes.length
        if (bytes.length > 0 || complete) yield { kind: 'data', streamId, bytes, fin: fin && complete }
        if (!complete) break
        continue
      }
      if (buffer.length < 8) break
      const first = buffer.readUInt32BE(0)
      const flags = buffer[4]!
      const length = buffer.readUIntBE(5, 3)
      if (first < 2 ** 31) {
        this.#data = { streamId: first, left: length, fin: (flags & FLAG_FIN) !== 0 }
        buffer = buffer.subarray(8)
        continue
      }
      if (((first >>> 16) & 0x7fff) !== VERSION)
        throw new SpdyProtocolError(`version ${(first >>> 16) & 0x7fff} is not supported`)
      if (length > MAX_CONTROL_BYTES) throw new SpdyProtocolError(`a control frame of ${length} bytes is too long`)
      if (buffer.length < 8 + length) break
      yield { kind: 'control', type: first & 0xffff, flags, payload: buffer.subarray(8, 8 + length) }
      buffer = buffer.subarray(8 + length)
    }
    // What is kept must not hold on to the whole chunk.
    this.#pending = buffer.length > 0 ? Buffer.from(buffer) : buffer
  }
}

export function dataFrame(streamId: number, bytes: Uint8Array, fin: boolean): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(streamId, 0)
  head[4] = fin ? FLAG_FIN : 0
  head.writeUIntBE(bytes.length, 5, 3)
  return Buffer.concat([head, bytes])
}

export function controlFrame(type: number, flags: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE((0x8000_0000 + VERSION * 0x1_0000 + type) >>> 0, 0)
  head[4] = flags
  head.writeUIntBE(payload.length, 5, 3)
  return Buffer.concat([head, payload])
}

/** Fields of 4 bytes each. */
export function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, i * 4)
  return bytes
}

export type SpdyHeaders = Readonly<Record<string, string>>

/** Names are lower case; several values of one name are separated by NUL. */
export function encodeHeaders(headers: SpdyHeaders): Buffer {
  const parts = [words(Object.keys(headers).length)]
  for (const [name, value] of Object.entries(headers)) {
    const n = Buffer.from(name.toLowerCase())
    const v = Buffer.from(value)
    parts.push(words(n.length), n, words(v.length), v)
  }
  return Buffer.concat(parts)
}

export function decodeHeaders(block: Buffer): SpdyHeaders {
  let at = 0
  const number = () => {
    if (at + 4 > block.length) throw new SpdyProtocolError('headers are cut off')
    at += 4
    return block.readUInt32BE(at - 4)
  }
  const text = () => {
    const length = number()
    if (at + length > block.length) throw new SpdyProtocolError('headers are cut off')
    at += length
    return block.subarray(at - length, at).toString()
  }
  const count = number()
  if (count > 100) throw new SpdyProtocolError(`${count} headers are too many`)
  const headers: Record<string, string> = Object.create(null)
  for (let i = 0; i < count; i++) {
    const name = text()
    headers[name] = text()
  }
  return headers
}
