// ServiceAccount: an identity for processes in pods.

import type * as types from '../types/core.v1.ts'
import { age, integer } from './columns.ts'
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
  description: 'An identity that processes in pods use towards the API.',
  columns: [integer('Secrets', (sa) => sa.secrets?.length, 'Number of secrets its pods may use.'), age()],
})
