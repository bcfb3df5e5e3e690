import type * as types from '../types/storage.v1.ts'
import { defineKind } from './kind.ts'

export type CSINode = types.CSINode

export const CSINode = defineKind<CSINode>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  plural: 'csinodes',
  scope: 'Cluster',
})
