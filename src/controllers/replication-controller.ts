// Keeps as many pods as a ReplicationController asks for: a ReplicaSet whose selector is a plain map.
import type { Kind } from '../api/kinds/kind.ts'
import { Pod } from '../api/kinds/pod.ts'
import type { ReplicaSet } from '../api/kinds/replica-set.ts'
import { ReplicationController } from '../api/kinds/replication-controller.ts'
import { fromMap, nothing } from '../api/meta/label-selector.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import { defineController, owned } from './controller.ts'
import { orphaned } from './orphans.ts'
import { type ReplicasKind, syncReplicas } from './replicas/sync.ts'

function asSet(rc: DeepReadonly<ReplicationController>): DeepReadonly<ReplicaSet> {
  const { selector, ...spec } = rc.spec ?? {}
  // k8s: a selector without labels selects nothing here, where a ReplicaSet's would select everything.
  const matchable = Object.keys(selector ?? {}).length > 0 ? { matchLabels: selector } : NOTHING
  return { ...rc, spec: { ...spec, selector: matchable }, status: rc.status as ReplicaSet['status'] }
}

const NOTHING = { matchExpressions: [{ key: 'nothing', operator: 'In', values: [] }] }

const replicas: ReplicasKind<ReplicationController> = {
  kind: ReplicationController,
  asSet,
  withStatus: (rc, { terminatingReplicas: _, ...status }) => ({ ...rc, status }),
  relatedPods: (rc, cache) => cache.list(Pod, { ownedBy: rc }),
}

export const replicationController = defineController<ReplicationController>({
  name: 'replication',
  kind: ReplicationController,
  triggers: [
    owned(Pod, ReplicationController as unknown as Kind<never>),
    orphaned(Pod, ReplicationController, ({ spec }) =>
      Object.keys(spec?.selector ?? {}).length > 0 ? fromMap(spec?.selector) : nothing,
    ),
  ],
  sync: (ctx, rc, _key, deps) => syncReplicas(ctx, rc, deps, replicas),
})
