// HorizontalPodAutoscaler: keeps metrics near their targets by scaling a workload. Stored in this version.
import { type FieldError, invalid, required } from '../meta/errors.ts'
import { pathSegment } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/autoscaling.v2.ts'
import { checkName, checkOneOf, checkPositive } from './check.ts'
import { hpaColumns } from './hpa-columns.ts'
import { defineKind } from './kind.ts'

export type HorizontalPodAutoscaler = types.HorizontalPodAutoscaler

const SCALE_UP = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
}
const SCALE_DOWN = { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] }

const SOURCES: Readonly<Record<string, 'object' | 'pods' | 'resource' | 'containerResource' | 'external'>> = {
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
  ContainerResource: 'containerResource',
  External: 'external',
}

function checkMetric(errors: FieldError[], at: string, metric: DeepReadonly<types.MetricSpec>): void {
  checkOneOf(errors, `${at}.type`, metric.type, Object.keys(SOURCES))
  const key = SOURCES[metric.type]
  const source = key && metric[key]
  if (!key) return
  if (!source) {
    errors.push(required(`${at}.${key}`, `must populate information for the given metric source`))
    return
  }
  if ('name' in source && !source.name) errors.push(required(`${at}.${key}.name`, 'must specify a resource name'))
  const { target } = source
  checkOneOf(errors, `${at}.${key}.target.type`, target?.type, ['AverageValue', 'Utilization', 'Value'])
  checkPositive(errors, `${at}.${key}.target.averageUtilization`, target?.averageUtilization)
}

export const HorizontalPodAutoscaler = defineKind<HorizontalPodAutoscaler>({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  scope: 'Namespaced',
  shortNames: ['hpa'],
  categories: ['all'],
  subresources: ['status'],
  description: 'Scales a workload so that metrics stay near their targets.',
  columns: hpaColumns((hpa) => hpa),
  hasGeneration: false,
  default(hpa) {
    hpa.spec ??= {} as HorizontalPodAutoscaler['spec']
    const { spec } = hpa
    spec.minReplicas ??= 1
    if (!spec.metrics?.length) {
      spec.metrics = [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
      ]
    }
    if (spec.behavior) {
      spec.behavior.scaleUp = { ...structuredClone(SCALE_UP), ...spec.behavior.scaleUp }
      spec.behavior.scaleDown = { ...structuredClone(SCALE_DOWN), ...spec.behavior.scaleDown }
    }
  },
  validate(hpa) {
    const errors: FieldError[] = []
    const { spec } = hpa
    if ((spec.minReplicas ?? 1) < 1) {
      errors.push(invalid('spec.minReplicas', spec.minReplicas, 'must be greater than or equal to 1'))
    }
    if (!((spec.maxReplicas ?? 0) >= 1)) {
      errors.push(invalid('spec.maxReplicas', spec.maxReplicas ?? 0, 'must be greater than 0'))
    }
    if ((spec.maxReplicas ?? 0) < (spec.minReplicas ?? 1)) {
      errors.push(invalid('spec.maxReplicas', spec.maxReplicas ?? 0, 'must be greater than or equal to `minReplicas`'))
    }
    checkName(errors, 'spec.scaleTargetRef.kind', spec.scaleTargetRef?.kind, pathSegment)
    checkName(errors, 'spec.scaleTargetRef.name', spec.scaleTargetRef?.name, pathSegment)
    spec.metrics?.forEach((metric, i) => {
      checkMetric(errors, `spec.metrics[${i}]`, metric)
    })
    for (const side of ['scaleUp', 'scaleDown'] as const) {
      const rules = spec.behavior?.[side]
      if (!rules) continue
      const at = `spec.behavior.${side}`
      checkOneOf(errors, `${at}.selectPolicy`, rules.selectPolicy, ['Disabled', 'Max', 'Min'])
      const windowSeconds = rules.stabilizationWindowSeconds
      if (windowSeconds !== undefined && (windowSeconds < 0 || windowSeconds > 3600)) {
        const why = windowSeconds < 0 ? 'must be greater than or equal to zero' : 'must be less than or equal to 3600'
        errors.push(invalid(`${at}.stabilizationWindowSeconds`, windowSeconds, why))
      }
      if (!rules.policies?.length) errors.push(required(`${at}.policies`, 'must specify at least one Policy'))
      rules.policies?.forEach((policy, i) => {
        checkOneOf(errors, `${at}.policies[${i}].type`, policy.type, ['Percent', 'Pods'])
        checkPositive(errors, `${at}.policies[${i}].value`, policy.value)
        checkPositive(errors, `${at}.policies[${i}].periodSeconds`, policy.periodSeconds)
      })
    }
    return errors
  },
})
