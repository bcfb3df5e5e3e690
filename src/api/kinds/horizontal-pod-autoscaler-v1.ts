// HorizontalPodAutoscaler of autoscaling/v1: a face of the v2 objects. What v1 has no field for travels in annotations, as clients of
// both versions know it.
import type { DeepReadonly, KubeObject } from '../meta/object.ts'
import type * as types from '../types/autoscaling.v1.ts'
import type * as v2 from '../types/autoscaling.v2.ts'
import { hpaColumns } from './hpa-columns.ts'
import { validateHpa, validateHpaStatus } from './hpa-validation.ts'
import { defineKind } from './kind.ts'

export type HorizontalPodAutoscalerV1 = types.HorizontalPodAutoscaler

const METRICS = 'autoscaling.alpha.kubernetes.io/metrics'
const CURRENT_METRICS = 'autoscaling.alpha.kubernetes.io/current-metrics'
const CONDITIONS = 'autoscaling.alpha.kubernetes.io/conditions'
const BEHAVIOR = 'autoscaling.alpha.kubernetes.io/behavior'

type Metric = v2.MetricSpec
type Annotations = Readonly<Record<string, string>> | undefined

/** An annotation that does not hold what it should is as good as none. */
function read<T>(annotations: Annotations, key: string, accept: (value: unknown) => value is T): T | undefined {
  try {
    const value: unknown = JSON.parse(annotations?.[key] ?? '')
    return accept(value) ? value : undefined
  } catch {
    return undefined
  }
}
const isList = (value: unknown): value is never[] => Array.isArray(value)
const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const metricsOf = (annotations: Annotations): types.MetricSpec[] => read(annotations, METRICS, isList) ?? []

const isCpu = (metric: DeepReadonly<Metric>) =>
  metric.type === 'Resource' &&
  metric.resource?.name === 'cpu' &&
  metric.resource.target.averageUtilization !== undefined

/** v1 spells targets without a `target` object. */
function metricToV1(metric: Metric): types.MetricSpec {
  const { object, pods, resource, containerResource, external } = metric
  const type = metric.type as types.MetricSpec['type']
  const plain = (source: { name: string; target: v2.MetricTarget }) => ({
    name: source.name,
    targetAverageUtilization: source.target.averageUtilization,
    targetAverageValue: source.target.averageValue,
  })
  if (resource) return { type, resource: plain(resource) }
  if (containerResource) {
    return { type, containerResource: { ...plain(containerResource), container: containerResource.container } }
  }
  if (pods) {
    const { metric: id, target } = pods
    return {
      type,
      pods: { metricName: id.name, selector: id.selector, targetAverageValue: target.averageValue ?? '0' },
    }
  }
  if (object) {
    const { metric: id, target, describedObject } = object
    return {
      type,
      object: {
        target: describedObject,
        metricName: id.name,
        selector: id.selector,
        targetValue: target.value ?? '0',
        averageValue: target.averageValue,
      },
    }
  }
  if (external) {
    const { metric: id, target } = external
    return {
      type,
      external: {
        metricName: id.name,
        metricSelector: id.selector,
        targetValue: target.value,
        targetAverageValue: target.averageValue,
      },
    }
  }
  return { type }
}

function metricFromV1(metric: types.MetricSpec): Metric {
  const { type, object, pods, resource, containerResource, external } = metric
  const target = (source: { targetAverageUtilization?: number; targetAverageValue?: string }): v2.MetricTarget =>
    source.targetAverageUtilization !== undefined
      ? { type: 'Utilization', averageUtilization: source.targetAverageUtilization }
      : { type: 'AverageValue', averageValue: source.targetAverageValue }
  if (resource) return { type, resource: { name: resource.name, target: target(resource) } }
  if (containerResource) {
    const { name, container } = containerResource
    return { type, containerResource: { name, container, target: target(containerResource) } }
  }
  if (pods) {
    const { metricName, selector, targetAverageValue } = pods
    return {
      type,
      pods: {
        metric: { name: metricName, selector },
        target: { type: 'AverageValue', averageValue: targetAverageValue },
      },
    }
  }
  if (object) {
    const { metricName, selector, targetValue, averageValue } = object
    return {
      type,
      object: {
        describedObject: object.target,
        metric: { name: metricName, selector },
        target:
          averageValue === undefined ? { type: 'Value', value: targetValue } : { type: 'AverageValue', averageValue },
      },
    }
  }
  if (external) {
    const { metricName, metricSelector, targetValue, targetAverageValue } = external
    return {
      type,
      external: {
        metric: { name: metricName, selector: metricSelector },
        target:
          targetAverageValue === undefined
            ? { type: 'Value', value: targetValue }
            : { type: 'AverageValue', averageValue: targetAverageValue },
      },
    }
  }
  return { type }
}

/** v1 spells what was measured without a `current` object. */
function statusToV1(status: v2.MetricStatus): types.MetricStatus {
  const { object, pods, resource, containerResource, external } = status
  const type = status.type as types.MetricStatus['type']
  const plain = ({ name, current }: { name: string; current: v2.MetricValueStatus }) => ({
    name,
    currentAverageUtilization: current.averageUtilization,
    currentAverageValue: current.averageValue ?? '0',
  })
  if (resource) return { type, resource: plain(resource) }
  if (containerResource) {
    return { type, containerResource: { ...plain(containerResource), container: containerResource.container } }
  }
  if (pods) {
    const { metric, current } = pods
    const currentAverageValue = current.averageValue ?? '0'
    return { type, pods: { metricName: metric.name, selector: metric.selector, currentAverageValue } }
  }
  if (object) {
    const { metric, current, describedObject: target } = object
    const { value: currentValue = '0', averageValue } = current
    return { type, object: { target, metricName: metric.name, selector: metric.selector, currentValue, averageValue } }
  }
  if (external) {
    const { metric, current } = external
    const { value: currentValue = '0', averageValue: currentAverageValue } = current
    const named = { metricName: metric.name, metricSelector: metric.selector }
    return { type, external: { ...named, currentValue, currentAverageValue } }
  }
  return { type }
}

function statusFromV1(status: types.MetricStatus): v2.MetricStatus {
  const { object, pods, resource, containerResource, external } = status
  const type = status.type as v2.MetricStatus['type']
  const current = (source: { currentAverageUtilization?: number; currentAverageValue?: string }) => ({
    averageUtilization: source.currentAverageUtilization,
    averageValue: source.currentAverageValue,
  })
  if (resource) return { type, resource: { name: resource.name, current: current(resource) } }
  if (containerResource) {
    const { name, container } = containerResource
    return { type, containerResource: { name, container, current: current(containerResource) } }
  }
  if (pods) {
    const { metricName: name, selector, currentAverageValue: averageValue } = pods
    return { type, pods: { metric: { name, selector }, current: { averageValue } } }
  }
  if (object) {
    const { target: describedObject, metricName: name, selector, currentValue: value, averageValue } = object
    return { type, object: { describedObject, metric: { name, selector }, current: { value, averageValue } } }
  }
  if (external) {
    const { metricName: name, metricSelector: selector, currentValue: value, currentAverageValue } = external
    return { type, external: { metric: { name, selector }, current: { value, averageValue: currentAverageValue } } }
  }
  return { type }
}

const lowerFirst = (key: string) => key.charAt(0).toLowerCase() + key.slice(1)
const upperFirst = (key: string) => key.charAt(0).toUpperCase() + key.slice(1)

/** k8s: the annotation about behaviour has the names of the fields with a capital. */
function renamed(value: unknown, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [rename(key), renamed(item, rename)]))
}

function toV2(hpa: DeepReadonly<types.HorizontalPodAutoscaler>): v2.HorizontalPodAutoscaler {
  const { metadata, spec, status } = structuredClone(hpa) as types.HorizontalPodAutoscaler
  const given = metadata.annotations
  const annotations = { ...given }
  for (const key of [METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR]) delete annotations[key]
  const { targetCPUUtilizationPercentage, ...rest } = spec ?? ({} as types.HorizontalPodAutoscalerSpec)
  const metrics: Metric[] = metricsOf(given).map(metricFromV1)
  if (targetCPUUtilizationPercentage !== undefined) {
    metrics.push({
      type: 'Resource',
      resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: targetCPUUtilizationPercentage } },
    })
  }
  const behavior = renamed(read(given, BEHAVIOR, isObject), lowerFirst) as
    | v2.HorizontalPodAutoscalerBehavior
    | undefined
  const out: v2.HorizontalPodAutoscaler = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { ...metadata, annotations },
    spec: { ...rest, ...(metrics.length > 0 ? { metrics } : {}), ...(behavior ? { behavior } : {}) },
  }
  if (Object.keys(annotations).length === 0) delete out.metadata.annotations
  if (!status) return out
  const { currentCPUUtilizationPercentage, ...kept } = status
  const currentMetrics = (read(given, CURRENT_METRICS, isList) ?? []).map(statusFromV1)
  if (currentCPUUtilizationPercentage !== undefined && currentMetrics.length === 0) {
    currentMetrics.push({
      type: 'Resource',
      resource: { name: 'cpu', current: { averageUtilization: currentCPUUtilizationPercentage } },
    })
  }
  const conditions = (read(given, CONDITIONS, isList) ?? []) as v2.HorizontalPodAutoscalerCondition[]
  out.status = {
    ...kept,
    ...(currentMetrics.length > 0 ? { currentMetrics } : {}),
    ...(conditions.length > 0 ? { conditions } : {}),
  }
  return out
}

function fromV2(hpa: v2.HorizontalPodAutoscaler): types.HorizontalPodAutoscaler {
  const { metadata, spec, status } = structuredClone(hpa)
  const { metrics = [], behavior, ...rest } = spec
  const annotations: Record<string, string> = { ...metadata.annotations }
  const others = metrics.filter((metric) => !isCpu(metric))
  if (others.length > 0) annotations[METRICS] = JSON.stringify(others.map(metricToV1))
  if (behavior) annotations[BEHAVIOR] = JSON.stringify(renamed(behavior, upperFirst))
  if (status?.conditions?.length) annotations[CONDITIONS] = JSON.stringify(status.conditions)
  const current = status?.currentMetrics ?? []
  const isCurrentCpu = (m: v2.MetricStatus) => m.type === 'Resource' && m.resource?.name === 'cpu'
  const cpuNow = current.find(isCurrentCpu)?.resource?.current.averageUtilization
  if (current.length > 0) annotations[CURRENT_METRICS] = JSON.stringify(current.map(statusToV1))
  const cpu = metrics.findLast(isCpu)?.resource?.target.averageUtilization
  const out: types.HorizontalPodAutoscaler = {
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata: Object.keys(annotations).length > 0 ? { ...metadata, annotations } : metadata,
    spec: { ...rest, ...(cpu === undefined ? {} : { targetCPUUtilizationPercentage: cpu }) },
  }
  if (status) {
    const { currentMetrics, conditions, ...kept } = status
    out.status = {
      ...kept,
      currentReplicas: kept.currentReplicas ?? 0,
      ...(cpuNow === undefined ? {} : { currentCPUUtilizationPercentage: cpuNow }),
    }
  }
  return out
}

export const HorizontalPodAutoscalerV1 = defineKind<HorizontalPodAutoscalerV1>({
  group: 'autoscaling',
  version: 'v1',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  scope: 'Namespaced',
  shortNames: ['hpa'],
  categories: ['all'],
  subresources: ['status'],
  description: 'Scales a workload so that its CPU use stays near a target.',
  columns: hpaColumns((hpa) => toV2(hpa)),
  hasGeneration: false,
  default(hpa) {
    hpa.spec ??= {} as HorizontalPodAutoscalerV1['spec']
    hpa.spec.minReplicas ??= 1
    const others = metricsOf(hpa.metadata.annotations)
    if (others.length === 0) hpa.spec.targetCPUUtilizationPercentage ??= 80
  },
  validate: (hpa) => validateHpa(toV2(hpa)),
  validateChange: (hpa, old) => validateHpa(toV2(hpa), toV2(old)),
  validateStatusUpdate: ({ status }) => validateHpaStatus(status),
  storedAs: {
    group: 'autoscaling',
    version: 'v2',
    kind: 'HorizontalPodAutoscaler',
    toStored: (hpa) => toV2(hpa) as KubeObject,
    fromStored: (stored) => fromV2(stored as v2.HorizontalPodAutoscaler),
  },
})
