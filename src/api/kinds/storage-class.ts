import type * as types from '../types/storage.v1.ts'
import { defineKind } from './kind.ts'

export type StorageClass = types.StorageClass

export const StorageClass = defineKind<StorageClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  scope: 'Cluster',
  shortNames: ['sc'],
})
