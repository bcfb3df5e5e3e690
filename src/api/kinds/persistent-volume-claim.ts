// PersistentVolumeClaim: a wish for storage, bound to a volume.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, forbiddenField, invalid, required } from '../meta/errors.ts'
import { compareQuantities, parseQuantity } from '../meta/quantity.ts'
import type * as types from '../types/core.v1.ts'
import { checkOneOf, checkSelector, checkSubdomain } from './check.ts'
import { claimWarnings } from './claim-warnings.ts'
import { accessModes, age, text, wide } from './columns.ts'
import { defineKind } from './kind.ts'

export type PersistentVolumeClaim = types.PersistentVolumeClaim

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']
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
  validate({ spec }) {
    const errors: FieldError[] = []
    checkSelector(errors, 'spec.selector', spec.selector)
    if (!spec.accessModes?.length) errors.push(required('spec.accessModes', 'at least 1 access mode is required'))
    for (const mode of spec.accessModes ?? []) checkOneOf(errors, 'spec.accessModes', mode, ACCESS_MODES)
    if (spec.accessModes?.includes('ReadWriteOncePod') && spec.accessModes.length > 1) {
      errors.push(forbiddenField('spec.accessModes', 'may not use ReadWriteOncePod with other access modes'))
    }
    const storage = spec.resources?.requests?.['storage']
    if (storage === undefined) errors.push(required('spec.resources[storage]'))
    else if (parseQuantity(storage).nano <= 0n) {
      errors.push(invalid('spec.resources[storage]', storage, 'must be greater than zero'))
    }
    checkSubdomain(errors, 'spec.storageClassName', spec.storageClassName, true)
    if (spec.volumeMode) checkOneOf(errors, 'spec.volumeMode', spec.volumeMode, ['Block', 'Filesystem'])
    return errors
  },
  warnings: (claim) => claimWarnings(claim),
  validateUpdate(claim, old) {
    const errors: FieldError[] = []
    const fixed = ({ spec }: typeof claim) => {
      const { resources, volumeAttributesClassName, volumeName, storageClassName, ...rest } = spec
      return rest
    }
    const bindsNow = !old.spec.volumeName && claim.spec.volumeName
    const sameBinding = claim.spec.volumeName === old.spec.volumeName || bindsNow
    const sameClass =
      claim.spec.storageClassName === old.spec.storageClassName || old.spec.storageClassName === undefined
    if (!semanticEqual(fixed(claim), fixed(old)) || !sameBinding || !sameClass) {
      errors.push(
        forbiddenField(
          'spec',
          'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
        ),
      )
    }
    const [now, before] = [claim, old].map((c) => c.spec.resources?.requests?.['storage'])
    if (now !== undefined && before !== undefined) {
      const order = compareQuantities(now, before)
      if (order < 0 && compareQuantities(now, old.status?.capacity?.['storage'] ?? '0') <= 0) {
        errors.push(forbiddenField('spec.resources.requests.storage', 'field can not be less than status.capacity'))
      }
      if (order > 0 && old.status?.phase !== 'Bound') {
        errors.push(
          forbiddenField(
            'spec',
            'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
          ),
        )
      }
    }
    return errors
  },
  hasGeneration: false,
  prepareForCreate(claim) {
    claim.status = { phase: 'Pending' }
  },
})
