import type * as types from '../types/resource.v1.ts'
import { defineKind } from './kind.ts'

export type ResourceClaimTemplate = types.ResourceClaimTemplate

export const ResourceClaimTemplate = defineKind<ResourceClaimTemplate>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaimTemplate',
  plural: 'resourceclaimtemplates',
  scope: 'Namespaced',
})
