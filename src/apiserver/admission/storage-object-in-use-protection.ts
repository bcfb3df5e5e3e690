// Claims and volumes get a finalizer when they are made; the controllers pvc-protection and pv-protection take it off when nothing
// uses them.
import { PersistentVolume } from '../../api/kinds/persistent-volume.ts'
import { PersistentVolumeClaim } from '../../api/kinds/persistent-volume-claim.ts'
import type { AdmissionPlugin } from './admission.ts'
import { isKind } from './lookup.ts'

export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  concerns: (kind) => isKind(kind, PersistentVolumeClaim) || isKind(kind, PersistentVolume),
  mutate({ kind, operation, subresource, object }) {
    if (operation !== 'CREATE' || subresource !== '' || !object) return
    const finalizer = isKind(kind, PersistentVolumeClaim)
      ? 'kubernetes.io/pvc-protection'
      : isKind(kind, PersistentVolume)
        ? 'kubernetes.io/pv-protection'
        : undefined
    if (!finalizer) return
    const { finalizers = [] } = object.metadata
    if (!finalizers.includes(finalizer)) object.metadata.finalizers = [...finalizers, finalizer]
  },
}
