import type * as types from '../types/flowcontrol.v1.ts'
import { defineKind } from './kind.ts'

export type PriorityLevelConfiguration = types.PriorityLevelConfiguration

export const PriorityLevelConfiguration = defineKind<PriorityLevelConfiguration>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  plural: 'prioritylevelconfigurations',
  scope: 'Cluster',
  subresources: ['status'],
})
