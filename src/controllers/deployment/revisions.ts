// Which ReplicaSet is which revision: finding the one that has the Deployment's template, numbering them, the annotations that carry
// a revision's history, and which old ones are past the history limit. Pure.

import { Deployment } from '../../api/kinds/deployment.ts'
import type { ReplicaSet } from '../../api/kinds/replica-set.ts'
import { semanticEqual } from '../../api/meta/equality.ts'
import type { DeepReadonly, NewObject } from '../../api/meta/object.ts'
import { ownerReference } from '../../api/meta/owners.ts'
import { podTemplateHash } from '../../api/meta/pods.ts'
import type { PodTemplateSpec } from '../../api/types/core.v1.ts'
import {
  type AnyDeployment,
  type AnyReplicaSet,
  byAge,
  desiredReplicas,
  historyLimit,
  maxSurge,
  newSetSize,
  sizeOf,
} from './counts.ts'
import { DESIRED_REPLICAS, MAX_REPLICAS } from './rolling.ts'

export const REVISION = 'deployment.kubernetes.io/revision'
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history'
const HASH_LABEL = 'pod-template-hash'
const MAX_HISTORY_CHARS = 2000

/** Annotations of a Deployment that say something about itself and are not copied to its ReplicaSets. */
const OWN_ANNOTATIONS = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  'deprecated.deployment.rollback.to',
])

/** The set whose template is the Deployment's (the oldest, should there be several) and all others. */
export function splitSets(
  deployment: AnyDeployment,
  sets: readonly AnyReplicaSet[],
): { newSet: AnyReplicaSet | undefined; oldSets: AnyReplicaSet[] } {
  const sorted = [...sets].sort(byAge)
  const newSet = sorted.find((set) => set.spec.template && sameTemplate(set.spec.template, deployment.spec.template))
  return { newSet, oldSets: sorted.filter((set) => set !== newSet) }
}

/** Equal but for the hash label. */
export function sameTemplate(a: DeepReadonly<PodTemplateSpec>, b: DeepReadonly<PodTemplateSpec>): boolean {
  return semanticEqual(withoutHash(a), withoutHash(b))
}

function withoutHash(template: DeepReadonly<PodTemplateSpec>): object {
  const { [HASH_LABEL]: _, ...labels } = template.metadata?.labels ?? {}
  const { creationTimestamp: __, labels: ___, ...metadata } = template.metadata ?? {}
  return { ...template, metadata: { ...metadata, ...(Object.keys(labels).length > 0 ? { labels } : {}) } }
}

export const revisionOf = (set: AnyReplicaSet) => Number(set.metadata.annotations?.[REVISION] ?? 0) || 0

/** One more than the newest of the others. */
export const nextRevision = (others: readonly AnyReplicaSet[]) => Math.max(0, ...others.map(revisionOf)) + 1

/** The annotations that the newest set shall have: the Deployment's, its revision, the revisions it had before, its sizes. */
export function newSetAnnotations(
  deployment: AnyDeployment,
  set: AnyReplicaSet | undefined,
  revision: number,
): Record<string, string> {
  const known = set?.metadata.annotations ?? {}
  const annotations: Record<string, string> = { ...known }
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!OWN_ANNOTATIONS.has(key)) annotations[key] = value
  }
  const before = known[REVISION]
  if ((Number(before ?? 0) || 0) < revision) {
    annotations[REVISION] = String(revision)
    if (before !== undefined) annotations[REVISION_HISTORY] = withHistory(known[REVISION_HISTORY], before)
  }
  return set ? annotations : { ...annotations, ...sizeAnnotations(deployment) }
}

/** The oldest entries are dropped when the list gets too long. */
function withHistory(history: string | undefined, revision: string): string {
  const entries = history ? history.split(',') : []
  while (entries.length > 0 && [...entries, revision].join(',').length > MAX_HISTORY_CHARS) entries.shift()
  return [...entries, revision].join(',')
}

/** What the set's size was decided on; tells later whether the Deployment was scaled since. */
export function sizeAnnotations(deployment: AnyDeployment): Record<string, string> {
  const desired = desiredReplicas(deployment)
  return { [DESIRED_REPLICAS]: String(desired), [MAX_REPLICAS]: String(desired + maxSurge(deployment)) }
}

/** The ReplicaSet of a template that has none yet. */
export function newSetFor(
  deployment: AnyDeployment,
  oldSets: readonly AnyReplicaSet[],
): NewObject<ReplicaSet> & { metadata: { name: string } } {
  const { name, namespace } = deployment.metadata
  const { template, selector, minReadySeconds } = deployment.spec
  const hash = podTemplateHash(template, deployment.status?.collisionCount)
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash }
  return {
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels,
      annotations: newSetAnnotations(deployment, undefined, nextRevision(oldSets)),
      ownerReferences: [ownerReference(Deployment, deployment)],
    },
    spec: {
      replicas: newSetSize(deployment, 0, oldSets),
      ...(minReadySeconds ? { minReadySeconds } : {}),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  } as NewObject<ReplicaSet> & { metadata: { name: string } }
}

/** Old sets past the history limit, oldest revision first; only ones that are empty and have been seen so. */
export function planCleanup(deployment: AnyDeployment, oldSets: readonly AnyReplicaSet[]): AnyReplicaSet[] {
  const limit = historyLimit(deployment)
  if (limit === undefined) return []
  const alive = oldSets.filter((set) => !set.metadata.deletionTimestamp)
  if (alive.length <= limit) return []
  return alive
    .sort((a, b) => revisionOf(a) - revisionOf(b) || byAge(a, b))
    .slice(0, alive.length - limit)
    .filter((set) => {
      const observed = (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0)
      return sizeOf(set) === 0 && (set.status?.replicas ?? 0) === 0 && observed
    })
}
