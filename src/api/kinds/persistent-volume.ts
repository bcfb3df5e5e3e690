// PersistentVolume: a piece of storage of the cluster.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, forbiddenField, invalid, required } from '../meta/errors.ts'
import { parseQuantity } from '../meta/quantity.ts'
import type * as types from '../types/core.v1.ts'
import { checkOneOf, checkSubdomain } from './check.ts'
import { volumeWarnings } from './claim-warnings.ts'
import { accessModes, age, text, wide } from './columns.ts'
import { defineKind } from './kind.ts'
import { checkNodeSelector } from './pod-validation/scheduling.ts'

export type PersistentVolume = types.PersistentVolume

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']
const COMMON = [
  'capacity',
  'accessModes',
  'claimRef',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'mountOptions',
  'volumeMode',
  'nodeAffinity',
  'volumeAttributesClassName',
]

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
  validate({ spec }) {
    const errors: FieldError[] = []
    if (!spec.accessModes?.length) errors.push(required('spec.accessModes'))
    for (const mode of spec.accessModes ?? []) checkOneOf(errors, 'spec.accessModes', mode, ACCESS_MODES)
    const storage = spec.capacity?.['storage']
    if (storage === undefined) errors.push(required('spec.capacity'))
    else if (parseQuantity(storage).nano <= 0n) {
      errors.push(invalid('spec.capacity[storage]', storage, 'must be greater than zero'))
    }
    checkOneOf(errors, 'spec.persistentVolumeReclaimPolicy', spec.persistentVolumeReclaimPolicy, [
      'Delete',
      'Recycle',
      'Retain',
    ])
    checkSubdomain(errors, 'spec.storageClassName', spec.storageClassName, true)
    const sources = Object.keys(spec).filter((key) => !COMMON.includes(key))
    if (sources.length === 0) errors.push(required('spec', 'must specify a volume type'))
    for (const key of sources.slice(1)) {
      errors.push(forbiddenField(`spec.${key}`, 'may not specify more than 1 volume type'))
    }
    if (spec.local && !spec.nodeAffinity?.required) {
      errors.push(required('spec.nodeAffinity', 'Local volume requires node affinity'))
    }
    if (spec.hostPath && !spec.hostPath.path) errors.push(required('spec.hostPath.path'))
    if (spec.nodeAffinity?.required) {
      checkNodeSelector(errors, 'spec.nodeAffinity.required', spec.nodeAffinity.required)
    }
    return errors
  },
  warnings: (v) => volumeWarnings(v),
  validateUpdate(v, old) {
    const errors: FieldError[] = []
    const source = ({ spec }: typeof v) =>
      Object.fromEntries(Object.entries(spec).filter(([key]) => !COMMON.includes(key)))
    if (!semanticEqual(source(v), source(old))) {
      errors.push(
        forbiddenField('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation'),
      )
    }
    if (v.spec.volumeMode !== old.spec.volumeMode) {
      errors.push(invalid('spec.volumeMode', v.spec.volumeMode, 'field is immutable'))
    }
    return errors
  },
  prepareForCreate(v) {
    v.status = { phase: 'Pending' }
  },
})
