// Writes an ApiResponse to an HTTP/1.1 or HTTP/2 response: whole bodies at once, watches and streams as they come, heeding
// back-pressure and the client going away.
import type { IncomingMessage } from 'node:http'
import type { Writable } from 'node:stream'
import { encodeBuiltin, encodeWatchFrame, PROTOBUF_MEDIA_TYPE } from '../../api/schema/protobuf.ts'
import type { ApiResponse, WatchFrame } from '../../api/wire.ts'
import type { Deadlines } from './deadlines.ts'
import { compressed, type Encoders, encodeBody, JSON_TYPE, listPieces, takesGzip } from './encode.ts'

/** What both versions of HTTP offer. */
export interface RawResponse extends Writable {
  writeHead(status: number, headers: Record<string, string | number>): unknown
  flushHeaders(): void
  /** HTTP/1.1: whether what is written is put into chunks; absent in HTTP/2. */
  chunkedEncoding?: boolean
}

/** A client that may go away: the signal is made when somebody asks for it. */
export interface Leaving {
  readonly signal: AbortSignal
}

export interface SendOptions {
  readonly encoders: Encoders
  readonly acceptEncoding: string | undefined
  readonly headOnly: boolean
  /** JSON with line breaks. */
  readonly indented: boolean
  readonly gone: Leaving
  /** Of clients that do not take what they have asked for. */
  readonly slow: Deadlines
}

export async function send(raw: RawResponse, response: ApiResponse, options: SendOptions): Promise<void> {
  const { status, headers, body } = response
  switch (body.kind) {
    case 'none':
      raw.writeHead(status, headers)
      raw.end()
      return
    case 'watch':
      await sendWatch(raw, status, headers, body.events, options)
      return
    case 'stream':
      raw.writeHead(status, headers)
      raw.flushHeaders()
      await sendChunks(raw, body.stream, options, asIs)
      return
    default: {
      const mediaType = headers['content-type'] ?? JSON_TYPE
      const indent = options.indented && body.kind !== 'bytes' && mediaType === JSON_TYPE
      const whole = options.headOnly || indent || takesGzip(options.acceptEncoding)
      if (body.kind === 'list' && mediaType === JSON_TYPE && !whole) {
        const { sizeBytes, pieces } = listPieces(body.head, body.items)
        raw.writeHead(status, { 'cache-control': 'no-cache, private', ...headers, 'content-length': sizeBytes })
        leaveInTime(raw, sizeBytes, options.slow)
        await sendChunks(raw, pieces, options, asIs)
        return
      }
      const encoded = await encodeBody(body, mediaType, options.encoders)
      const bytes = indent ? indented(encoded) : encoded
      const small = whole ? await compressed(bytes, options.acceptEncoding) : undefined
      const sent = small ?? bytes
      // The answer is ours by now; copying its headers would cost as much as writing them.
      const own: Record<string, string | number> = headers
      own['cache-control'] ??= 'no-cache, private'
      if (small) {
        own['content-encoding'] = 'gzip'
        own['vary'] = 'Accept-Encoding'
      }
      own['content-length'] = sent.byteLength
      raw.writeHead(status, own)
      leaveInTime(raw, sent.byteLength, options.slow)
      raw.end(options.headOnly ? undefined : sent)
    }
  }
}

/** What fits into the buffers of a connection does not wait for the client. */
const LARGE_BYTES = 64 * 1024

/** k8s: a request has a minute, the client's taking of the answer included. */
function leaveInTime(raw: RawResponse, sizeBytes: number, slow: Deadlines): void {
  if (sizeBytes < LARGE_BYTES) return
  const deadline = { late: () => raw.destroy() }
  slow.start(deadline)
  raw.once('close', () => slow.stop(deadline))
}

const indented = (json: Uint8Array) => Buffer.from(JSON.stringify(JSON.parse(Buffer.from(json).toString()), null, 2))

const lineOf = (frame: WatchFrame) => frame.line()
const protobufOf = ({ event }: WatchFrame) => encodeWatchFrame(event.type, encodeBuiltin(event.object))
const asIs = (chunk: Uint8Array) => chunk

async function sendWatch(
  raw: RawResponse,
  status: number,
  headers: Record<string, string>,
  frames: AsyncIterable<WatchFrame>,
  options: SendOptions,
): Promise<void> {
  const protobuf = headers['content-type'] === PROTOBUF_MEDIA_TYPE
  raw.writeHead(status, protobuf ? { ...headers, 'content-type': `${PROTOBUF_MEDIA_TYPE};stream=watch` } : headers)
  raw.flushHeaders()
  const bytesOf = protobuf ? protobufOf : lineOf
  if (raw.chunkedEncoding !== true) return sendChunks(raw, frames, options, bytesOf)
  // HTTP/1.1: Node would put the same event into a chunk for each watcher, in three writes.
  raw.chunkedEncoding = false
  await sendChunks(raw, frames, options, (frame) => chunkOf(bytesOf(frame)), LAST_CHUNK)
}

const LINE_END = Buffer.from('\r\n')
const LAST_CHUNK = Buffer.from('0\r\n\r\n')
/** By an event's bytes, which its watchers share. */
const chunksByBytes = new WeakMap<Uint8Array, Uint8Array>()

function chunkOf(bytes: Uint8Array): Uint8Array {
  let chunk = chunksByBytes.get(bytes)
  if (!chunk) {
    chunk = Buffer.concat([Buffer.from(`${bytes.byteLength.toString(16)}\r\n`), bytes, LINE_END])
    chunksByBytes.set(bytes, chunk)
  }
  return chunk
}

async function sendChunks<T>(
  raw: RawResponse,
  items: AsyncIterable<T> | Iterable<T>,
  { gone, slow }: SendOptions,
  bytesOf: (item: T) => Uint8Array,
  end?: Uint8Array,
): Promise<void> {
  const { signal } = gone
  try {
    for await (const item of items) {
      if (signal.aborted || raw.destroyed) return
      if (!raw.write(bytesOf(item))) await drained(raw, signal, slow)
    }
  } catch (err) {
    // The head is out: the only way left to tell the client is to break off.
    raw.destroy(err as Error)
    return
  }
  raw.end(end)
}

/** Of a client that takes nothing for too long the connection's stream is cut off. */
function drained(raw: RawResponse, signal: AbortSignal, slow: Deadlines): Promise<void> {
  const deadline = { late: () => raw.destroy() }
  slow.start(deadline)
  return new Promise((resolve) => {
    const done = () => {
      slow.stop(deadline)
      raw.removeListener('drain', done)
      raw.removeListener('close', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    raw.once('drain', done)
    raw.once('close', done)
    signal.addEventListener('abort', done, { once: true })
  })
}

/** k8s: for people at a terminal or a browser, unless they say otherwise. */
export function wantsIndented({ url = '', headers }: IncomingMessage): boolean {
  const [, asked] = url.includes('pretty=') ? (/[?&]pretty=([^&]+)/.exec(url) ?? []) : []
  return asked ? /^(1|t|true)$/i.test(asked) : /^(curl|Wget|Mozilla\/5\.0)/.test(headers['user-agent'] ?? '')
}
