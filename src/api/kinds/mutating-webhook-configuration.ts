import type * as types from '../types/admissionregistration.v1.ts'
import { defineKind } from './kind.ts'

export type MutatingWebhookConfiguration = types.MutatingWebhookConfiguration

export const MutatingWebhookConfiguration = defineKind<MutatingWebhookConfiguration>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingWebhookConfiguration',
  plural: 'mutatingwebhookconfigurations',
  scope: 'Cluster',
  categories: ['api-extensions'],
})
