// The engine's byte streams: without a terminal, stdout and stderr come in one stream as frames of an 8-byte header and a payload.
import type { Readable, Writable } from 'node:stream'

export interface OutputFrame {
  stream: 'stdout' | 'stderr'
  bytes: Buffer
}

/** No frame is larger than what the engine reads at once; a longer one means that we lost our place. */
const MAX_FRAME_BYTES = 1 << 20

/** Whole frames, however the chunks were cut. */
export async function* frames(chunks: AsyncIterable<Buffer>): AsyncGenerator<OutputFrame> {
  let pending: Buffer[] = []
  let size = 0
  let needed = 8
  for await (const chunk of chunks) {
    pending.push(chunk)
    size += chunk.length
    if (size < needed) continue
    let buffer = pending.length === 1 ? chunk : Buffer.concat(pending)
    while (buffer.length >= 8) {
      const length = buffer.readUInt32BE(4)
      const type = buffer[0]
      if (length > MAX_FRAME_BYTES || type === undefined || type > 2) throw new Error('not a multiplexed stream')
      needed = 8 + length
      if (buffer.length < needed) break
      yield { stream: type === 2 ? 'stderr' : 'stdout', bytes: buffer.subarray(8, needed) }
      buffer = buffer.subarray(needed)
      needed = 8
    }
    pending = buffer.length > 0 ? [buffer] : []
    size = buffer.length
  }
}

/** The same for a terminal: everything is stdout. */
export async function* unframed(chunks: AsyncIterable<Buffer>): AsyncGenerator<OutputFrame> {
  for await (const bytes of chunks) yield { stream: 'stdout', bytes }
}

/** Writes until the source ends, then closes the writing half. Waits while the other side is slow. */
export async function feed(source: AsyncIterable<Uint8Array>, sink: Writable): Promise<void> {
  for await (const chunk of source) {
    if (sink.destroyed || sink.writableEnded) return
    if (!sink.write(chunk)) await writable(sink)
  }
  sink.end()
}

function writable(sink: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ['drain', 'close', 'error']) sink.off(event, done)
      resolve()
    }
    for (const event of ['drain', 'close', 'error']) sink.on(event, done)
    if (sink.destroyed) done()
  })
}

/** Destroys the stream when the signal is aborted; the result undoes that. */
export function destroyOnAbort(stream: Readable, signal: AbortSignal): () => void {
  const onAbort = () => stream.destroy()
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  return () => signal.removeEventListener('abort', onAbort)
}

/** Chunks until the end; a stream that `destroyOnAbort` or the other side has cut just ends. */
export async function* quietly(stream: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of stream) yield chunk as Buffer
  } catch (err) {
    if (!stream.destroyed) throw err
  }
}
