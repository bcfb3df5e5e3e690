import type * as types from '../types/core.v1.ts'
import { defineKind } from './kind.ts'

export type PersistentVolumeClaim = types.PersistentVolumeClaim

export const PersistentVolumeClaim = defineKind<PersistentVolumeClaim>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  scope: 'Namespaced',
  shortNames: ['pvc'],
  subresources: ['status'],
})
