// Port forwarding over SPDY: the client opens a pair of streams per connection, `error` and `data`, tied by `requestID`; each pair becomes
// one connection into the pod. What goes wrong is text on the error stream, and the other connections go on.
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Clock, Timer } from '../../base/clock.ts'
import type { Ctx } from '../../base/ctx.ts'
import type { SpdyStream } from './spdy/stream.ts'

export const PORT_FORWARD_PROTOCOL = 'portforward.k8s.io'
const PAIR_WITHIN_MS = 30_000

export type Dial = (ctx: Ctx, port: number) => Promise<Duplex>

interface Pair {
  data?: SpdyStream
  error?: SpdyStream
  timeout: Timer
}

export const parsePort = (text: string | null | undefined): number | undefined =>
  /^\d{1,5}$/.test(text ?? '') && Number(text) >= 1 && Number(text) <= 65_535 ? Number(text) : undefined

export class PortForwardPairs {
  readonly #clock: Clock
  readonly #dial: Dial
  readonly #pairs = new Map<string, Pair>()

  constructor(clock: Clock, dial: Dial) {
    this.#clock = clock
    this.#dial = dial
  }

  /** For the session's `onStream`. The result is a connection's whole life, once its pair is complete. */
  add(ctx: Ctx, stream: SpdyStream): Promise<void> | undefined {
    const type = stream.headers['streamtype']
    const port = parsePort(stream.headers['port'])
    if ((type !== 'data' && type !== 'error') || port === undefined) {
      stream.destroy()
      return undefined
    }
    // k8s: clients of old send no request ID; then the error stream comes first, and its data stream has the next odd number.
    const id = stream.headers['requestid'] ?? String(type === 'error' ? stream.id : stream.id - 2)
    const pair: Pair = this.#pairs.get(id) ?? {
      timeout: this.#clock.after(PAIR_WITHIN_MS, () => {
        const late = this.#pairs.get(id)
        this.#pairs.delete(id)
        late?.error?.end(`timed out waiting for streams of request ${id}`)
        late?.data?.destroy()
      }),
    }
    if (pair[type]) {
      stream.destroy()
      return undefined
    }
    pair[type] = stream
    this.#pairs.set(id, pair)
    if (!pair.data || !pair.error) return undefined
    pair.timeout.cancel()
    this.#pairs.delete(id)
    return this.#forward(ctx, pair.data, pair.error, port)
  }

  async #forward(ctx: Ctx, data: SpdyStream, error: SpdyStream, port: number): Promise<void> {
    error.resume()
    try {
      const connection = await this.#dial(ctx, port)
      await splice(data, connection, ctx.signal)
    } catch (err) {
      if (!ctx.signal.aborted) error.write(`an error occurred forwarding ${port}: ${(err as Error).message}`)
    } finally {
      error.end()
      if (!data.writableEnded) data.end()
      // What the client still sends goes nowhere.
      data.resume()
    }
  }

  close(): void {
    for (const pair of this.#pairs.values()) pair.timeout.cancel()
    this.#pairs.clear()
  }
}

/** Both directions, each to its own end. A side that goes away takes the other along. */
export async function splice(near: Duplex, connection: Duplex, signal: AbortSignal): Promise<void> {
  try {
    await Promise.all([
      pipeline(near, connection, { signal }).catch(ignoreClosed),
      // k8s: when the server in the pod has closed its side, the client's half is over as well.
      pipeline(connection, near, { signal })
        .catch(ignoreClosed)
        .then(() => connection.end()),
    ])
  } finally {
    connection.destroy()
  }
}

function ignoreClosed(err: NodeJS.ErrnoException): void {
  const quiet = ['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE', 'ABORT_ERR', 'ERR_STREAM_DESTROYED']
  if (!quiet.includes(err.code ?? '')) throw err
}
