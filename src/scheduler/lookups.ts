// The objects besides nodes and pods that decisions look up, straight from the process's cache.
import { Namespace } from '../api/kinds/namespace.ts'
import { PersistentVolume } from '../api/kinds/persistent-volume.ts'
import { PersistentVolumeClaim } from '../api/kinds/persistent-volume-claim.ts'
import { PodDisruptionBudget } from '../api/kinds/pod-disruption-budget.ts'
import { ReplicaSet } from '../api/kinds/replica-set.ts'
import { ReplicationController } from '../api/kinds/replication-controller.ts'
import { Service } from '../api/kinds/service.ts'
import { StatefulSet } from '../api/kinds/stateful-set.ts'
import { StorageClass } from '../api/kinds/storage-class.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import { controllerOf } from '../api/meta/owners.ts'
import type { Pod } from '../api/types/core.v1.ts'
import type { LabelSelector } from '../api/types/meta.v1.ts'
import type { Cache } from '../client/cache.ts'
import type { Lookups } from './snapshot.ts'

/** Begins to follow the kinds that decisions look up; claims, volumes and classes are followed by cluster-watch.ts as well. */
export function cacheLookups(cache: Cache): Lookups {
  cache.watch(Namespace)
  cache.watch(PersistentVolumeClaim)
  cache.watch(PersistentVolume)
  cache.watch(StorageClass)
  cache.watch(PodDisruptionBudget)
  cache.watch(Service)
  cache.watch(ReplicationController)
  cache.watch(ReplicaSet)
  cache.watch(StatefulSet)
  return {
    namespaceLabels: (namespace) => cache.get(Namespace, namespace)?.metadata.labels ?? {},
    claim: (namespace, name) => cache.get(PersistentVolumeClaim, name, namespace),
    volume: (name) => cache.get(PersistentVolume, name),
    storageClass: (name) => cache.get(StorageClass, name),
    budgets: (namespace) => cache.list(PodDisruptionBudget, { namespace }),
    ownSelectors: (pod) => ownSelectors(pod, cache),
  }
}

function ownSelectors(pod: DeepReadonly<Pod>, cache: Cache): DeepReadonly<LabelSelector>[] {
  const { namespace, labels = {} } = pod.metadata
  const selectors: DeepReadonly<LabelSelector>[] = []
  for (const { spec } of cache.list(Service, { namespace })) {
    const wanted = Object.entries(spec?.selector ?? {})
    if (wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value)) {
      selectors.push({ matchLabels: spec!.selector! })
    }
  }
  const owner = controllerOf(pod)
  switch (owner?.kind) {
    case 'ReplicaSet':
      return withSelector(selectors, cache.get(ReplicaSet, owner.name, namespace)?.spec?.selector)
    case 'StatefulSet':
      return withSelector(selectors, cache.get(StatefulSet, owner.name, namespace)?.spec?.selector)
    case 'ReplicationController': {
      const matchLabels = cache.get(ReplicationController, owner.name, namespace)?.spec?.selector
      return withSelector(selectors, matchLabels && { matchLabels })
    }
    default:
      return selectors
  }
}

const withSelector = (
  selectors: DeepReadonly<LabelSelector>[],
  selector: DeepReadonly<LabelSelector> | undefined,
): DeepReadonly<LabelSelector>[] => (selector ? [...selectors, selector] : selectors)
