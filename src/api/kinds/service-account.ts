// ServiceAccount: an identity for processes in pods.

import type * as types from '../types/core.v1.ts'
import { age, integer } from './columns.ts'
import { defineKind } from './kind.ts'

export type ServiceAccount = types.ServiceAccount

function keepSecretNames(account: types.ServiceAccount): void {
  if (account.secrets) account.secrets = account.secrets.map(({ name }) => (name === undefined ? {} : { name }))
}

export const ServiceAccount = defineKind<ServiceAccount>({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  scope: 'Namespaced',
  shortNames: ['sa'],
  subresources: ['token'],
  description: 'An identity that processes in pods use towards the API.',
  // k8s: of its secrets only the names are kept
  prepareForCreate: keepSecretNames,
  prepareForUpdate: keepSecretNames,
  warnings: ({ metadata }, old) => {
    const key = 'kubernetes.io/enforce-mountable-secrets'
    const isNew = metadata.annotations?.[key] !== undefined && old?.metadata.annotations?.[key] === undefined
    const sentence = 'deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets'
    return isNew ? [`metadata.annotations[${key}]: ${sentence}`] : []
  },
  columns: [integer('Secrets', (sa) => sa.secrets?.length, 'Number of secrets its pods may use.'), age()],
})
