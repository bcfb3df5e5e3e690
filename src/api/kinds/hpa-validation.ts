// The rules of HorizontalPodAutoscalers: the target, the metrics and how fast the number of replicas may change.
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../meta/errors.ts'
import { dnsLabel, pathSegment } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { parseQuantity } from '../meta/quantity.ts'
import type * as types from '../types/autoscaling.v2.ts'
import { checkName } from './check.ts'

type Spec = DeepReadonly<types.HorizontalPodAutoscalerSpec>
type Hpa = DeepReadonly<{ spec: types.HorizontalPodAutoscalerSpec }>
type Reference = DeepReadonly<types.CrossVersionObjectReference>
type Target = DeepReadonly<types.MetricTarget>

const MAX_PERIOD = 1800
const MAX_WINDOW = 3600

const SOURCES = {
  Object: 'object',
  External: 'external',
  Pods: 'pods',
  Resource: 'resource',
  ContainerResource: 'containerResource',
} as const
const SOURCE_TYPES = Object.keys(SOURCES).sort()
const STANDARD_RESOURCES = ['cpu', 'ephemeral-storage', 'memory']

export function validateHpa({ spec }: Hpa, old?: Hpa): FieldError[] {
  const errors: FieldError[] = []
  const { minReplicas, maxReplicas = 0, scaleTargetRef } = spec
  // k8s: none at all is let in where it was let in once.
  const least = old?.spec.minReplicas === 0 ? 0 : 1
  if (minReplicas !== undefined && minReplicas < least) {
    errors.push(invalid('spec.minReplicas', minReplicas, `must be greater than or equal to ${least}`))
  }
  if (maxReplicas < 1) errors.push(invalid('spec.maxReplicas', maxReplicas, 'must be greater than 0'))
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    errors.push(invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'))
  }
  const before = old?.spec.scaleTargetRef
  const same = before && before.kind === scaleTargetRef?.kind && before.apiVersion === scaleTargetRef?.apiVersion
  const group = same ? 'any' : scaleTargetRef?.kind === 'ReplicationController' ? 'or core' : 'named'
  checkReference(errors, 'spec.scaleTargetRef', scaleTargetRef, group)
  checkMetrics(errors, spec, old?.spec)
  for (const side of ['scaleUp', 'scaleDown'] as const) {
    checkRules(errors, `spec.behavior.${side}`, spec.behavior?.[side])
  }
  return errors
}

export function validateHpaStatus(
  status: Readonly<{ currentReplicas?: number; desiredReplicas?: number }> | undefined,
): FieldError[] {
  return (['currentReplicas', 'desiredReplicas'] as const).flatMap((key) => {
    const count = status?.[key] ?? 0
    return count < 0 ? [invalid(`status.${key}`, count, 'must be greater than or equal to 0')] : []
  })
}

function checkReference(
  errors: FieldError[],
  at: string,
  ref: Reference | undefined,
  group: 'named' | 'or core' | 'any',
): void {
  checkName(errors, `${at}.kind`, ref?.kind, pathSegment)
  checkName(errors, `${at}.name`, ref?.name, pathSegment)
  const problem = group === 'any' ? undefined : versionProblem(ref?.apiVersion ?? '', group === 'or core')
  if (problem) errors.push(invalid(`${at}.apiVersion`, ref?.apiVersion ?? '', problem))
}

function versionProblem(apiVersion: string, coreToo: boolean): string | undefined {
  const parts = apiVersion.split('/')
  if (parts.length > 2) return `unexpected GroupVersion string: ${apiVersion}`
  const group = parts.length === 2 ? parts[0] : ''
  return group || coreToo ? undefined : 'apiVersion must specify API group'
}

function checkMetrics(errors: FieldError[], spec: Spec, old: Spec | undefined): void {
  const wrong = old?.metrics?.some(
    ({ object }) => object && versionProblem(object.describedObject?.apiVersion ?? '', true) !== undefined,
  )
  spec.metrics?.forEach((metric, i) => {
    checkMetric(errors, `spec.metrics[${i}]`, metric, wrong ? 'any' : 'or core')
  })
  const reachesZero = spec.metrics?.some(({ type }) => type === 'Object' || type === 'External')
  if (spec.minReplicas === 0 && !reachesZero) {
    const why = 'must specify at least one Object or External metric to support scaling to zero replicas'
    errors.push(forbiddenField('spec.metrics', why))
  }
}

function checkMetric(
  errors: FieldError[],
  at: string,
  metric: DeepReadonly<types.MetricSpec>,
  group: 'or core' | 'any',
): void {
  const type: string = metric.type ?? ''
  if (type === '') errors.push(required(`${at}.type`, 'must specify a metric source type'))
  const expected = Object.hasOwn(SOURCES, type) ? SOURCES[type as keyof typeof SOURCES] : undefined
  if (!expected) errors.push(notSupported(`${at}.type`, type, SOURCE_TYPES))
  const present = Object.values(SOURCES).filter((key) => metric[key] !== undefined)
  // k8s: the first one alone is looked into.
  if (present[0]) checkSource(errors, `${at}.${present[0]}`, metric, present[0], group)
  if (!expected) errors.push(notSupported(`${at}.type`, type, SOURCE_TYPES))
  else if (metric[expected] === undefined) {
    errors.push(required(`${at}.${expected}`, 'must populate information for the given metric source'))
  }
  if (present.length === 1) return
  for (const key of present) {
    if (key !== expected) errors.push(forbiddenField(`${at}.${key}`, 'must populate the given metric source only'))
  }
}

function checkSource(
  errors: FieldError[],
  at: string,
  { object, external, pods, resource, containerResource }: DeepReadonly<types.MetricSpec>,
  key: (typeof SOURCES)[keyof typeof SOURCES],
  group: 'or core' | 'any',
): void {
  const identified = object ?? external ?? pods
  const target = (identified ?? resource ?? containerResource)?.target
  const need = (field: string, why: string) => errors.push(required(`${at}.target.${field}`, why))
  const { value, averageValue, averageUtilization } = target ?? {}
  if (key === 'object') checkReference(errors, `${at}.describedObject`, object?.describedObject, group)
  if (identified) {
    const name = identified.metric?.name
    if (!name) errors.push(required(`${at}.metric.name`, 'must specify a metric name'))
    else checkName(errors, `${at}.metric.name`, name, pathSegment)
  } else checkResourceName(errors, at, (resource ?? containerResource)?.name, key)
  if (key === 'containerResource') {
    const container = containerResource?.container
    if (!container) errors.push(required(`${at}.container`, 'must specify a container'))
    else checkName(errors, `${at}.container`, container, dnsLabel)
  }
  checkTarget(errors, `${at}.target`, target)
  if (key === 'object') {
    if (!value && !averageValue) need('averageValue', 'must set either a target value or averageValue')
  } else if (key === 'external') {
    const why = 'a target value for metric and a per-pod target'
    if (!value && !averageValue) need('averageValue', 'must set either a target value for metric or a per-pod target')
    if (value && averageValue) errors.push(forbiddenField(`${at}.target.value`, `may not set both ${why}`))
  } else if (key === 'pods') {
    if (!averageValue) need('averageValue', 'must specify a positive target averageValue')
  } else {
    if (averageUtilization === undefined && !averageValue) {
      need('averageUtilization', 'must set either a target raw value or a target utilization')
    }
    if (averageUtilization !== undefined && averageValue) {
      const why = 'may not set both a target raw value and a target utilization'
      errors.push(forbiddenField(`${at}.target.averageValue`, why))
    }
  }
}

function checkResourceName(errors: FieldError[], at: string, name: string | undefined, key: string): void {
  if (!name) errors.push(required(`${at}.name`, 'must specify a resource name'))
  else if (key === 'containerResource' && !name.includes('/')) {
    if (STANDARD_RESOURCES.includes(name) || name.startsWith('hugepages-')) return
    errors.push(invalid(`${at}.name`, name, 'must be a standard resource for containers'))
  }
}

const isPositive = (quantity: string) => parseQuantity(quantity).nano > 0n

function checkTarget(errors: FieldError[], at: string, target: Target | undefined): void {
  const type: string = target?.type ?? ''
  if (type === '') errors.push(required(`${at}.type`, 'must specify a metric target type'))
  if (!['Utilization', 'Value', 'AverageValue'].includes(type)) {
    errors.push(invalid(`${at}.type`, type, 'must be either Utilization, Value, or AverageValue'))
  }
  for (const key of ['value', 'averageValue'] as const) {
    const quantity = target?.[key]
    if (quantity !== undefined && !isPositive(quantity)) {
      errors.push(invalid(`${at}.${key}`, quantity, 'must be positive'))
    }
  }
  const share = target?.averageUtilization
  if (share !== undefined && share < 1) {
    errors.push(invalid(`${at}.averageUtilization`, share, 'must be greater than 0'))
  }
}

function checkRules(errors: FieldError[], at: string, rules: DeepReadonly<types.HPAScalingRules> | undefined): void {
  if (!rules) return
  const { stabilizationWindowSeconds: seconds, selectPolicy, policies = [], tolerance } = rules
  const field = `${at}.stabilizationWindowSeconds`
  if (seconds !== undefined && seconds < 0)
    errors.push(invalid(field, seconds, 'must be greater than or equal to zero'))
  if (seconds !== undefined && seconds > MAX_WINDOW) {
    errors.push(invalid(field, seconds, `must be less than or equal to ${MAX_WINDOW}`))
  }
  const known = ['Disabled', 'Max', 'Min']
  if (selectPolicy !== undefined && !known.includes(selectPolicy)) {
    errors.push(notSupported(`${at}.selectPolicy`, selectPolicy, known))
  }
  if (policies.length === 0) errors.push(required(`${at}.policies`, 'must specify at least one Policy'))
  policies.forEach(({ type, value = 0, periodSeconds = 0 }, i) => {
    const path = `${at}.policies[${i}]`
    const kinds = ['Percent', 'Pods']
    if (!kinds.includes(type)) errors.push(notSupported(`${path}.type`, type ?? '', kinds))
    if (value <= 0) errors.push(invalid(`${path}.value`, value, 'must be greater than zero'))
    if (periodSeconds <= 0) errors.push(invalid(`${path}.periodSeconds`, periodSeconds, 'must be greater than zero'))
    if (periodSeconds > MAX_PERIOD) {
      errors.push(invalid(`${path}.periodSeconds`, periodSeconds, `must be less than or equal to ${MAX_PERIOD}`))
    }
  })
  if (tolerance !== undefined && parseQuantity(tolerance).nano < 0n) {
    errors.push(invalid(`${at}.tolerance`, tolerance, 'must be greater or equal to zero'))
  }
}
