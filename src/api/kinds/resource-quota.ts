import type * as types from '../types/core.v1.ts'
import { defineKind } from './kind.ts'

export type ResourceQuota = types.ResourceQuota

export const ResourceQuota = defineKind<ResourceQuota>({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  scope: 'Namespaced',
  shortNames: ['quota'],
  subresources: ['status'],
})
