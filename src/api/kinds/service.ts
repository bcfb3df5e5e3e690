import type * as types from '../types/core.v1.ts'
import { defineKind } from './kind.ts'

export type Service = types.Service

export const Service = defineKind<Service>({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  scope: 'Namespaced',
  shortNames: ['svc'],
  categories: ['all'],
  subresources: ['status', 'proxy'],
})
