import type * as types from '../types/flowcontrol.v1.ts'
import { defineKind } from './kind.ts'

export type FlowSchema = types.FlowSchema

export const FlowSchema = defineKind<FlowSchema>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'FlowSchema',
  plural: 'flowschemas',
  scope: 'Cluster',
  subresources: ['status'],
})
