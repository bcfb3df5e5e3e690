// Off by default. Who sets an owner reference must be allowed to delete the object (its owner's end deletes it), and who lets it block
// its owner's end must be allowed to set the owner's finalizers.

import { semanticEqual } from '../../api/meta/equality.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { OwnerReference } from '../../api/types/meta.v1.ts'
import type { Authorizer } from '../authz/authorizer.ts'
import type { Obj } from '../registry/call.ts'
import type { Resources } from '../resources.ts'
import { type AdmissionPlugin, type AdmissionRequest, refused } from './admission.ts'

type Ref = DeepReadonly<OwnerReference>

export function ownerReferencesPermissionEnforcement(authorizer: Authorizer, resources: Resources): AdmissionPlugin {
  return {
    name: 'OwnerReferencesPermissionEnforcement',
    async validate(request) {
      const { kind, operation, subresource, object, old } = request
      if ((operation !== 'CREATE' && operation !== 'UPDATE') || !object) return
      // k8s: the scheduler binds pods, and can't change owners by that.
      if (kind.group === '' && kind.plural === 'pods' && subresource === 'binding') return
      if (!ownersChanged(object, old)) return
      const may = (verb: string, group: string, resource: string, subresource: string, name: string) =>
        authorizer.authorize(request.user, {
          isResource: true,
          path: '',
          namespace: request.namespace,
          verb,
          group,
          resource,
          subresource,
          name,
        })
      const deletion = await may('delete', kind.group, kind.plural, subresource, request.name)
      if (!deletion.allowed) {
        throw refused(request, `cannot set an ownerRef on a resource you can't delete: ${deletion.reason}`)
      }
      for (const ref of newlyBlocking(object, old)) {
        const owner = resources.findKind(ref.apiVersion, ref.kind)
        if (!owner) throw unknownOwner(request, ref)
        const finalizing = await may('update', owner.group, owner.plural, 'finalizers', ref.name)
        if (finalizing.allowed) continue
        throw refused(
          request,
          `cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: ${finalizing.reason}`,
        )
      }
    },
  }
}

function unknownOwner(request: AdmissionRequest, { apiVersion, kind }: Ref) {
  const why = `no matches for kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)}`
  return refused(
    request,
    `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${apiVersion} Kind ${kind}: ${why}`,
  )
}

const ownersOf = (obj: Obj | undefined): readonly Ref[] => obj?.metadata.ownerReferences ?? []

export const ownersChanged = (obj: Obj, old: Obj | undefined) => !semanticEqual(ownersOf(obj), ownersOf(old))

/** References that block, and did not before. */
export function newlyBlocking(obj: Obj, old: Obj | undefined): Ref[] {
  const blocked = new Set(ownersOf(old).flatMap((ref) => (ref.blockOwnerDeletion ? [ref.uid] : [])))
  return ownersOf(obj).filter((ref) => ref.blockOwnerDeletion && !blocked.has(ref.uid))
}
