// Owner references: who made an object, and who manages it.
import type { OwnerReference } from '../types/meta.v1.ts'
import type { DeepReadonly, KubeObject } from './object.ts'

type Owned = { metadata?: { ownerReferences?: readonly DeepReadonly<OwnerReference>[] } }

/** The one owner that manages the object, if any. */
export function controllerOf(obj: Owned): DeepReadonly<OwnerReference> | undefined {
  return obj.metadata?.ownerReferences?.find((ref) => ref.controller === true)
}

export function isControlledBy(obj: Owned, owner: { metadata: { uid: string } }): boolean {
  return controllerOf(obj)?.uid === owner.metadata.uid
}

/** The reference that a controller puts on what it creates for `owner`. */
export function ownerReference(
  kind: { apiVersion: string; kind: string },
  owner: DeepReadonly<Pick<KubeObject, 'metadata'>>,
): OwnerReference {
  return {
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  }
}
