// CSINode: the storage drivers of a node.
import type { FieldError } from '../meta/errors.ts'
import type * as types from '../types/storage.v1.ts'
import { checkPresent, checkUnique } from './check.ts'
import { age, integer } from './columns.ts'
import { defineKind } from './kind.ts'

export type CSINode = types.CSINode

export const CSINode = defineKind<CSINode>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  plural: 'csinodes',
  scope: 'Cluster',
  allowUnconditionalUpdate: false,
  description: 'The storage drivers that run on a node.',
  columns: [integer('Drivers', (n) => n.spec?.drivers?.length, 'Number of storage drivers on the node.'), age()],
  hasGeneration: false,
  default(n) {
    n.spec ??= { drivers: [] }
    n.spec.drivers ??= []
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    spec.drivers.forEach((driver, i) => {
      checkPresent(errors, `spec.drivers[${i}].name`, driver.name)
      checkPresent(errors, `spec.drivers[${i}].nodeID`, driver.nodeID)
    })
    checkUnique(
      errors,
      spec.drivers,
      (d) => d.name,
      (i) => `spec.drivers[${i}].name`,
    )
    return errors
  },
})
