import type * as types from '../types/resource.v1.ts'
import { defineKind } from './kind.ts'

export type ResourceSlice = types.ResourceSlice

export const ResourceSlice = defineKind<ResourceSlice>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  plural: 'resourceslices',
  scope: 'Cluster',
})
