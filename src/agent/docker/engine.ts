// One engine as the other files of this folder see it: dockerode, and what its errors mean. `call` runs one request under a ctx and turns
// whatever fails into a RuntimeError, so that no file handles HTTP codes by itself.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import type { Clock } from '../../base/clock.ts'
import type { Ctx } from '../../base/ctx.ts'
import type { Logger } from '../../base/log.ts'
import { RuntimeError, type RuntimeErrorCode } from '../cri/runtime.ts'
import { type Docker, openDocker } from './dockerode.ts'

export class Engine {
  readonly docker: Docker
  readonly cluster: string
  /** Tells this cluster on this engine from all others on the machine. */
  readonly scope: string
  readonly log: Logger
  readonly clock: Clock

  constructor(options: { socket: string; cluster: string; log: Logger; clock: Clock }) {
    const path = options.socket.replace(/^unix:\/\//, '')
    this.docker = openDocker(path)
    this.cluster = options.cluster
    this.scope = `${options.cluster}-${createHash('sha256').update(path).digest('hex').slice(0, 8)}`
    this.log = options.log
    this.clock = options.clock
  }

  /** One request. `abortSignal` is to be given on to dockerode. */
  async call<T>(ctx: Ctx, request: (docker: Docker, abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    ctx.signal.throwIfAborted()
    try {
      return await request(this.docker, ctx.signal)
    } catch (err) {
      ctx.signal.throwIfAborted()
      throw runtimeErrorOf(err)
    }
  }

  /** The body of a GET as it comes. dockerode itself would hold some of them in memory whole. */
  async stream(ctx: Ctx, path: string, query: Record<string, unknown>): Promise<Readable> {
    return this.call(
      ctx,
      (docker, abortSignal) =>
        new Promise((resolve, reject) => {
          const options = {
            path: `${path}?`,
            method: 'GET',
            isStream: true,
            statusCodes: { 200: true },
            options: query,
            abortSignal,
          }
          docker.modem.dial(options, (err: unknown, body: unknown) => (err ? reject(err) : resolve(body as Readable)))
        }),
    )
  }

  /** The same for a request that succeeds when its object is gone, or already as it should be. */
  async callIdempotent(
    ctx: Ctx,
    request: (docker: Docker, abortSignal: AbortSignal) => Promise<unknown>,
  ): Promise<void> {
    try {
      await this.call(ctx, request)
    } catch (err) {
      if (!isRuntimeError(err, 'NotFound') && statusCodeOf(err) !== 304 && !isBeingRemoved(err)) throw err
    }
  }
}

/**
 * Removes a container, running or not; one that is gone or going is fine. An engine that was restarted may have left a dead container's
 * root file system mounted, and then cannot remove it: it is unmounted here, and the removal is tried again.
 */
export async function removeContainer(engine: Engine, ctx: Ctx, id: string): Promise<void> {
  const remove = () =>
    engine.callIdempotent(ctx, (docker, abortSignal) =>
      docker.getContainer(id).remove({ force: true, v: true, abortSignal }),
    )
  try {
    await remove()
  } catch (err) {
    const mount = leftMount(err)
    if (mount === undefined) throw err
    engine.log.warn({ container: id, mount }, 'the engine left a root file system mounted')
    await promisify(execFile)('umount', ['-l', mount]).catch((cause) =>
      engine.log.warn({ err: cause }, 'not unmounted'),
    )
    await remove()
  }
}

/** The mount point that the engine complains of, when it is a container's own root file system and nothing else. */
export function leftMount(err: unknown): string | undefined {
  if (!(err instanceof Error)) return undefined
  return /unlinkat (\/\S+\/overlay2\/[0-9a-f]{64}\/merged): device or resource busy/.exec(err.message)?.[1]
}

/** Somebody asked for it before, and it will be gone in a moment. */
export const isBeingRemoved = (err: unknown): boolean =>
  statusCodeOf(err) === 409 &&
  err instanceof Error &&
  /removal of container \S+ is already in progress/.test(err.message)

export const isRuntimeError = (err: unknown, code: RuntimeErrorCode): err is RuntimeError =>
  err instanceof RuntimeError && err.code === code

/** dockerode's errors: an HTTP status with the engine's JSON, or what the socket said. */
interface EngineFailure {
  statusCode?: number
  json?: { message?: string } | Buffer
  code?: string
  message?: string
  cause?: unknown
}

export const statusCodeOf = (err: unknown): number | undefined =>
  ((err as EngineFailure)?.cause as EngineFailure)?.statusCode ?? (err as EngineFailure)?.statusCode

const GONE = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'ECONNRESET',
  'EPIPE',
  'EACCES',
  'ENOTSOCK',
  'ETIMEDOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
])

export function runtimeErrorOf(err: unknown): RuntimeError {
  if (err instanceof RuntimeError) return err
  const failure = err as EngineFailure
  const options = { cause: err }
  if (failure.statusCode === undefined) {
    if (failure.code === 'EACCES')
      return new RuntimeError('Unavailable', `permission denied: ${failure.message}`, options)
    return GONE.has(failure.code ?? '')
      ? new RuntimeError('Unavailable', `Cannot connect to the Docker daemon: ${failure.message}`, options)
      : new RuntimeError('Unknown', failure.message ?? String(err), options)
  }
  const said = failure.json && !Buffer.isBuffer(failure.json) ? failure.json.message : undefined
  const message = said ?? (failure.message ?? '').replace(/^\(HTTP code \d+\) .*? - /, '').trim()
  return new RuntimeError(codeOf(failure.statusCode, message), userWords(message), options)
}

function codeOf(statusCode: number, message: string): RuntimeErrorCode {
  if (CANNOT_RUN.test(message)) return 'InvalidArgument'
  if (statusCode === 404) return 'NotFound'
  if (statusCode === 400) return 'InvalidArgument'
  if (statusCode === 409 && /already in use|already exists/i.test(message)) return 'AlreadyExists'
  return 'Unknown'
}

/** What is wrong with the container's configuration rather than with the engine. */
const CANNOT_RUN =
  /executable file not found|no such file or directory|permission denied|unable to find user|unable to find group|is a directory|exec format error|not a directory|no such host/i

/** `failed to create shim task: OCI runtime create failed: …: exec: "x": not found: unknown` → `exec: "x": not found`. */
export function userWords(message: string): string {
  const told =
    /(?:unable to start container process|starting container process caused): (.*)$/s.exec(message)?.[1] ?? message
  return told
    .replace(/^(?:"?process_linux\.go:\d+: )+/, '')
    .replace(/: unknown\.?\s*$/, '')
    .trim()
}

/** runc's word for a negative oom_score_adj that the kernel does not allow. */
export const isOomScoreRefused = (err: unknown): boolean =>
  err instanceof Error &&
  /can't get final child's PID from pipe|write .*oom_score_adj: permission denied/.test(err.message)
