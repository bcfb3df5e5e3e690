// CSIStorageCapacity: how much of a storage class is left, and where.
import { type FieldError, invalid } from '../meta/errors.ts'
import { dnsSubdomain } from '../meta/names.ts'
import { parseQuantity } from '../meta/quantity.ts'
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
    checkSelector(errors, 'nodeTopology', c.nodeTopology)
    const name = c.storageClassName ?? ''
    for (const problem of dnsSubdomain(name)) errors.push(invalid('storageClassName', name, problem))
    if (c.capacity !== undefined && parseQuantity(c.capacity).nano < 0n) {
      errors.push(invalid('capacity', c.capacity, 'must be greater than or equal to 0'))
    }
    return errors
  },
  validateChange(c, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'nodeTopology', c.nodeTopology, old.nodeTopology)
    checkImmutable(errors, 'storageClassName', c.storageClassName, old.storageClassName)
    return errors
  },
})
