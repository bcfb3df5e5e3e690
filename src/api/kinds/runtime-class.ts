import type * as types from '../types/node.v1.ts'
import { defineKind } from './kind.ts'

export type RuntimeClass = types.RuntimeClass

export const RuntimeClass = defineKind<RuntimeClass>({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  scope: 'Cluster',
})
