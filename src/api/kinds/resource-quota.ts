// ResourceQuota: bounds for what a whole namespace uses.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, invalid, required } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/core.v1.ts'
import { age, text } from './columns.ts'
import { internalShape } from './internal-shape.ts'
import { defineKind } from './kind.ts'
import { checkAmount, checkQuotaResourceName, isQuotaResource } from './resource-names.ts'

export type ResourceQuota = types.ResourceQuota

const POD_SCOPE = ['pods', 'cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']

/** The standard names that a scope makes sense for. */
const SCOPES: Readonly<Record<string, readonly string[]>> = {
  BestEffort: ['pods'],
  CrossNamespacePodAffinity: POD_SCOPE,
  NotBestEffort: POD_SCOPE,
  NotTerminating: POD_SCOPE,
  PriorityClass: POD_SCOPE,
  Terminating: POD_SCOPE,
  VolumeAttributesClass: ['persistentvolumeclaims', 'requests.storage'],
}
const WITHOUT_VALUES = ['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort', 'CrossNamespacePodAffinity']
const CONFLICTS = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const

type Spec = NonNullable<DeepReadonly<ResourceQuota>['spec']>

function checkAmounts(errors: FieldError[], at: string, amounts: Readonly<Record<string, string>> | undefined): void {
  for (const [name, amount] of Object.entries(amounts ?? {})) {
    checkQuotaResourceName(errors, `${at}[${name}]`, name)
    checkAmount(errors, `${at}[${name}]`, name, amount)
  }
}

/** The names that are bounded, and that `scope` doesn't know. */
function foreign(scope: string, hard: Spec['hard']): string[] {
  const meant = Object.hasOwn(SCOPES, scope) ? SCOPES[scope] : undefined
  if (!meant) return []
  return Object.keys(hard ?? {}).filter((name) => isQuotaResource(name) && !meant.includes(name))
}

function checkScopes(errors: FieldError[], { scopes = [], hard }: Spec): void {
  const at = 'spec.scopes'
  for (const scope of scopes) {
    if (!Object.hasOwn(SCOPES, scope)) errors.push(invalid(at, scopes, 'unsupported scope'))
    for (const _ of foreign(scope, hard)) errors.push(invalid(at, scopes, 'unsupported scope applied to resource'))
  }
  for (const pair of CONFLICTS) {
    if (pair.every((scope) => scopes.includes(scope))) errors.push(invalid(at, scopes, 'conflicting scopes'))
  }
}

function checkSelector(errors: FieldError[], { scopeSelector, scopes, hard }: Spec): void {
  const at = 'spec.scopeSelector.matchExpressions'
  const rules = scopeSelector?.matchExpressions ?? []
  for (const { scopeName, operator = '', values = [] } of rules) {
    if (!Object.hasOwn(SCOPES, scopeName ?? '')) {
      errors.push(invalid(`${at}.scopeName`, scopeName ?? '', 'unsupported scope'))
    }
    for (const _ of foreign(scopeName, hard)) {
      const shown = internalShape(scopeSelector, { matchExpressions: null })
      errors.push(invalid(at, shown, 'unsupported scope applied to resource'))
    }
    if (WITHOUT_VALUES.includes(scopeName) && operator !== 'Exists') {
      const why =
        "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
      errors.push(invalid(`${at}.operator`, operator, why))
    }
    if (operator === 'In' || operator === 'NotIn') {
      const why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
      if (values.length === 0) errors.push(required(`${at}.values`, why))
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      const why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
      if (values.length > 0) errors.push(invalid(`${at}.values`, values, why))
    } else errors.push(invalid(`${at}.operator`, operator, 'not a valid selector operator'))
  }
  for (const pair of CONFLICTS) {
    const both = pair.every((scope) => rules.some(({ scopeName }) => scopeName === scope))
    if (both) errors.push(invalid(at, scopes, 'conflicting scopes'))
  }
}

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
    checkAmounts(errors, 'spec.hard', spec?.hard)
    if (spec) {
      checkScopes(errors, spec)
      checkSelector(errors, spec)
    }
    return errors
  },
  validateUpdate(quota, old) {
    const sorted = (scopes: readonly string[] | undefined) => [...new Set(scopes)].sort()
    const same = semanticEqual(sorted(quota.spec?.scopes), sorted(old.spec?.scopes))
    return same ? [] : [invalid('spec.scopes', quota.spec?.scopes, 'field is immutable')]
  },
  validateStatusUpdate({ status }) {
    const errors: FieldError[] = []
    checkAmounts(errors, 'status.hard', status?.hard)
    checkAmounts(errors, 'status.used', status?.used)
    return errors
  },
})
