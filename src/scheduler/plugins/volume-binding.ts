// Claims that a pod mounts: they must exist and be bound, or be of a class that binds once the node is known (claimsToBind says which);
// a bound volume must be reachable from the node.

import { matchesNodeSelector } from '../../api/meta/node-selector.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core.v1.ts'
import { type Plugin, type Rejection, unresolvable } from '../framework.ts'
import type { Lookups } from '../snapshot.ts'

type Claim = DeepReadonly<PersistentVolumeClaim>

interface ClaimRef {
  name: string
  /** Made for this pod alone, by a controller, from a template in the pod. */
  ephemeral: boolean
}

function claimRefs(pod: DeepReadonly<Pod>): ClaimRef[] {
  return (pod.spec.volumes ?? []).flatMap((volume): ClaimRef[] => {
    if (volume.persistentVolumeClaim) return [{ name: volume.persistentVolumeClaim.claimName, ephemeral: false }]
    return volume.ephemeral ? [{ name: `${pod.metadata.name}-${volume.name}`, ephemeral: true }] : []
  })
}

const isBound = (claim: Claim) =>
  Boolean(claim.spec?.volumeName) &&
  (claim.status?.phase === 'Bound' || claim.metadata.annotations?.['pv.kubernetes.io/bind-completed'] !== undefined)

const waitsForConsumer = (claim: Claim, lookups: Lookups) => {
  const className = claim.spec?.storageClassName
  return Boolean(className && lookups.storageClass(className)?.volumeBindingMode === 'WaitForFirstConsumer')
}

/** Claims that are to be bound for the pod once its node is chosen. */
export function claimsToBind(pod: DeepReadonly<Pod>, lookups: Lookups): Claim[] {
  return claimRefs(pod).flatMap(({ name }) => {
    const claim = lookups.claim(pod.metadata.namespace ?? '', name)
    return claim && !isBound(claim) && waitsForConsumer(claim, lookups) ? [claim] : []
  })
}

function claimProblem({ name, ephemeral }: ClaimRef, claim: Claim | undefined, lookups: Lookups): string | undefined {
  if (!claim) {
    return ephemeral
      ? `waiting for ephemeral volume controller to create the persistentvolumeclaim ${JSON.stringify(name)}`
      : `persistentvolumeclaim ${JSON.stringify(name)} not found`
  }
  if (claim.status?.phase === 'Lost') {
    const volume = JSON.stringify(claim.spec?.volumeName ?? '')
    return `persistentvolumeclaim ${JSON.stringify(name)} bound to non-existent persistentvolume ${volume}`
  }
  if (claim.metadata.deletionTimestamp) return `persistentvolumeclaim ${JSON.stringify(name)} is being deleted`
  if (isBound(claim) || waitsForConsumer(claim, lookups)) return undefined
  return 'pod has unbound immediate PersistentVolumeClaims'
}

export const volumeBinding: Plugin = {
  name: 'VolumeBinding',
  prepare({ pod, namespace }, { lookups }) {
    const refs = claimRefs(pod)
    if (refs.length === 0) return undefined
    const volumes: DeepReadonly<PersistentVolume>[] = []
    for (const ref of refs) {
      const claim = lookups.claim(namespace, ref.name)
      const problem = claimProblem(ref, claim, lookups)
      if (problem) return unresolvable(problem)
      const volume = isBound(claim!) && lookups.volume(claim!.spec!.volumeName!)
      if (volume) volumes.push(volume)
    }
    return {
      filter(node): Rejection | undefined {
        const reachable = volumes.every((volume) => {
          const required = volume.spec?.nodeAffinity?.required
          return !required || matchesNodeSelector(required, node)
        })
        return reachable ? undefined : unresolvable("node(s) didn't match PersistentVolume's node affinity")
      },
    }
  },
  mayHelp(event, { pod, namespace }) {
    switch (event.resource) {
      case 'claim': {
        const { metadata } = event.object
        return metadata.namespace === namespace && claimRefs(pod).some(({ name }) => name === metadata.name)
      }
      case 'volume':
      case 'storage-class':
        return event.type !== 'deleted'
      case 'node':
        return event.type !== 'deleted'
      case 'assigned-pod':
        return false
    }
  },
}
