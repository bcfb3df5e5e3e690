import type * as types from '../types/core.v1.ts'
import { defineKind } from './kind.ts'

export type ReplicationController = types.ReplicationController

export const ReplicationController = defineKind<ReplicationController>({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  scope: 'Namespaced',
  shortNames: ['rc'],
  categories: ['all'],
  subresources: ['status', 'scale'],
})
