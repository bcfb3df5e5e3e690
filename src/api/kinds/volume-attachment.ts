import type * as types from '../types/storage.v1.ts'
import { defineKind } from './kind.ts'

export type VolumeAttachment = types.VolumeAttachment

export const VolumeAttachment = defineKind<VolumeAttachment>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  scope: 'Cluster',
  subresources: ['status'],
})
