import type * as types from '../types/core.v1.ts'
import { defineKind } from './kind.ts'

export type ComponentStatus = types.ComponentStatus

export const ComponentStatus = defineKind<ComponentStatus>({
  group: '',
  version: 'v1',
  kind: 'ComponentStatus',
  plural: 'componentstatuses',
  scope: 'Cluster',
  shortNames: ['cs'],
  verbs: ['get', 'list'],
})
