// Keeps as many pods as a ReplicaSet's spec.replicas asks for.
import type { Kind } from '../api/kinds/kind.ts'
import { Pod } from '../api/kinds/pod.ts'
import { ReplicaSet } from '../api/kinds/replica-set.ts'
import { fromLabelSelector } from '../api/meta/label-selector.ts'
import { controllerOf } from '../api/meta/owners.ts'
import { defineController, owned } from './controller.ts'
import { orphaned } from './orphans.ts'
import { type ReplicasKind, syncReplicas } from './replicas/sync.ts'

const replicas: ReplicasKind<ReplicaSet> = {
  kind: ReplicaSet,
  asSet: (set) => set,
  withStatus: (set, status) => ({ ...set, status }),
  /** Those of all revisions of the same Deployment: what counts is how they spread together. */
  relatedPods(set, cache) {
    const owner = controllerOf(set)
    const family = owner ? cache.list(ReplicaSet, { ownedBy: { metadata: { uid: owner.uid } } }) : [set]
    return family.flatMap((member) => cache.list(Pod, { ownedBy: member }))
  },
}

export const replicaSet = defineController<ReplicaSet>({
  name: 'replicaset',
  kind: ReplicaSet,
  triggers: [
    owned(Pod, ReplicaSet as unknown as Kind<never>),
    orphaned(Pod, ReplicaSet, (set) => fromLabelSelector(set.spec.selector)),
  ],
  sync: (ctx, set, _key, deps) => syncReplicas(ctx, set, deps, replicas),
})
