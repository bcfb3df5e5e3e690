// ResourceQuota: bounds for what a whole namespace uses.
import { type FieldError, invalid, required } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { parseQuantity } from '../meta/quantity.ts'
import type * as types from '../types/core.v1.ts'
import { checkImmutable, checkQualified } from './check.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type ResourceQuota = types.ResourceQuota

const COMPUTE = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']
/** What only whole numbers are of. */
const COUNTED = [
  'pods',
  'services',
  'services.nodeports',
  'services.loadbalancers',
  'secrets',
  'configmaps',
  'replicationcontrollers',
  'persistentvolumeclaims',
  'resourcequotas',
]
const STANDARD: ReadonlySet<string> = new Set([
  ...COMPUTE,
  ...COUNTED,
  'ephemeral-storage',
  'requests.ephemeral-storage',
  'limits.ephemeral-storage',
  'requests.storage',
])
const POD_SCOPE = ['pods', ...COMPUTE]

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
    const field = `${at}[${name}]`
    checkQualified(errors, field, name)
    const standard = STANDARD.has(name) || /^(requests\.)?hugepages-./.test(name)
    if (!name.includes('/') && !standard) errors.push(invalid(field, name, 'must be a standard resource for quota'))
    const { nano } = parseQuantity(amount)
    if (nano < 0n) errors.push(invalid(field, amount, 'must be greater than or equal to 0'))
    if (COUNTED.includes(name) && nano % 1_000_000_000n !== 0n)
      errors.push(invalid(field, amount, 'must be an integer'))
  }
}

function checkScopes(errors: FieldError[], at: string, names: readonly string[], hard: Spec['hard']): void {
  for (const scope of names) {
    const meant = Object.hasOwn(SCOPES, scope) ? SCOPES[scope] : undefined
    if (!meant) errors.push(invalid(at, names, 'unsupported scope'))
    else if (Object.keys(hard ?? {}).some((name) => STANDARD.has(name) && !meant.includes(name))) {
      errors.push(invalid(at, names, 'unsupported scope applied to resource'))
    }
  }
  if (CONFLICTS.some((pair) => pair.every((scope) => names.includes(scope)))) {
    errors.push(invalid(at, names, 'conflicting scopes'))
  }
}

function checkSelector(errors: FieldError[], { scopeSelector, hard }: Spec): void {
  const at = 'spec.scopeSelector.matchExpressions'
  const rules = scopeSelector?.matchExpressions ?? []
  for (const { scopeName, operator, values = [] } of rules) {
    if (!Object.hasOwn(SCOPES, scopeName)) errors.push(invalid(`${at}.scopeName`, scopeName, 'unsupported scope'))
    if (WITHOUT_VALUES.includes(scopeName) && operator !== 'Exists') {
      const why =
        "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
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
  const known = rules.map(({ scopeName }) => scopeName).filter((name) => Object.hasOwn(SCOPES, name))
  checkScopes(errors, `${at}.scopeName`, known, hard)
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
      checkScopes(errors, 'spec.scopes', spec.scopes ?? [], spec.hard)
      checkSelector(errors, spec)
    }
    return errors
  },
  validateUpdate(quota, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec.scopes', [...(quota.spec?.scopes ?? [])].sort(), [...(old.spec?.scopes ?? [])].sort())
    return errors
  },
  validateStatusUpdate({ status }) {
    const errors: FieldError[] = []
    checkAmounts(errors, 'status.hard', status?.hard)
    checkAmounts(errors, 'status.used', status?.used)
    return errors
  },
})
