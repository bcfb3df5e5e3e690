import type * as types from '../types/resource.v1.ts'
import { defineKind } from './kind.ts'

export type ResourceClaim = types.ResourceClaim

export const ResourceClaim = defineKind<ResourceClaim>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  plural: 'resourceclaims',
  scope: 'Namespaced',
  subresources: ['status'],
})
