// A claim only grows when it is bound and its class says that its volumes can.
import { PersistentVolumeClaim } from '../../api/kinds/persistent-volume-claim.ts'
import { StorageClass } from '../../api/kinds/storage-class.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { compareQuantities } from '../../api/meta/quantity.ts'
import { type AdmissionPlugin, refused } from './admission.ts'
import { isKind, type Lookup } from './lookup.ts'

type Claim = DeepReadonly<PersistentVolumeClaim>

export function persistentVolumeClaimResize(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'PersistentVolumeClaimResize',
    concerns: (kind) => isKind(kind, PersistentVolumeClaim),
    async validate(request) {
      const { kind, operation, subresource } = request
      if (!isKind(kind, PersistentVolumeClaim) || operation !== 'UPDATE' || subresource !== '') return
      const [claim, old] = [request.object as unknown as Claim, request.old as Claim]
      if (compareQuantities(sizeOf(claim), sizeOf(old)) <= 0) return
      if (old.status?.phase !== 'Bound') throw refused(request, 'Only bound persistent volume claims can be expanded')
      const name = classOf(claim)
      const found = name && name === classOf(old) ? await lookup.get(StorageClass, name) : undefined
      if (found?.allowVolumeExpansion) return
      throw refused(
        request,
        'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      )
    },
  }
}

const sizeOf = ({ spec }: Claim) => spec?.resources?.requests?.['storage'] ?? '0'
const classOf = ({ metadata, spec }: Claim) =>
  metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName ?? ''
