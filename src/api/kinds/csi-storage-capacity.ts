// CSIStorageCapacity: how much of a storage class is left, and where.
import { type FieldError, required } from '../meta/errors.ts'
import type * as types from '../types/storage.v1.ts'
import { checkImmutable, checkSelector } from './check.ts'
import { text } from './columns.ts'
import { defineKind } from './kind.ts'

export type CSIStorageCapacity = types.CSIStorageCapacity

export const CSIStorageCapacity = defineKind<CSIStorageCapacity>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  plural: 'csistoragecapacities',
  scope: 'Namespaced',
  allowUnconditionalUpdate: false,
  description: 'How much storage of a class is left in a part of the cluster.',
  columns: [
    text('StorageClassName', (c) => c.storageClassName ?? '', 'The class of storage.'),
    text('Capacity', (c) => c.capacity ?? '<unset>', 'What is left.'),
  ],
  validate(c) {
    const errors: FieldError[] = []
    if (!c.storageClassName) errors.push(required('storageClassName'))
    checkSelector(errors, 'nodeTopology', c.nodeTopology)
    return errors
  },
  validateUpdate(c, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'nodeTopology', c.nodeTopology, old.nodeTopology)
    checkImmutable(errors, 'storageClassName', c.storageClassName, old.storageClassName)
    return errors
  },
})
