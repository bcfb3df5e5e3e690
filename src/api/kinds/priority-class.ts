import type * as types from '../types/scheduling.v1.ts'
import { defineKind } from './kind.ts'

export type PriorityClass = types.PriorityClass

export const PriorityClass = defineKind<PriorityClass>({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  scope: 'Cluster',
  shortNames: ['pc'],
})
