import type * as types from '../types/networking.v1.ts'
import { defineKind } from './kind.ts'

export type ServiceCIDR = types.ServiceCIDR

export const ServiceCIDR = defineKind<ServiceCIDR>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  scope: 'Cluster',
  subresources: ['status'],
})
