// Writes a pod's status to the API: only differences, one write at a time, several changes in one write where they can wait a moment,
// and again with back-off while the API is away.

import { Pod } from '../../api/kinds/pod.ts'
import { semanticEqual } from '../../api/meta/equality.ts'
import { isConflict, isNotFound, StatusError } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type * as v1 from '../../api/types/core.v1.ts'
import { type Clock, delay, type Timer } from '../../base/clock.ts'
import type { Ctx } from '../../base/ctx.ts'
import { BackOff } from '../../client/back-off.ts'
import type { Client } from '../../client/client.ts'
import { statusPatch } from './status-patch.ts'

/** How long a change that is only a step on the way waits for the next one. */
const COALESCE_MS = 500

export class StatusPoster {
  readonly #client: Client
  readonly #clock: Clock
  readonly #onResult: (pod: DeepReadonly<Pod> | undefined) => void
  #pod: DeepReadonly<Pod>
  #wanted: v1.PodStatus | undefined
  #posted: { status: v1.PodStatus; resourceVersion: string | undefined } | undefined
  #running: Promise<void> | undefined
  #timer: Timer | undefined

  /** @param onResult the object as written, or undefined when the API has no such pod any more. */
  constructor(
    client: Client,
    clock: Clock,
    pod: DeepReadonly<Pod>,
    onResult: (pod: DeepReadonly<Pod> | undefined) => void,
  ) {
    this.#client = client
    this.#clock = clock
    this.#pod = pod
    this.#onResult = onResult
  }

  /** The newest version of the object, from wherever it came. */
  set pod(pod: DeepReadonly<Pod>) {
    this.#pod = pod
  }

  /** @param soon whether it can wait for more to come. */
  offer(ctx: Ctx, status: v1.PodStatus, soon: boolean): void {
    this.#wanted = status
    if (this.#running || !this.#difference()) return
    if (soon) {
      this.#timer?.cancel()
      this.#timer = undefined
      void this.flush(ctx)
    } else {
      this.#timer ??= this.#clock.after(COALESCE_MS, () => {
        this.#timer = undefined
        void this.flush(ctx)
      })
    }
  }

  /** Resolves when what was offered last is written (or can never be). */
  async flush(ctx: Ctx): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#running ??= this.#post(ctx).finally(() => {
      this.#running = undefined
    })
    await this.#running
  }

  #difference(): Record<string, unknown> | undefined {
    if (!this.#wanted) return undefined
    const { resourceVersion } = this.#pod.metadata
    // What the server made of our last write counts as what we wrote, or the two could never agree.
    if (this.#posted?.resourceVersion === resourceVersion && semanticEqual(this.#posted?.status, this.#wanted))
      return undefined
    return statusPatch(this.#pod.status, this.#wanted)
  }

  async #post(ctx: Ctx): Promise<void> {
    const backOff = new BackOff({ firstMs: 500, maxMs: 15_000, jitter: 0.2 })
    for (let body = this.#difference(); body && !ctx.signal.aborted; body = this.#difference()) {
      const { name, namespace = '', uid } = this.#pod.metadata
      const status = this.#wanted!
      try {
        const patch = { type: 'strategic' as const, body: { metadata: { uid }, status: body } }
        const written = await this.#client.patch(ctx, Pod, { name, namespace }, patch, { subresource: 'status' })
        this.#posted = { status, resourceVersion: written.metadata.resourceVersion }
        backOff.reset()
        this.#onResult(written)
      } catch (err) {
        if (ctx.signal.aborted) return
        if (isNotFound(err) || isConflict(err)) return this.#onResult(undefined)
        if (err instanceof StatusError && err.code >= 400 && err.code < 500 && err.code !== 429) {
          ctx.log.warn({ err }, 'pod status was refused')
          this.#posted = { status, resourceVersion: this.#pod.metadata.resourceVersion }
          return
        }
        await delay(this.#clock, backOff.nextMs(), ctx.signal).catch(() => undefined)
      }
    }
  }
}
