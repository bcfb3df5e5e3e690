import type * as types from '../types/apps.v1.ts'
import { defineKind } from './kind.ts'

export type ReplicaSet = types.ReplicaSet

export const ReplicaSet = defineKind<ReplicaSet>({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  scope: 'Namespaced',
  shortNames: ['rs'],
  categories: ['all'],
  subresources: ['status', 'scale'],
})
