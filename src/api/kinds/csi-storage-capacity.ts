import type * as types from '../types/storage.v1.ts'
import { defineKind } from './kind.ts'

export type CSIStorageCapacity = types.CSIStorageCapacity

export const CSIStorageCapacity = defineKind<CSIStorageCapacity>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  plural: 'csistoragecapacities',
  scope: 'Namespaced',
})
