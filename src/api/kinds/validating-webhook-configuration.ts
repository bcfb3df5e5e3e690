import type * as types from '../types/admissionregistration.v1.ts'
import { defineKind } from './kind.ts'

export type ValidatingWebhookConfiguration = types.ValidatingWebhookConfiguration

export const ValidatingWebhookConfiguration = defineKind<ValidatingWebhookConfiguration>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  plural: 'validatingwebhookconfigurations',
  scope: 'Cluster',
  categories: ['api-extensions'],
})
