// exec, attach and run without the wire: which process, its streams, and the Status that tells how it ended. The two wire protocols
// (WebSocket and SPDY) give `RemoteStreams` and get back what they write on the error channel.
import type { Ctx } from '../../base/ctx.ts'
import { RuntimeError, type RuntimeService } from '../cri/runtime.ts'
import { HttpError } from './http-error.ts'
import type { PodLookup, ServedContainer, ServedPod } from './lookup.ts'

export interface RemoteCommand {
  kind: 'exec' | 'attach'
  namespace: string
  pod: string
  uid: string | undefined
  container: string
  command: readonly string[]
  stdin: boolean
  stdout: boolean
  stderr: boolean
  tty: boolean
}

export interface RemoteStreams {
  stdin: AsyncIterable<Uint8Array> | undefined
  stdout: ((chunk: Uint8Array) => Promise<void>) | undefined
  stderr: ((chunk: Uint8Array) => Promise<void>) | undefined
  resize: AsyncIterable<{ width: number; height: number }> | undefined
}

/** What goes over the error channel. Protocols before v4 know only text. */
export interface CommandResult {
  status: object
  /** Empty for success. */
  text: string
}

/** `/exec/{ns}/{pod}[/{uid}]/{container}?command=…`, with the API server's or the kubelet's own names for the streams. */
export function parseRemoteCommand(path: readonly string[], query: URLSearchParams): RemoteCommand {
  const [kind = '', namespace = '', pod = '', ...rest] = path
  const uid = rest.length === 2 ? rest[0] : undefined
  const container = rest.at(-1) ?? ''
  const flag = (...names: string[]) => names.some((name) => isTrue(query.get(name)))
  const tty = flag('tty')
  const stdin = flag('stdin', 'input')
  const stdout = flag('stdout', 'output')
  const stderr = flag('stderr', 'error') && !tty
  if (!stdin && !stdout && !stderr) throw new HttpError(400, 'you must specify at least 1 of stdin, stdout, stderr')
  const command = query.getAll('command')
  if (kind === 'exec' && command.length === 0)
    throw new HttpError(400, 'you must specify at least one command for the container')
  return { kind: kind as 'exec' | 'attach', namespace, pod, uid, container, command, stdin, stdout, stderr, tty }
}

const isTrue = (value: string | null) => value === '1' || value === 'true'

/** @throws HttpError in the kubelet's words. */
export function findTarget(
  pods: PodLookup,
  { namespace, pod, uid, container }: Pick<RemoteCommand, 'namespace' | 'pod' | 'uid' | 'container'>,
): { pod: ServedPod; container: ServedContainer; containerId: string } {
  const found = pods.find(namespace, pod)
  if (!found || (uid !== undefined && found.uid !== uid)) throw new HttpError(404, 'pod does not exist')
  const served = found.containers.get(container)
  if (!served?.currentId) throw new HttpError(500, `container not found (${JSON.stringify(container)})`)
  return { pod: found, container: served, containerId: served.currentId }
}

export async function runRemoteCommand(
  ctx: Ctx,
  runtime: RuntimeService,
  containerId: string,
  command: RemoteCommand,
  streams: RemoteStreams,
): Promise<CommandResult> {
  const io = {
    ...(streams.stdin ? { stdin: streams.stdin } : {}),
    ...(streams.stdout ? { stdout: streams.stdout } : {}),
    ...(streams.stderr ? { stderr: streams.stderr } : {}),
    ...(streams.resize ? { resize: streams.resize } : {}),
  }
  try {
    if (command.kind === 'attach') {
      await runtime.attach(ctx, containerId, command.tty, io)
      return SUCCESS
    }
    return exitResult(await runtime.exec(ctx, containerId, command.command, command.tty, io), command.command)
  } catch (err) {
    if (ctx.signal.aborted) throw err
    if (!(err instanceof RuntimeError)) ctx.log.error({ err, containerId }, 'remote command failed')
    const what = command.kind === 'attach' ? 'error attaching to container' : 'error executing command in container'
    return failure('InternalError', 500, `Internal error occurred: ${what}: ${(err as Error).message}`)
  }
}

const SUCCESS: CommandResult = { status: { metadata: {}, status: 'Success' }, text: '' }

/** k8s: kubectl takes its own exit code from the cause. */
export function exitResult(exitCode: number, command: readonly string[]): CommandResult {
  if (exitCode === 0) return SUCCESS
  const message = `command terminated with non-zero exit code: error executing command [${command.join(' ')}], exit code ${exitCode}`
  return {
    status: {
      metadata: {},
      status: 'Failure',
      message,
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
    },
    text: message,
  }
}

function failure(reason: string, code: number, message: string): CommandResult {
  return {
    status: { metadata: {}, status: 'Failure', message, reason, details: { causes: [{ message }] }, code },
    text: message,
  }
}
