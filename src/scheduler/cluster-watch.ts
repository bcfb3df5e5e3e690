// Keeps the cluster state and the queue in step with the cache: who waits, who runs where, and what happened that may help those who
// wait. Runs inside the cache's change handlers, synchronously and in order.
import { Node } from '../api/kinds/node.ts'
import { PersistentVolume } from '../api/kinds/persistent-volume.ts'
import { PersistentVolumeClaim } from '../api/kinds/persistent-volume-claim.ts'
import { Pod } from '../api/kinds/pod.ts'
import { StorageClass } from '../api/kinds/storage-class.ts'
import { semanticEqual } from '../api/meta/equality.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import type { Cache } from '../client/cache.ts'
import type { ClusterEvent } from './framework.ts'
import type { SchedulingQueue } from './queue.ts'
import type { ClusterState } from './snapshot.ts'

export const SCHEDULER_NAME = 'default-scheduler'

type AnyPod = DeepReadonly<Pod>

/** k8s: pods that have ended hold nothing any more. */
const hasEnded = (pod: AnyPod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
const runs = (pod: AnyPod | undefined) => Boolean(pod?.spec.nodeName) && !hasEnded(pod!)
const waits = (pod: AnyPod) =>
  !pod.spec.nodeName &&
  !hasEnded(pod) &&
  !pod.metadata.deletionTimestamp &&
  (pod.spec.schedulerName || SCHEDULER_NAME) === SCHEDULER_NAME

/** Something that scheduling looks at is different. Status changes, our own among them, are not. */
const hasChanged = (pod: AnyPod, old: AnyPod | undefined) =>
  !old || !semanticEqual(pod.metadata.labels, old.metadata.labels) || !semanticEqual(pod.spec, old.spec)

const nodeHasChanged = (node: DeepReadonly<Node>, old: DeepReadonly<Node> | undefined) =>
  !old ||
  !semanticEqual(node.metadata.labels, old.metadata.labels) ||
  !semanticEqual(node.spec, old.spec) ||
  !semanticEqual(node.status?.allocatable, old.status?.allocatable) ||
  !semanticEqual(node.status?.images, old.status?.images)

/** Returns a function that ends it. */
export function followCluster(cache: Cache, state: ClusterState, queue: SchedulingQueue): () => void {
  const deletePod = (pod: AnyPod) => {
    queue.delete(pod.metadata.uid)
    const held = runs(pod) || state.isAssumed(pod.metadata.uid)
    state.deletePod(pod.metadata.uid)
    if (held) queue.moved({ resource: 'assigned-pod', type: 'deleted', object: pod })
  }

  const setPod = (pod: AnyPod, old: AnyPod | undefined) => {
    if (runs(pod)) {
      queue.delete(pod.metadata.uid)
      state.setPod(pod)
      queue.moved({ resource: 'assigned-pod', type: runs(old) ? 'updated' : 'added', object: pod, old })
    } else if (waits(pod)) {
      const nominated = pod.status?.nominatedNodeName
      if (nominated !== old?.status?.nominatedNodeName) state.nominate(pod, nominated)
      queue.upsert(pod, hasChanged(pod, old))
    } else {
      deletePod(old ?? pod)
    }
  }

  const stops = [
    cache.watch(Pod, ({ type, object, old }) => {
      if (type === 'deleted') return deletePod(object)
      const replaced = old && old.metadata.uid !== object.metadata.uid
      if (replaced) deletePod(old)
      setPod(object, replaced ? undefined : old)
    }),
    cache.watch(Node, ({ type, object, old }) => {
      if (type === 'deleted') state.deleteNode(object.metadata.name)
      else if (nodeHasChanged(object, old)) state.setNode(object)
      else return
      queue.moved({ resource: 'node', type, object, old })
    }),
    ...(
      [
        [PersistentVolumeClaim, 'claim'],
        [PersistentVolume, 'volume'],
        [StorageClass, 'storage-class'],
      ] as const
    ).map(([kind, resource]) =>
      cache.watch(kind as never, (change) => queue.moved({ ...change, resource } as unknown as ClusterEvent)),
    ),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}
