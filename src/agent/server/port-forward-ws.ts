// Port forwarding over plain WebSocket channels (`v4.channel.k8s.io`, before SPDY was tunnelled): the ports stand in the request's query, each
// has two channels, data 2i and error 2i+1, whose first message from the server is the port in two bytes.
import { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Ctx } from '../../base/ctx.ts'
import { ByteQueue } from './byte-queue.ts'
import { HttpError } from './http-error.ts'
import { type Dial, parsePort, splice } from './port-forward.ts'
import { decodeMessage, encodeMessage, isBase64 } from './remote-command-ws.ts'

const MAX_WAITING_BYTES = 256 << 10
/** Channels are one byte, and a digit in base64; nobody forwards more. */
const MAX_PORTS = 100

/** @throws HttpError 400. */
export function parsePorts(query: URLSearchParams): number[] {
  const given = query
    .getAll('ports')
    .concat(query.getAll('port'))
    .flatMap((text) => text.split(','))
  if (given.length === 0) throw new HttpError(400, 'query parameter "port" is required')
  if (given.length > MAX_PORTS) throw new HttpError(400, `at most ${MAX_PORTS} ports can be forwarded`)
  return given.map((text) => {
    const port = parsePort(text)
    if (port === undefined)
      throw new HttpError(400, `query parameter "port" must be in the range 1 to 65535, not ${text}`)
    return port
  })
}

export async function forwardChannels(ctx: Ctx, ws: WebSocket, ports: readonly number[], dial: Dial): Promise<void> {
  const base64 = isBase64(ws.protocol)
  const send = (channel: number, bytes: Uint8Array) =>
    new Promise<void>((resolve) => ws.send(encodeMessage(channel, bytes, base64), { binary: !base64 }, () => resolve()))
  const inputs = ports.map(
    () =>
      new ByteQueue(
        MAX_WAITING_BYTES,
        () => ws.pause(),
        () => ws.resume(),
      ),
  )
  ws.on('message', (data) => {
    const message = decodeMessage(data as Buffer, base64)
    if (message && message.channel % 2 === 0) inputs[message.channel / 2]?.push(message.bytes)
  })
  ws.on('close', () => {
    for (const input of inputs) input.end()
  })
  await Promise.all(
    ports.map(async (port, i) => {
      const number = Buffer.alloc(2)
      number.writeUInt16LE(port)
      await send(2 * i, number)
      await send(2 * i + 1, number)
      try {
        const connection = await dial(ctx, port)
        const near = Duplex.from({
          readable: inputs[i]!,
          writable: async (chunks: AsyncIterable<Uint8Array>) => {
            for await (const chunk of chunks) await send(2 * i, chunk)
          },
        })
        await splice(near, connection, ctx.signal)
      } catch (err) {
        if (!ctx.signal.aborted)
          await send(2 * i + 1, Buffer.from(`an error occurred forwarding ${port}: ${(err as Error).message}`))
      }
    }),
  )
  ws.close(1000)
}
