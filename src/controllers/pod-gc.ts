// Removes pods that nobody else will: those of nodes that are gone (after a while: the node may come back), those being deleted that no
// node ever had, those of nodes declared out of service, and the oldest of very many that have ended.
import { Node } from '../api/kinds/node.ts'
import { Pod } from '../api/kinds/pod.ts'
import { isNotFound } from '../api/meta/errors.ts'
import { type DeepReadonly, objectKey } from '../api/meta/object.ts'
import { isTerminal } from '../api/meta/pods.ts'
import { formatTime } from '../api/meta/time.ts'
import type { Ctx } from '../base/ctx.ts'
import { type Controller, type ControllerDeps, defineController, type Trigger } from './controller.ts'
import { readiness } from './node/health.ts'

type AnyPod = DeepReadonly<Pod>

/** k8s: how long a node must be gone, and how many ended pods are kept. */
const QUARANTINE_MS = 40_000
const TERMINATED_LIMIT = 12_500
const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service'

export function podGc(terminatedLimit = TERMINATED_LIMIT): Controller<never> {
  /** Since when each missing node has been missing. */
  const missing = new Map<string, number>()

  return defineController<Pod>({
    name: 'pod-garbage-collector',
    kind: Pod,
    triggers: [podsOfNode()],
    async sync(ctx, pod, _key, deps) {
      if (!pod) return
      const { cache, clock, client } = deps
      const { nodeName } = pod.spec
      if (isTerminal(pod) && (await removeOldest(ctx, terminatedLimit, deps))) return
      if (!nodeName) {
        if (pod.metadata.deletionTimestamp) await remove(ctx, pod, undefined, deps)
        return
      }
      const node = cache.get(Node, nodeName)
      if (node) {
        missing.delete(nodeName)
        const declaredOut = node.spec?.taints?.some((taint) => taint.key === OUT_OF_SERVICE)
        if (declaredOut && readiness(node) !== 'True' && pod.metadata.deletionTimestamp) {
          await remove(ctx, pod, 'PodGC: node is out-of-service', deps)
        }
        return
      }
      const sinceMs = missing.get(nodeName) ?? clock.now()
      missing.set(nodeName, sinceMs)
      const leftMs = sinceMs + QUARANTINE_MS - clock.now()
      if (leftMs > 0) return { againInMs: leftMs }
      try {
        await client.get(ctx, Node, nodeName)
      } catch (err) {
        if (!isNotFound(err)) throw err
        await remove(ctx, pod, 'PodGC: node no longer exists', deps)
      }
    },
  })
}

/** @param why also the reason that the pod's status gives, for pods that did not end by themselves */
async function remove(ctx: Ctx, pod: AnyPod, why: string | undefined, { client, clock }: ControllerDeps) {
  const { name, namespace, uid } = pod.metadata
  try {
    if (why && !isTerminal(pod)) {
      const condition = {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'DeletionByPodGC',
        message: why,
        lastTransitionTime: formatTime(clock.now()),
      }
      const body = { metadata: { uid }, status: { phase: 'Failed', conditions: [condition] } }
      await client.patch(ctx, Pod, { name, namespace }, { type: 'strategic', body }, { subresource: 'status' })
    }
    await client.delete(ctx, Pod, { name, namespace }, { gracePeriodSeconds: 0, preconditions: { uid } })
    ctx.log.info({ pod: `${namespace}/${name}`, why }, 'removed pod')
  } catch (err) {
    if (!isNotFound(err)) throw err
  }
}

/** Returns whether there were too many. */
async function removeOldest(ctx: Ctx, limit: number, deps: ControllerDeps): Promise<boolean> {
  const ended = deps.cache.list(Pod).filter(isTerminal)
  if (ended.length <= limit) return false
  const created = ({ metadata }: AnyPod) => metadata.creationTimestamp
  const sorted = [...ended].sort((a, b) => (created(a) < created(b) ? -1 : created(a) > created(b) ? 1 : 0))
  for (const pod of sorted.slice(0, ended.length - limit)) await remove(ctx, pod, undefined, deps)
  return true
}

/** Pods are looked at when their node appears, goes, or is declared out of service. */
function podsOfNode(): Trigger<never> {
  const outOfService = (node: DeepReadonly<Node> | undefined) =>
    node?.spec?.taints?.some((taint) => taint.key === OUT_OF_SERVICE) ?? false
  const trigger: Trigger<Node> = {
    kind: Node,
    keys(node, old, cache) {
      const stillThere = cache.get(Node, node.metadata.name) !== undefined
      if (old && stillThere && outOfService(node) === outOfService(old)) return []
      return cache
        .list(Pod)
        .filter((pod) => pod.spec.nodeName === node.metadata.name)
        .map(objectKey)
    },
  }
  return trigger as unknown as Trigger<never>
}
