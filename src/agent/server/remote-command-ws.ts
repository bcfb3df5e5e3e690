// exec and attach over WebSocket: one binary message per piece, its first byte the channel. 0 stdin, 1 stdout, 2 stderr, 3 error,
// 4 resize; in v5, 255 closes the channel that the next byte names. The base64 variants carry text, with the channel as a digit.
import type { WebSocket } from 'ws'
import { ByteQueue } from './byte-queue.ts'
import type { CommandResult, RemoteCommand, RemoteStreams } from './remote-command.ts'
import { terminalSizes } from './terminal-sizes.ts'

/** In the server's order of preference; '' is a client that names none. */
export const REMOTE_COMMAND_PROTOCOLS = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
] as const

export const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const
const MAX_WAITING_BYTES = 256 << 10
/** Above this, output waits for the connection. */
const MAX_BUFFERED_BYTES = 256 << 10

export const isBase64 = (protocol: string) => protocol.includes('base64')

/** Channel and payload of one message; undefined for what makes no sense. */
export function decodeMessage(data: Buffer, base64: boolean): { channel: number; bytes: Buffer } | undefined {
  if (data.length === 0) return undefined
  if (!base64) return { channel: data[0]!, bytes: data.subarray(1) }
  const channel = data[0]! - 0x30
  return channel >= 0 && channel <= 9
    ? { channel, bytes: Buffer.from(data.subarray(1).toString('latin1'), 'base64') }
    : undefined
}

export function encodeMessage(channel: number, bytes: Uint8Array, base64: boolean): Buffer | string {
  return base64 ? `${channel}${Buffer.from(bytes).toString('base64')}` : Buffer.concat([Buffer.from([channel]), bytes])
}

export class WebSocketCommand {
  readonly #ws: WebSocket
  readonly #base64: boolean
  readonly #protocol: string
  readonly #stdin: ByteQueue
  readonly #sizes: ByteQueue
  readonly streams: RemoteStreams

  constructor(ws: WebSocket, command: RemoteCommand) {
    this.#ws = ws
    this.#protocol = ws.protocol
    this.#base64 = isBase64(ws.protocol)
    this.#stdin = new ByteQueue(
      MAX_WAITING_BYTES,
      () => ws.pause(),
      () => ws.resume(),
    )
    this.#sizes = new ByteQueue(
      4096,
      () => undefined,
      () => undefined,
    )
    ws.on('message', (data) => this.#receive(data as Buffer, command))
    ws.on('close', () => {
      this.#stdin.end()
      this.#sizes.end()
    })
    const write = (channel: number) => (chunk: Uint8Array) => this.#send(channel, chunk)
    this.streams = {
      stdin: command.stdin ? this.#stdin : undefined,
      stdout: command.stdout ? write(CHANNEL.stdout) : undefined,
      stderr: command.stderr ? write(CHANNEL.stderr) : undefined,
      resize: command.tty ? terminalSizes(this.#sizes) : undefined,
    }
  }

  /**
   * k8s: an empty message on the first channel that is read tells the client that the connection stands. Clients of v5 do not need it, and
   * kubectl now and then complains of it because it comes before it has set up its channels.
   */
  async greet(command: RemoteCommand): Promise<void> {
    if (this.#protocol.startsWith('v5.')) return
    await this.#send(command.stdout ? CHANNEL.stdout : command.stderr ? CHANNEL.stderr : CHANNEL.error, Buffer.alloc(0))
  }

  async finish(result: CommandResult): Promise<void> {
    const versioned = this.#protocol.startsWith('v')
    const said = versioned ? JSON.stringify(result.status) : result.text
    if (said) await this.#send(CHANNEL.error, Buffer.from(said))
    this.#ws.close(1000)
  }

  #receive(data: Buffer, command: RemoteCommand): void {
    const message = decodeMessage(data, this.#base64)
    if (message?.channel === CHANNEL.stdin && command.stdin) this.#stdin.push(message.bytes)
    else if (message?.channel === CHANNEL.resize) this.#sizes.push(message.bytes)
    else if (message?.channel === CHANNEL.close && message.bytes[0] === CHANNEL.stdin) this.#stdin.end()
  }

  #send(channel: number, bytes: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    // `send` copies what it is given into the connection; waiting for it bounds what we hold.
    const buffered = this.#ws.bufferedAmount > MAX_BUFFERED_BYTES
    this.#ws.send(encodeMessage(channel, bytes, this.#base64), { binary: !this.#base64 }, () => resolve())
    if (!buffered) resolve()
    return promise
  }
}
