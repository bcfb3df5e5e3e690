import type * as types from '../types/core.v1.ts'
import { defineKind } from './kind.ts'

export type ServiceAccount = types.ServiceAccount

export const ServiceAccount = defineKind<ServiceAccount>({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  scope: 'Namespaced',
  shortNames: ['sa'],
  subresources: ['token'],
})
