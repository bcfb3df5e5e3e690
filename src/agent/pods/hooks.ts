// postStart and preStop: one run of a lifecycle handler against a running container.
import type { DeepReadonly } from '../../api/meta/object.ts'
import type * as v1 from '../../api/types/core.v1.ts'
import { type Clock, delay } from '../../base/clock.ts'
import type { Ctx } from '../../base/ctx.ts'
import type { RuntimeService } from '../cri/runtime.ts'
import { type HandlerTarget, runHandler } from '../probes/handler.ts'

export interface HookDeps {
  runtime: RuntimeService
  clock: Clock
}

/** @throws Error with what the handler said when it failed or took longer than `timeoutMs`. */
export async function runHook(
  ctx: Ctx,
  { runtime, clock }: HookDeps,
  handler: DeepReadonly<v1.LifecycleHandler>,
  target: HandlerTarget,
  timeoutMs: number,
): Promise<void> {
  if (handler.sleep) return delay(clock, Math.min(handler.sleep.seconds * 1000, timeoutMs), ctx.signal)
  // k8s: a TCP hook was never carried out, and is accepted for old objects' sake.
  if (handler.tcpSocket) return
  const result = await runHandler(ctx, { runtime, clock }, handler, target, timeoutMs)
  if (!result.ok) throw new Error(result.message)
}
