// One run of a probe's or hook's handler against a container: exec, httpGet, tcpSocket or grpc.
import type { DeepReadonly } from '../../api/meta/object.ts'
import type * as v1 from '../../api/types/core.v1.ts'
import type { Clock } from '../../base/clock.ts'
import type { Ctx } from '../../base/ctx.ts'
import { RuntimeError, type RuntimeService } from '../cri/runtime.ts'
import type { ContainerSpec } from '../pods/containers.ts'
import { probeGrpc } from './grpc.ts'
import { probeHttp } from './http.ts'
import type { ProbeResult } from './probe.ts'
import { probeTcp } from './tcp.ts'

export interface HandlerTarget {
  spec: ContainerSpec
  containerId: string
  podIP: string
}
export interface HandlerDeps {
  runtime: RuntimeService
  clock: Clock
}
type Handler = DeepReadonly<v1.ProbeHandler>
const MOST_OUTPUT_BYTES = 10 * 1024

/** @throws when the runtime does not answer: that says nothing about the container. */
export async function runHandler(
  ctx: Ctx,
  { runtime, clock }: HandlerDeps,
  handler: Handler,
  target: HandlerTarget,
  timeoutMs: number,
): Promise<ProbeResult> {
  if (handler.exec) return runExec(ctx, runtime, target.containerId, handler.exec.command ?? [], timeoutMs)
  if (handler.httpGet) {
    const { host, port, path = '/', scheme = 'HTTP', httpHeaders: headers = [] } = handler.httpGet
    const number = resolvePort(port, target.spec)
    if (!number) return { ok: false, message: `couldn't find port: ${JSON.stringify(port)}` }
    return probeHttp({ scheme, host: host || target.podIP, port: number, path, headers }, timeoutMs, clock, ctx.signal)
  }
  if (handler.tcpSocket) {
    const number = resolvePort(handler.tcpSocket.port, target.spec)
    if (!number) return { ok: false, message: `couldn't find port: ${JSON.stringify(handler.tcpSocket.port)}` }
    return probeTcp(handler.tcpSocket.host || target.podIP, number, timeoutMs, clock, ctx.signal)
  }
  if (handler.grpc)
    return probeGrpc(target.podIP, handler.grpc.port, handler.grpc.service ?? '', timeoutMs, clock, ctx.signal)
  return { ok: false, message: 'missing probe handler' }
}

async function runExec(
  ctx: Ctx,
  runtime: RuntimeService,
  containerId: string,
  command: readonly string[],
  timeoutMs: number,
): Promise<ProbeResult> {
  try {
    const result = await runtime.execSync(ctx, containerId, command, { timeoutMs, maxOutputBytes: MOST_OUTPUT_BYTES })
    const output = Buffer.concat([result.stdout, result.stderr]).toString('utf8')
    if (result.timedOut)
      return {
        ok: false,
        message: `command timed out: ${JSON.stringify(command.join(' '))} timed out after ${timeoutMs / 1000}s`,
      }
    return { ok: result.exitCode === 0, message: output }
  } catch (err) {
    if (!(err instanceof RuntimeError) || err.code === 'Unavailable') throw err
    return { ok: false, message: err.message }
  }
}

/** A number, a number as text, or the name of a port of the container. */
export function resolvePort(port: number | string, spec: ContainerSpec): number | undefined {
  if (typeof port === 'number') return port > 0 && port < 65_536 ? port : undefined
  const named = spec.ports?.find((p) => p.name === port)?.containerPort
  if (named) return named
  return /^\d+$/.test(port) ? resolvePort(Number(port), spec) : undefined
}
