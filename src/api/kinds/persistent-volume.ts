import type * as types from '../types/core.v1.ts'
import { defineKind } from './kind.ts'

export type PersistentVolume = types.PersistentVolume

export const PersistentVolume = defineKind<PersistentVolume>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  scope: 'Cluster',
  shortNames: ['pv'],
  subresources: ['status'],
})
