// Drives pods off nodes with NoExecute taints: at once when a pod does not tolerate them, after its toleration's time otherwise. A pod
// that is to go has one timer, which is dropped when the taint is.
import { Node } from '../api/kinds/node.ts'
import { Pod } from '../api/kinds/pod.ts'
import { semanticEqual } from '../api/meta/equality.ts'
import { isNotFound } from '../api/meta/errors.ts'
import { type DeepReadonly, objectKey } from '../api/meta/object.ts'
import { isTerminal } from '../api/meta/pods.ts'
import { formatTime } from '../api/meta/time.ts'
import type { Ctx } from '../base/ctx.ts'
import { type Controller, type ControllerDeps, defineController, type Trigger } from './controller.ts'
import { evictAtMs } from './node/tolerance.ts'

export function taintEviction(): Controller<never> {
  /** Pods that are to go, with the moment they were first seen beside the taint. */
  const marked = new Map<string, number>()

  return defineController<Pod>({
    name: 'taint-eviction',
    kind: Pod,
    triggers: [podsOfTaintedNode()],
    async sync(ctx, pod, key, deps) {
      const { cache, clock, events } = deps
      const nodeName = pod?.spec.nodeName
      const node = nodeName ? cache.get(Node, nodeName) : undefined
      const taints = node?.spec?.taints?.filter((taint) => taint.effect === 'NoExecute') ?? []
      if (!pod || isTerminal(pod) || pod.metadata.deletionTimestamp) {
        marked.delete(key)
        return
      }
      const nowMs = clock.now()
      const metAtMs = marked.get(key) ?? nowMs
      const dueMs = taints.length > 0 ? evictAtMs(pod, taints, metAtMs) : undefined
      if (dueMs === undefined) {
        if (!marked.delete(key)) return
        events.event(pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${key}`)
        return
      }
      marked.set(key, metAtMs)
      if (dueMs > nowMs) return { againInMs: dueMs - nowMs }
      events.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`)
      await evict(ctx, pod, deps)
      marked.delete(key)
    },
  })
}

async function evict(ctx: Ctx, pod: DeepReadonly<Pod>, { client, clock }: ControllerDeps): Promise<void> {
  const { name, namespace, uid } = pod.metadata
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
    lastTransitionTime: formatTime(clock.now()),
  }
  try {
    await client.patch(
      ctx,
      Pod,
      { name, namespace },
      { type: 'strategic', body: { metadata: { uid }, status: { conditions: [condition] } } },
      { subresource: 'status' },
    )
    await client.delete(ctx, Pod, { name, namespace }, { preconditions: { uid } })
  } catch (err) {
    if (!isNotFound(err)) throw err
  }
}

function podsOfTaintedNode(): Trigger<never> {
  const trigger: Trigger<Node> = {
    kind: Node,
    keys(node, old, cache) {
      if (semanticEqual(node.spec?.taints, old?.spec?.taints)) return []
      return cache
        .list(Pod)
        .filter((pod) => pod.spec.nodeName === node.metadata.name)
        .map(objectKey)
    },
  }
  return trigger as unknown as Trigger<never>
}
