// One container of the runtime in memory: its status, what it has written, and who is attached to it. What runs inside is fake.ts's doing.
import type { Clock } from '../../base/clock.ts'
import { aborted, bytes, Channel } from './fake-channel.ts'
import type { ContainerConfig, ContainerStatus, LinuxResources, LogLine, LogOptions, ProcessIO } from './runtime.ts'

export class FakeContainer {
  readonly config: ContainerConfig
  status: ContainerStatus
  resources: LinuxResources
  /** Aborted by SIGKILL, and when the process has ended. */
  readonly kill = new AbortController()
  /** Aborted by the stop signal. */
  readonly terminate = new AbortController()
  readonly ended = Promise.withResolvers<void>()
  readonly stdin = new Channel<Uint8Array>()
  readonly #clock: Clock
  readonly #log: LogLine[] = []
  readonly #attached = new Set<ProcessIO>()
  readonly #logGrew = new Set<() => void>()

  constructor(clock: Clock, config: ContainerConfig, status: ContainerStatus) {
    this.#clock = clock
    this.config = config
    this.status = status
    this.resources = config.resources
  }

  async output(stream: 'stdout' | 'stderr', text: string | Uint8Array): Promise<void> {
    const timestampMs = this.#clock.now()
    const timestamp = new Date(timestampMs).toISOString().replace('Z', '000000Z')
    const chunk = bytes(text)
    for (const line of Buffer.from(chunk)
      .toString('latin1')
      .match(/[^\n]*\n|[^\n]+$/g) ?? [])
      this.#log.push({ timestampMs, timestamp, stream, bytes: Buffer.from(line, 'latin1') })
    for (const grew of this.#logGrew) grew()
    for (const io of this.#attached) await io[stream]?.(chunk)
  }

  end(exitCode: number, reason: string): void {
    const signal = exitCode > 128 && exitCode < 160 ? exitCode - 128 : 0
    this.status = { ...this.status, state: 'Exited', finishedAtMs: this.#clock.now(), exitCode, signal, reason }
    this.kill.abort()
    this.stdin.end()
    this.ended.resolve()
  }

  /** Until the container has ended, or the caller detaches by the signal. */
  async attach(io: ProcessIO, signal: AbortSignal): Promise<void> {
    this.#attached.add(io)
    if (io.stdin && this.config.stdin) {
      const stdin = io.stdin
      void (async () => {
        for await (const chunk of stdin) this.stdin.push(chunk)
        if (this.config.stdinOnce) this.stdin.end()
      })().catch(() => undefined)
    }
    try {
      await Promise.race([this.ended.promise, aborted(signal).catch(() => undefined)])
    } finally {
      this.#attached.delete(io)
    }
  }

  async *logs(options: LogOptions, signal: AbortSignal): AsyncGenerator<LogLine> {
    const since = this.#log.filter((line) => line.timestampMs >= (options.sinceMs ?? 0))
    let next = this.#log.length
    yield* options.tail === undefined ? since : options.tail === 0 ? [] : since.slice(-options.tail)
    while (options.follow) {
      while (next < this.#log.length) yield this.#log[next++]!
      if (this.status.state !== 'Running' || signal.aborted) return
      const grew = Promise.withResolvers<void>()
      this.#logGrew.add(grew.resolve)
      await Promise.race([grew.promise, this.ended.promise, aborted(signal).catch(() => undefined)])
      this.#logGrew.delete(grew.resolve)
    }
  }
}
