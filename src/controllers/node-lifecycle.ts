// Watches over nodes: one whose lease is no longer renewed is marked as unknown, its pods as not ready, and taints follow from its
// conditions. When a lease is renewed is judged by our own clock, at the moment the renewal arrives. The only timers are the nodes' deadlines.
import type { Kind } from '../api/kinds/kind.ts'
import { Lease } from '../api/kinds/lease.ts'
import { Node } from '../api/kinds/node.ts'
import { Pod } from '../api/kinds/pod.ts'
import { isNotFound } from '../api/meta/errors.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import { formatTime } from '../api/meta/time.ts'
import type { Ctx } from '../base/ctx.ts'
import { updateLive } from '../client/retry.ts'
import { type Controller, type ControllerDeps, defineController, type SyncResult, type Trigger } from './controller.ts'
import { GRACE_MS, readiness, STARTUP_GRACE_MS, silentConditions, wantedTaints } from './node/health.ts'

type AnyNode = DeepReadonly<Node>

const LEASES = 'kube-node-lease'

export function nodeLifecycle(): Controller<never> {
  /** The last sign of life of each node, and when it reached us. */
  const heard = new Map<string, { sign: string; atMs: number }>()

  function lastHeardMs(node: AnyNode, { cache, clock }: ControllerDeps): number {
    const { name } = node.metadata
    const renewed = cache.get(Lease, name, LEASES)?.spec.renewTime ?? ''
    const reported = node.status?.conditions?.find((c) => c.type === 'Ready')?.lastHeartbeatTime ?? ''
    const sign = `${node.metadata.uid} ${renewed} ${reported}`
    const known = heard.get(name)
    if (known?.sign === sign) return known.atMs
    // What we ourselves wrote about a silent node is no sign of life, nor does it change the heartbeat: see silentConditions.
    heard.set(name, { sign, atMs: clock.now() })
    return clock.now()
  }

  return defineController<Node>({
    name: 'node',
    kind: Node,
    triggers: [leaseRenewals(), readinessOfOthers()],
    reads: [Pod as unknown as Kind<never>],
    async sync(ctx, node, name, deps): Promise<SyncResult> {
      if (!node) {
        heard.delete(name)
        return
      }
      const { clock } = deps
      const graceMs = readiness(node) === undefined ? STARTUP_GRACE_MS : GRACE_MS
      const leftMs = lastHeardMs(node, deps) + graceMs - clock.now()
      let current = node
      if (leftMs <= 0 && readiness(node) !== 'Unknown') current = await markSilent(ctx, node, deps)
      if (readiness(current) !== 'True') await markPodsNotReady(ctx, current, deps)
      await taint(ctx, current, deps)
      return leftMs > 0 ? { againInMs: leftMs } : undefined
    },
  })
}

async function markSilent(ctx: Ctx, node: AnyNode, { client, clock, events }: ControllerDeps): Promise<AnyNode> {
  const conditions = silentConditions(node, clock.now())
  const marked = await client.update(
    ctx,
    Node,
    { ...node, status: { ...node.status, conditions } },
    { subresource: 'status' },
  )
  const { name } = node.metadata
  ctx.log.warn({ node: name }, 'node stopped reporting')
  if (readiness(node) === 'True') {
    events.event(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`)
  }
  return marked
}

/** k8s: the pods of a node that is not ready are taken out of their Services at once; eviction comes later, if at all. */
async function markPodsNotReady(ctx: Ctx, node: AnyNode, { client, cache, clock, events }: ControllerDeps) {
  const pods = cache.list(Pod).filter((pod) => pod.spec.nodeName === node.metadata.name)
  for (const pod of pods) {
    const ready = pod.status?.conditions?.find((c) => c.type === 'Ready')
    if (ready?.status !== 'True') continue
    const { name, namespace } = pod.metadata
    const condition = { type: 'Ready', status: 'False', lastTransitionTime: formatTime(clock.now()) }
    try {
      await client.patch(
        ctx,
        Pod,
        { name, namespace },
        { type: 'strategic', body: { status: { conditions: [condition] } } },
        { subresource: 'status' },
      )
      events.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready')
    } catch (err) {
      if (!isNotFound(err)) throw err
    }
  }
}

async function taint(ctx: Ctx, node: AnyNode, { client, cache, clock }: ControllerDeps): Promise<void> {
  const evict = cache.list(Node).some((other) => readiness(other) === 'True')
  if (!wantedTaints(node, evict, clock.now())) return
  await updateLive(ctx, client, Node, { name: node.metadata.name }, (live) => {
    const taints = wantedTaints({ ...live, status: node.status }, evict, clock.now())
    return taints && { ...live, spec: { ...live.spec, taints } }
  })
}

function leaseRenewals(): Trigger<never> {
  const trigger: Trigger<Lease> = {
    kind: Lease,
    keys: ({ metadata }) => (metadata.namespace === LEASES ? [metadata.name] : []),
  }
  return trigger as unknown as Trigger<never>
}

/** Whether pods may be evicted anywhere depends on whether any node is ready. */
function readinessOfOthers(): Trigger<never> {
  const trigger: Trigger<Node> = {
    kind: Node,
    keys(node, old, cache) {
      if (readiness(node) === (old && readiness(old))) return []
      return cache.list(Node).map(({ metadata }) => metadata.name)
    },
  }
  return trigger as unknown as Trigger<never>
}
