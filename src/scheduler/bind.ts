// Acting on a decision: claims that wait for their consumer are given the node and awaited, then the pod is bound.
import { PersistentVolumeClaim } from '../api/kinds/persistent-volume-claim.ts'
import { Pod } from '../api/kinds/pod.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import type { Binding } from '../api/types/core.v1.ts'
import type { Clock } from '../base/clock.ts'
import type { Ctx } from '../base/ctx.ts'
import type { Cache } from '../client/cache.ts'
import type { Client } from '../client/client.ts'
import { claimsToBind } from './plugins/volume-binding.ts'
import type { Lookups } from './snapshot.ts'

export interface BindDeps {
  client: Client
  cache: Cache
  clock: Clock
  lookups: Lookups
}

const SELECTED_NODE = 'volume.kubernetes.io/selected-node'
// k8s: bindTimeoutSeconds of the VolumeBinding plug-in
const CLAIM_TIMEOUT_MS = 600_000

/** @throws the server's refusal, or an error when a claim was not bound in time. */
export async function bindPod(ctx: Ctx, pod: DeepReadonly<Pod>, nodeName: string, deps: BindDeps): Promise<void> {
  const claims = claimsToBind(pod, deps.lookups)
  if (claims.length > 0) await Promise.all(claims.map((claim) => bindClaim(ctx, claim, nodeName, deps)))
  const { name, namespace, uid } = pod.metadata
  const binding: Binding = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, namespace, uid },
    target: { kind: 'Node', name: nodeName },
  }
  await deps.client.createSubresource(ctx, Pod as never, { name, namespace }, 'binding', binding)
}

async function bindClaim(
  ctx: Ctx,
  claim: DeepReadonly<PersistentVolumeClaim>,
  nodeName: string,
  { client, cache, clock }: BindDeps,
): Promise<void> {
  const { name, namespace, uid } = claim.metadata
  const isBound = (c: DeepReadonly<PersistentVolumeClaim> | undefined) => c?.status?.phase === 'Bound'
  const body = { metadata: { uid, annotations: { [SELECTED_NODE]: nodeName } } }
  await client.patch(ctx, PersistentVolumeClaim, { name, namespace }, { type: 'merge', body })
  if (isBound(cache.get(PersistentVolumeClaim, name, namespace))) return
  let finish: (err?: Error) => void = () => {}
  const ended = new Promise<void>((resolve, reject) => {
    finish = (err) => (err ? reject(err) : resolve())
  })
  const onAbort = () => finish(ctx.signal.reason)
  ctx.signal.addEventListener('abort', onAbort, { once: true })
  const timer = clock.after(CLAIM_TIMEOUT_MS, () => finish(new Error('binding volumes: context deadline exceeded')))
  const stop = cache.watch(PersistentVolumeClaim, ({ type, object }) => {
    if (object.metadata.uid !== uid) return
    if (type === 'deleted') finish(new Error(`persistentvolumeclaim ${JSON.stringify(name)} is being deleted`))
    else if (isBound(object)) finish()
  })
  try {
    await ended
  } finally {
    stop()
    timer.cancel()
    ctx.signal.removeEventListener('abort', onAbort)
  }
}
