// PersistentVolume: a piece of storage of the cluster.
import type * as types from '../types/core.v1.ts'
import { volumeWarnings } from './claim-warnings.ts'
import { accessModes, age, text, wide } from './columns.ts'
import { defineKind } from './kind.ts'
import { validateVolume, validateVolumeUpdate } from './volume-rules.ts'

export type PersistentVolume = types.PersistentVolume

export const PersistentVolume = defineKind<PersistentVolume>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  scope: 'Cluster',
  shortNames: ['pv'],
  subresources: ['status'],
  description: 'A piece of storage of the cluster, to be bound to a claim.',
  columns: [
    text('Capacity', (v) => v.spec.capacity?.['storage'] ?? '0', 'Its size.'),
    text('Access Modes', (v) => accessModes(v.spec.accessModes), 'How it may be mounted.'),
    text('Reclaim Policy', (v) => v.spec.persistentVolumeReclaimPolicy ?? '', 'What happens once its claim is gone.'),
    text('Status', (v) => (v.metadata.deletionTimestamp ? 'Terminating' : (v.status?.phase ?? '')), 'Its phase.'),
    text(
      'Claim',
      ({ spec: { claimRef } }) => (claimRef ? `${claimRef.namespace ?? ''}/${claimRef.name ?? ''}` : ''),
      'The claim it is bound to.',
    ),
    text(
      'StorageClass',
      (v) => v.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? v.spec.storageClassName ?? '',
      'The class of storage.',
    ),
    text('VolumeAttributesClass', (v) => v.spec.volumeAttributesClassName ?? '<unset>', 'The class of attributes.'),
    text('Reason', (v) => v.status?.reason ?? '', 'Why it is in a phase of failure.'),
    age(),
    wide(text('VolumeMode', (v) => v.spec.volumeMode ?? '<unset>', 'A file system or a raw device.')),
  ],
  hasGeneration: false,
  default(v) {
    v.spec ??= {}
    v.spec.persistentVolumeReclaimPolicy ||= 'Retain'
    v.spec.volumeMode ||= 'Filesystem'
    if (v.spec.hostPath) v.spec.hostPath.type ??= ''
    v.status ??= {}
    v.status.phase ||= 'Pending'
  },
  validate: validateVolume,
  warnings: (v) => volumeWarnings(v),
  validateUpdate: validateVolumeUpdate,
  prepareForCreate(v) {
    v.status = { phase: 'Pending' }
  },
})
