// StorageClass: how volumes of a class are made.
import { type FieldError, required } from '../meta/errors.ts'
import type * as types from '../types/storage.v1.ts'
import { checkImmutable, checkOneOf } from './check.ts'
import { age, bool, name, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type StorageClass = types.StorageClass

export const StorageClass = defineKind<StorageClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  scope: 'Cluster',
  shortNames: ['sc'],
  description: 'Says how volumes are provisioned for claims of this class.',
  columns: [
    name((c) =>
      c.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true' ? ' (default)' : '',
    ),
    text('Provisioner', (c) => c.provisioner ?? '', 'What makes the volumes.'),
    text('ReclaimPolicy', (c) => c.reclaimPolicy ?? 'Delete', 'What happens to a volume once its claim is gone.'),
    text('VolumeBindingMode', (c) => c.volumeBindingMode ?? 'Immediate', 'When a claim is bound.'),
    {
      ...text<StorageClass>(
        'AllowVolumeExpansion',
        (c) => bool(c.allowVolumeExpansion ?? false),
        'Whether volumes can grow.',
      ),
      type: 'string',
    },
    age(),
  ],
  default(c) {
    c.reclaimPolicy ||= 'Delete'
    c.volumeBindingMode ||= 'Immediate'
  },
  validate(c) {
    const errors: FieldError[] = []
    if (!c.provisioner) errors.push(required('provisioner'))
    checkOneOf(errors, 'reclaimPolicy', c.reclaimPolicy, ['Delete', 'Retain'])
    checkOneOf(errors, 'volumeBindingMode', c.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer'])
    return errors
  },
  validateUpdate(c, old) {
    const errors: FieldError[] = []
    const why = 'updates to %s are forbidden.'
    for (const key of ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'] as const) {
      checkImmutable(errors, key, c[key], old[key], key === 'volumeBindingMode' ? undefined : why.replace('%s', key))
    }
    return errors
  },
})
