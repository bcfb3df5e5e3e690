// Header blocks are one compressed stream per direction, flushed after each block. Both ends of it must live as long as the session.
import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib'
import { SPDY_DICTIONARY } from './dictionary.ts'
import { SpdyProtocolError } from './frames.ts'

const MAX_BLOCK_BYTES = 64 << 10

export class HeaderDeflater {
  readonly #zlib: Deflate = createDeflate({ dictionary: SPDY_DICTIONARY, windowBits: 11, memLevel: 1 })

  deflate(block: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      const onData = (chunk: Buffer) => chunks.push(chunk)
      this.#zlib.on('data', onData)
      this.#zlib.once('error', reject)
      this.#zlib.write(block)
      this.#zlib.flush(constants.Z_SYNC_FLUSH, () => {
        this.#zlib.off('data', onData)
        this.#zlib.off('error', reject)
        resolve(Buffer.concat(chunks))
      })
    })
  }
  close(): void {
    this.#zlib.close()
  }
}

export class HeaderInflater {
  readonly #zlib: Inflate = createInflate({ dictionary: SPDY_DICTIONARY })

  /** @throws SpdyProtocolError when it isn't compressed headers, or too many. */
  inflate(block: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      let size = 0
      const end = (err?: Error) => {
        this.#zlib.off('data', onData)
        this.#zlib.off('error', end)
        if (err)
          reject(err instanceof SpdyProtocolError ? err : new SpdyProtocolError('headers cannot be decompressed'))
        else resolve(Buffer.concat(chunks))
      }
      const onData = (chunk: Buffer) => {
        size += chunk.length
        if (size > MAX_BLOCK_BYTES) end(new SpdyProtocolError('headers are too long'))
        else chunks.push(chunk)
      }
      this.#zlib.on('data', onData)
      this.#zlib.once('error', end)
      this.#zlib.write(block)
      this.#zlib.flush(constants.Z_SYNC_FLUSH, () => end())
    })
  }
  close(): void {
    this.#zlib.close()
  }
}
