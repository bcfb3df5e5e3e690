// exec and attach over SPDY: the client opens one stream per channel and says in its headers which (`streamType`); the versions of the
// protocol (X-Stream-Protocol-Version) differ in what goes over the error stream and in whether terminals can be resized.
import type { Clock } from '../../base/clock.ts'
import type { CommandResult, RemoteCommand, RemoteStreams } from './remote-command.ts'
import type { SpdySession } from './spdy/session.ts'
import type { SpdyStream } from './spdy/stream.ts'
import { terminalSizes } from './terminal-sizes.ts'

/** '' is a client that sends no version: the first protocol. */
export const SPDY_COMMAND_PROTOCOLS = [
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
] as const
const STREAMS_WITHIN_MS = 30_000

const STREAM_TYPES = new Set(['error', 'stdin', 'stdout', 'stderr', 'resize'])

export class SpdyCommand {
  readonly #session: SpdySession
  readonly #protocol: string
  readonly #expected: Set<string>
  readonly #streams = new Map<string, SpdyStream>()
  readonly #complete = Promise.withResolvers<void>()

  constructor(session: SpdySession, protocol: string, command: RemoteCommand) {
    this.#session = session
    this.#protocol = protocol
    this.#expected = new Set([
      'error',
      ...(command.stdin ? ['stdin'] : []),
      ...(command.stdout ? ['stdout'] : []),
      ...(command.stderr ? ['stderr'] : []),
      ...(command.tty && ['v3.channel.k8s.io', 'v4.channel.k8s.io'].includes(protocol) ? ['resize'] : []),
    ])
  }

  /** For the session's `onStream`. */
  add(stream: SpdyStream): void {
    const type = stream.headers['streamtype'] ?? ''
    if (!STREAM_TYPES.has(type) || !this.#expected.has(type) || this.#streams.has(type)) {
      stream.destroy()
      return
    }
    this.#streams.set(type, stream)
    if (this.#streams.size === this.#expected.size) this.#complete.resolve()
  }

  /** Resolves when the client has opened every stream that the request asks for. */
  async opened(clock: Clock): Promise<RemoteStreams> {
    const late = clock.after(STREAMS_WITHIN_MS, () =>
      this.#complete.reject(new Error('timed out waiting for client to create streams')),
    )
    try {
      await this.#complete.promise
    } finally {
      late.cancel()
    }
    const resize = this.#streams.get('resize')
    return {
      stdin: this.#streams.get('stdin') as AsyncIterable<Uint8Array> | undefined,
      stdout: writerOf(this.#streams.get('stdout')),
      stderr: writerOf(this.#streams.get('stderr')),
      resize: resize && terminalSizes(resize),
    }
  }
  /** The connection is gone. */
  abandon(err: Error): void {
    this.#complete.reject(err)
    this.#complete.promise.catch(() => undefined)
  }

  async finish(result: CommandResult): Promise<void> {
    const error = this.#streams.get('error')
    const said = this.#protocol === 'v4.channel.k8s.io' ? JSON.stringify(result.status) : result.text
    const outputs = ['stdout', 'stderr'].flatMap((type) => this.#streams.get(type) ?? [])
    await Promise.all(outputs.map((stream) => ended(stream)))
    if (error) {
      if (said) error.write(said)
      await ended(error)
    }
    this.#session.close()
  }
}

const writerOf = (stream: SpdyStream | undefined) =>
  stream &&
  ((chunk: Uint8Array) =>
    new Promise<void>((resolve, reject) => stream.write(chunk, (err) => (err ? reject(err) : resolve()))))

const ended = (stream: SpdyStream): Promise<void> =>
  new Promise((resolve) => {
    if (stream.destroyed) return resolve()
    stream.once('close', resolve)
    stream.end(() => resolve())
  })
