// PersistentVolumeClaim: a wish for storage, bound to a volume.
import type * as types from '../types/core.v1.ts'
import { validateClaim, validateClaimStatus, validateClaimUpdate } from './claim-validation.ts'
import { claimWarnings } from './claim-warnings.ts'
import { accessModes, age, text, wide } from './columns.ts'
import { defineKind } from './kind.ts'

export type PersistentVolumeClaim = types.PersistentVolumeClaim

const claimClass = (c: {
  metadata: { annotations?: Readonly<Record<string, string>> }
  spec: { storageClassName?: string }
}) => c.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? c.spec.storageClassName ?? ''

/** Also for the claim templates of StatefulSets. */
export function defaultClaim(claim: types.PersistentVolumeClaim): void {
  claim.spec ??= {}
  claim.spec.volumeMode ||= 'Filesystem'
  claim.status ??= {}
  claim.status.phase ||= 'Pending'
}

export const PersistentVolumeClaim = defineKind<PersistentVolumeClaim>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  scope: 'Namespaced',
  shortNames: ['pvc'],
  subresources: ['status'],
  description: 'A request for storage of some size and kind, to be used by pods.',
  columns: [
    text(
      'Status',
      (c) => (c.metadata.deletionTimestamp ? 'Terminating' : (c.status?.phase ?? '')),
      'The phase of the claim.',
    ),
    text('Volume', (c) => c.spec.volumeName ?? '', 'The volume that the claim is bound to.'),
    text('Capacity', (c) => (c.spec.volumeName ? (c.status?.capacity?.['storage'] ?? '0') : ''), 'Size of the volume.'),
    text(
      'Access Modes',
      (c) => (c.spec.volumeName ? accessModes(c.status?.accessModes) : ''),
      'How the volume may be mounted.',
    ),
    text('StorageClass', (c) => claimClass(c), 'The class of storage asked for.'),
    text(
      'VolumeAttributesClass',
      (c) => c.spec.volumeAttributesClassName ?? '<unset>',
      'The class of attributes asked for.',
    ),
    age(),
    wide(text('VolumeMode', (c) => c.spec.volumeMode ?? '<unset>', 'A file system or a raw device.')),
  ],
  default(claim) {
    claim.spec ??= {}
    defaultClaim(claim)
  },
  validate: validateClaim,
  warnings: (claim) => claimWarnings(claim),
  validateChange: validateClaimUpdate,
  validateStatusUpdate: validateClaimStatus,
  hasGeneration: false,
  prepareForCreate(claim) {
    normaliseSources(claim)
    claim.status = { phase: 'Pending' }
  },
})

/**
 * What a claim is filled from is said by two fields, of which either may be given. k8s: through the older one only claims and snapshots
 * are named, anything else is dropped; so is a source of another namespace.
 */
function normaliseSources({ spec }: types.PersistentVolumeClaim): void {
  if (spec.dataSourceRef?.namespace) delete spec.dataSourceRef
  const { dataSource, dataSourceRef } = spec
  if (dataSource && !dataSourceRef) {
    const { apiGroup = '', kind } = dataSource
    const known =
      (apiGroup === '' && kind === 'PersistentVolumeClaim') ||
      (apiGroup === 'snapshot.storage.k8s.io' && kind === 'VolumeSnapshot')
    if (known) spec.dataSourceRef = { ...dataSource }
    else delete spec.dataSource
  } else if (dataSourceRef && !dataSource) spec.dataSource = { ...dataSourceRef }
}
