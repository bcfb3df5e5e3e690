// ResourceQuota: bounds for what a whole namespace uses.
import { type FieldError, invalid } from '../meta/errors.ts'
import { parseQuantity } from '../meta/quantity.ts'
import type * as types from '../types/core.v1.ts'
import { checkImmutable, checkOneOf, checkQualified } from './check.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type ResourceQuota = types.ResourceQuota

const SCOPES = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
  'VolumeAttributesClass',
]

type Amounts = {
  readonly status?: {
    readonly hard?: Readonly<Record<string, string>>
    readonly used?: Readonly<Record<string, string>>
  }
}

function usage({ status }: Amounts, limits: boolean): string {
  return Object.keys(status?.hard ?? {})
    .filter((name) => name.startsWith('limits') === limits)
    .sort()
    .map((name) => `${name}: ${status?.used?.[name] ?? '0'}/${status?.hard?.[name]}`)
    .join(', ')
}

export const ResourceQuota = defineKind<ResourceQuota>({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  scope: 'Namespaced',
  shortNames: ['quota'],
  subresources: ['status'],
  description: 'Bounds for the number of objects in a namespace and for the resources they use together.',
  columns: [
    text('Request', (q) => usage(q, false), 'Use and bound of requests and counts.'),
    text('Limit', (q) => usage(q, true), 'Use and bound of limits.'),
    age(),
  ],
  hasGeneration: false,
  validate({ spec }) {
    const errors: FieldError[] = []
    for (const [name, amount] of Object.entries(spec?.hard ?? {})) {
      checkQualified(errors, `spec.hard[${name}]`, name)
      if (parseQuantity(amount).nano < 0n) {
        errors.push(invalid(`spec.hard[${name}]`, amount, 'must be greater than or equal to 0'))
      }
    }
    spec?.scopes?.forEach((scope) => {
      checkOneOf(errors, 'spec.scopes', scope, SCOPES)
    })
    return errors
  },
  validateUpdate(quota, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec.scopes', [...(quota.spec?.scopes ?? [])].sort(), [...(old.spec?.scopes ?? [])].sort())
    return errors
  },
})
