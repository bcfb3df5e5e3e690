import type * as types from '../types/storage.v1.ts'
import { defineKind } from './kind.ts'

export type CSIDriver = types.CSIDriver

export const CSIDriver = defineKind<CSIDriver>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  plural: 'csidrivers',
  scope: 'Cluster',
})
