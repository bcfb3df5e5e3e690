// A container's log as lines with time and stream, from the engine's own log files.
import type { Ctx } from '../../base/ctx.ts'
import type { LogLine, LogOptions } from '../cri/runtime.ts'
import type { Engine } from './engine.ts'
import { destroyOnAbort, frames, quietly } from './streams.ts'

/** Longest piece of a terminal's output that is held while its line feed is awaited. The engine itself cuts lines at 16 KiB. */
const MAX_LINE_BYTES = 64 << 10

export async function* logs(
  engine: Engine,
  ctx: Ctx,
  containerId: string,
  tty: boolean,
  options: LogOptions,
): AsyncGenerator<LogLine> {
  const query = {
    follow: options.follow,
    ...(options.tail === undefined ? {} : { tail: options.tail }),
    ...(options.sinceMs === undefined ? {} : { since: (options.sinceMs / 1000).toFixed(3) }),
  }
  const startedAtMs = engine.clock.now()
  let last: LogLine | undefined
  let atLast = 0
  for await (const line of read(engine, ctx, containerId, tty, query)) {
    atLast = line.timestamp === last?.timestamp ? atLast + 1 : 1
    last = line
    yield line
  }
  if (!options.follow || ctx.signal.aborted) return
  // The engine's own following loses what was written last if it had no line feed. Read again from the last line on.
  const since = last ? engineTime(last.timestamp) : (options.sinceMs ?? startedAtMs) / 1000
  for await (const line of read(engine, ctx, containerId, tty, { follow: false, since: String(since) })) {
    if (line.timestamp === last?.timestamp && atLast-- > 0) continue
    yield line
  }
}

async function* read(
  engine: Engine,
  ctx: Ctx,
  containerId: string,
  tty: boolean,
  query: Record<string, unknown>,
): AsyncGenerator<LogLine> {
  const path = `/containers/${containerId}/logs`
  const stream = await engine.stream(ctx, path, { stdout: true, stderr: true, timestamps: true, ...query })
  const release = destroyOnAbort(stream, ctx.signal)
  try {
    if (tty) yield* terminalLines(quietly(stream))
    else for await (const frame of frames(quietly(stream))) yield logLine(frame.stream, frame.bytes)
  } finally {
    release()
    stream.destroy()
  }
}

/** `2026-01-01T00:00:00.000000001Z` as the engine takes it: seconds and nanoseconds. */
function engineTime(timestamp: string): string {
  const nanoseconds = /\.(\d+)/.exec(timestamp)?.[1] ?? '0'
  return `${Math.floor(Date.parse(timestamp) / 1000)}.${nanoseconds.padEnd(9, '0')}`
}

/** `<timestamp> <text>`. */
function logLine(stream: 'stdout' | 'stderr', bytes: Buffer): LogLine {
  const space = bytes.indexOf(0x20)
  const timestamp = bytes.subarray(0, Math.max(space, 0)).toString('latin1')
  return { timestampMs: Date.parse(timestamp), timestamp, stream, bytes: bytes.subarray(space + 1) }
}

async function* terminalLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<LogLine> {
  let pending = Buffer.alloc(0)
  for await (const chunk of chunks) {
    let buffer = pending.length > 0 ? Buffer.concat([pending, chunk]) : chunk
    for (let end = buffer.indexOf(0x0a); end >= 0; end = buffer.indexOf(0x0a)) {
      yield logLine('stdout', buffer.subarray(0, end + 1))
      buffer = buffer.subarray(end + 1)
    }
    if (buffer.length > MAX_LINE_BYTES) {
      yield logLine('stdout', buffer)
      buffer = Buffer.alloc(0)
    }
    pending = Buffer.from(buffer)
  }
  if (pending.length > 0) yield logLine('stdout', pending)
}
