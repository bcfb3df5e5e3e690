import type * as types from '../types/discovery.v1.ts'
import { defineKind } from './kind.ts'

export type EndpointSlice = types.EndpointSlice

export const EndpointSlice = defineKind<EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  scope: 'Namespaced',
})
