// CSINode: the storage drivers of a node.
import { duplicate, type FieldError, invalid, required } from '../meta/errors.ts'
import { qualifiedName } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/storage.v1.ts'
import { checkImmutable, checkNonNegative } from './check.ts'
import { age, integer } from './columns.ts'
import { defineKind } from './kind.ts'
import { checkDriverName } from './pod-validation/volume-sources.ts'

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
  validate: ({ spec }) => driverErrors(spec.drivers),
  validateChange({ spec }, old) {
    const errors = driverErrors(spec.drivers)
    for (const { allocatable: _, ...before } of old.spec.drivers) {
      for (const { allocatable: __, ...driver } of spec.drivers) {
        if (driver.name === before.name) checkImmutable(errors, 'spec.drivers', driver, before)
      }
    }
    return errors
  },
})

const MAX_NODE_ID = 256

function driverErrors(drivers: readonly DeepReadonly<types.CSINodeDriver>[]): FieldError[] {
  const errors: FieldError[] = []
  const names = new Set<string>()
  drivers.forEach(({ name, nodeID = '', allocatable, topologyKeys = [] }, i) => {
    const at = `spec.drivers[${i}]`
    checkDriverName(errors, `${at}.name`, name)
    if (nodeID === '') errors.push(required(`${at}.nodeID`))
    if (Buffer.byteLength(nodeID) > MAX_NODE_ID) {
      errors.push(invalid(`${at}.nodeID`, nodeID, `must be ${MAX_NODE_ID} characters or less`))
    }
    checkNonNegative(errors, `${at}.allocatable.count`, allocatable?.count)
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name))
    names.add(name)
    topologyKeys.forEach((key, k) => {
      if (key === '') errors.push(required(at))
      if (topologyKeys.indexOf(key) < k) errors.push(duplicate(at, key))
      for (const problem of qualifiedName(key)) errors.push(invalid(at, key, problem))
    })
  })
  return errors
}
