// Processes in containers: exec, execSync and attach over the engine's hijacked connections. Output is handed on chunk by chunk and waits
// for its consumer; input is closed half-way, so that a process sees the end of its stdin and can still answer.
import { readFile } from 'node:fs/promises'
import type { Duplex } from 'node:stream'
import type { Exec } from 'dockerode'
import type { Ctx } from '../../base/ctx.ts'
import { type ProcessIO, RuntimeError } from '../cri/runtime.ts'
import { type Engine, isRuntimeError, runtimeErrorOf, userWords } from './engine.ts'
import { destroyOnAbort, feed, frames, type OutputFrame, quietly, unframed } from './streams.ts'

/** Docker's own detach keys would swallow ctrl-p; these nobody types by chance. */
const DETACH_KEYS = 'ctrl-_,ctrl-^,ctrl-_,ctrl-^,ctrl-_,ctrl-^'
/** How the engine reports, in the output, a command that could not be started. */
const START_FAILURE = 'OCI runtime exec failed:'

export async function exec(
  engine: Engine,
  ctx: Ctx,
  containerId: string,
  command: readonly string[],
  tty: boolean,
  io: ProcessIO,
  onStarted?: (exec: Exec) => void,
): Promise<number> {
  const process = await engine.call(ctx, (docker, abortSignal) =>
    docker.getContainer(containerId).exec({
      Cmd: [...command],
      Tty: tty,
      AttachStdin: io.stdin !== undefined,
      AttachStdout: true,
      AttachStderr: !tty,
      DetachKeys: DETACH_KEYS,
      abortSignal,
    }),
  )
  const sinceSeconds = Math.floor(engine.clock.now() / 1000) - 1
  const stream = await engine.call(ctx, () =>
    process.start({ hijack: true, stdin: io.stdin !== undefined, Tty: tty } as Parameters<Exec['start']>[0]),
  )
  onStarted?.(process)
  const refused = await converse(ctx, stream, tty, io, (size) =>
    process.resize({ h: size.height, w: size.width }).catch(() => undefined),
  )
  ctx.signal.throwIfAborted()
  const exitCode = await exitCodeOf(engine, ctx, process, containerId, sinceSeconds)
  if (refused !== undefined && exitCode >= 126 && exitCode <= 128)
    throw new RuntimeError('InvalidArgument', userWords(refused.trim()))
  if (refused !== undefined) await io.stdout?.(Buffer.from(refused))
  return exitCode
}

export async function execSync(
  engine: Engine,
  ctx: Ctx,
  containerId: string,
  command: readonly string[],
  options: { timeoutMs: number; maxOutputBytes: number },
): Promise<{ exitCode: number; stdout: Uint8Array; stderr: Uint8Array; timedOut: boolean }> {
  const deadline = new AbortController()
  let timedOut = false
  const timer = engine.clock.after(options.timeoutMs, () => {
    timedOut = true
    deadline.abort(new Error('timed out'))
  })
  const output = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] }
  let left = options.maxOutputBytes
  const keep = (chunks: Uint8Array[]) => (chunk: Uint8Array) => {
    if (left <= 0) return
    chunks.push(Buffer.from(chunk.subarray(0, left)))
    left -= Math.min(left, chunk.length)
  }
  let started: Exec | undefined
  const result = (exitCode: number) => ({
    exitCode,
    stdout: Buffer.concat(output.stdout),
    stderr: Buffer.concat(output.stderr),
    timedOut,
  })
  try {
    const io = { stdout: keep(output.stdout), stderr: keep(output.stderr) }
    const within = { ...ctx, signal: AbortSignal.any([ctx.signal, deadline.signal]) }
    return result(await exec(engine, within, containerId, command, false, io, (process) => (started = process)))
  } catch (err) {
    const gaveUp = timedOut || ctx.signal.aborted
    if (gaveUp && started) await kill(engine, started, containerId)
    ctx.signal.throwIfAborted()
    if (timedOut) return result(124)
    throw err
  } finally {
    timer.cancel()
  }
}

export async function attach(
  engine: Engine,
  ctx: Ctx,
  containerId: string,
  tty: boolean,
  io: ProcessIO,
): Promise<void> {
  const stream = await engine.call(ctx, (docker) =>
    docker.getContainer(containerId).attach({
      stream: true,
      hijack: true,
      stdin: io.stdin !== undefined,
      stdout: io.stdout !== undefined,
      stderr: !tty && io.stderr !== undefined,
      detachKeys: DETACH_KEYS,
    }),
  )
  await converse(ctx, stream as Duplex, tty, io, (size) =>
    engine.docker
      .getContainer(containerId)
      .resize({ h: size.height, w: size.width })
      .catch(() => undefined),
  )
}

/** Until the output ends or the ctx does. The result is what the engine said if it could not start the command. */
async function converse(
  ctx: Ctx,
  stream: Duplex,
  tty: boolean,
  io: ProcessIO,
  resize: (size: { width: number; height: number }) => Promise<unknown>,
): Promise<string | undefined> {
  const release = destroyOnAbort(stream, ctx.signal)
  // A failure of the input ends the input, not the conversation: the process may still have something to say.
  if (io.stdin) void feed(io.stdin, stream).catch(() => stream.end())
  const sizes = io.resize?.[Symbol.asyncIterator]()
  if (sizes)
    void (async () => {
      for (let next = await sizes.next(); !next.done; next = await sizes.next()) await resize(next.value)
    })().catch(() => undefined)
  try {
    const output: AsyncIterable<OutputFrame> = tty ? unframed(quietly(stream)) : frames(quietly(stream))
    let refused: string | undefined
    let first = true
    for await (const { stream: name, bytes } of output) {
      if (first && bytes.subarray(0, START_FAILURE.length).toString() === START_FAILURE) refused = ''
      first = false
      if (refused !== undefined) refused = (refused + bytes.toString()).slice(0, 64 << 10)
      else await io[name]?.(bytes)
    }
    return refused
  } finally {
    release()
    stream.destroy()
    // Not awaited: it ends when its source next has something, or never has.
    void sizes?.return?.(undefined)?.then(undefined, () => undefined)
  }
}

/** The process may outlive its output; then its end is an event of the engine. */
async function exitCodeOf(
  engine: Engine,
  ctx: Ctx,
  process: Exec,
  containerId: string,
  sinceSeconds: number,
): Promise<number> {
  const inspect = () => engine.call(ctx, (_docker, abortSignal) => process.inspect({ abortSignal }))
  const info = await inspect()
  if (!info.Running) return info.ExitCode ?? 0
  const filters = { container: [containerId], event: ['exec_die', 'die'] }
  const events = await engine.stream(ctx, '/events', { since: sinceSeconds, filters })
  const release = destroyOnAbort(events, ctx.signal)
  try {
    for await (const _chunk of quietly(events)) {
      const now = await inspect()
      if (!now.Running) return now.ExitCode ?? 0
    }
  } finally {
    release()
    events.destroy()
  }
  ctx.signal.throwIfAborted()
  throw new RuntimeError('Unavailable', 'the engine went away while a command ran')
}

/** The engine has no call for it: the process is killed from outside, where we may. */
async function kill(engine: Engine, started: Exec, containerId: string): Promise<void> {
  try {
    const info = await started.inspect()
    if (!info.Running || !info.Pid) return
    const cgroups = await readFile(`/proc/${info.Pid}/cgroup`, 'utf8')
    if (cgroups.includes(containerId)) process.kill(info.Pid, 'SIGKILL')
  } catch (err) {
    const reason = runtimeErrorOf(err)
    if (!isRuntimeError(reason, 'NotFound'))
      engine.log.debug({ err: reason, containerId }, 'cannot kill a command past its time')
  }
}
