// The node's Lease in kube-node-lease: renewed every ten seconds, so that the cluster knows this node lives without any other write.
import { Lease } from '../../api/kinds/lease.ts'
import { isConflict, isNotFound } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { formatMicroTime } from '../../api/meta/time.ts'
import { type Clock, delay } from '../../base/clock.ts'
import type { Ctx } from '../../base/ctx.ts'
import { BackOff } from '../../client/back-off.ts'
import type { Client } from '../../client/client.ts'

const NAMESPACE = 'kube-node-lease'
const DURATION_SECONDS = 40
/** k8s: a quarter of the duration. */
export const RENEW_MS = 10_000

export interface NodeLeaseDeps {
  client: Client
  clock: Clock
  nodeName: string
  /** undefined until the node is registered. */
  nodeUid(): string | undefined
  /** Called after each round: with whether the API answered. */
  onRenewed(reached: boolean): void
}

/** Lasts until the ctx is aborted. */
export async function keepLease(ctx: Ctx, deps: NodeLeaseDeps): Promise<void> {
  const backOff = new BackOff({ firstMs: 200, maxMs: 7000, jitter: 0.1 })
  let lease: DeepReadonly<Lease> | undefined
  while (!ctx.signal.aborted) {
    let waitMs = RENEW_MS
    try {
      lease = await renew(ctx, deps, lease)
      backOff.reset()
      deps.onRenewed(true)
    } catch (err) {
      if (ctx.signal.aborted) return
      lease = undefined
      ctx.log.debug({ err }, 'node lease not renewed')
      deps.onRenewed(false)
      waitMs = backOff.nextMs()
    }
    await delay(deps.clock, waitMs, ctx.signal).catch(() => undefined)
  }
}

async function renew(
  ctx: Ctx,
  deps: NodeLeaseDeps,
  known: DeepReadonly<Lease> | undefined,
): Promise<DeepReadonly<Lease>> {
  const { client, nodeName, clock } = deps
  const spec = {
    holderIdentity: nodeName,
    leaseDurationSeconds: DURATION_SECONDS,
    renewTime: formatMicroTime(clock.now()),
  }
  const uid = deps.nodeUid()
  const owner = uid ? { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid }] } : {}
  let current = known
  try {
    current ??= await client.get(ctx, Lease, nodeName, NAMESPACE)
    return await client.update(ctx, Lease, {
      ...current,
      metadata: { ...current.metadata, ...owner },
      spec: { ...current.spec, ...spec },
    })
  } catch (err) {
    if (isConflict(err) && known) return renew(ctx, deps, undefined)
    if (!isNotFound(err)) throw err
    return client.create(ctx, Lease, { metadata: { name: nodeName, namespace: NAMESPACE, ...owner }, spec })
  }
}
