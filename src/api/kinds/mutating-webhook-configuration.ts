// MutatingWebhookConfiguration: web services that may change objects before they are stored.
import type * as types from '../types/admissionregistration.v1.ts'
import { age, integer } from './columns.ts'
import { defineKind } from './kind.ts'
import { defaultWebhooks, validateWebhooks } from './webhook-rules.ts'

export type MutatingWebhookConfiguration = types.MutatingWebhookConfiguration

export const MutatingWebhookConfiguration = defineKind<MutatingWebhookConfiguration>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingWebhookConfiguration',
  plural: 'mutatingwebhookconfigurations',
  scope: 'Cluster',
  allowUnconditionalUpdate: false,
  categories: ['api-extensions'],
  description: 'Web services that may change objects before they are stored.',
  columns: [integer('Webhooks', (c) => c.webhooks?.length, 'Number of webhooks.'), age()],
  default(c) {
    defaultWebhooks(c.webhooks)
    for (const webhook of c.webhooks ?? []) webhook.reinvocationPolicy ||= 'Never'
  },
  validate: (c) => validateWebhooks(c.webhooks),
  validateChange: (c, old) => validateWebhooks(c.webhooks, old.webhooks ?? []),
  hasGeneration: true,
})
