import type * as types from '../types/storage.v1.ts'
import { defineKind } from './kind.ts'

export type VolumeAttributesClass = types.VolumeAttributesClass

export const VolumeAttributesClass = defineKind<VolumeAttributesClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  plural: 'volumeattributesclasses',
  scope: 'Cluster',
  shortNames: ['vac'],
})
