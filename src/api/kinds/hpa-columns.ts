// What `kubectl get hpa` prints, for both versions of the kind.
import type { DeepReadonly, KubeObject } from '../meta/object.ts'
import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricTarget } from '../types/autoscaling.v2.ts'
import { age, count, text } from './columns.ts'
import type { Column } from './kind.ts'

type V2 = DeepReadonly<HorizontalPodAutoscaler>
type Current = DeepReadonly<{ value?: string; averageValue?: string; averageUtilization?: number }> | undefined

const UNKNOWN = '<unknown>'
const MAX_SHOWN = 2

function metricText(spec: DeepReadonly<MetricSpec>, status: DeepReadonly<MetricStatus> | undefined): string {
  switch (spec.type) {
    case 'External':
      return valueText(spec.external?.target, status?.external?.current)
    case 'Object':
      return valueText(spec.object?.target, status?.object?.current)
    case 'Pods':
      return `${status?.pods?.current.averageValue ?? UNKNOWN}/${spec.pods?.target.averageValue ?? ''}`
    case 'Resource':
      return resourceText(spec.resource, status?.resource?.current)
    case 'ContainerResource':
      return resourceText(spec.containerResource, status?.containerResource?.current)
  }
  return '<unknown type>'
}

const valueText = (target: DeepReadonly<MetricTarget> | undefined, current: Current) =>
  target?.averageValue !== undefined
    ? `${current?.averageValue ?? UNKNOWN}/${target.averageValue} (avg)`
    : `${current?.value ?? UNKNOWN}/${target?.value ?? ''}`

function resourceText(
  source: DeepReadonly<{ name: string; target: MetricTarget }> | undefined,
  current: Current,
): string {
  const { name = '', target } = source ?? {}
  if (target?.averageValue !== undefined) return `${name}: ${current?.averageValue ?? UNKNOWN}/${target.averageValue}`
  const share = current?.averageUtilization === undefined ? UNKNOWN : `${current.averageUtilization}%`
  const wanted = target?.averageUtilization === undefined ? '<auto>' : `${target.averageUtilization}%`
  return `${name}: ${share}/${wanted}`
}

function targets({ spec, status }: V2): string {
  const metrics = spec.metrics ?? []
  if (metrics.length === 0) return '<none>'
  const all = metrics.map((metric, i) => metricText(metric, status?.currentMetrics?.[i]))
  const shown = all.slice(0, MAX_SHOWN).join(', ')
  return all.length > MAX_SHOWN ? `${shown} + ${all.length - MAX_SHOWN} more...` : shown
}

/** `v2` shows any version of an autoscaler as version 2. */
export function hpaColumns<T extends KubeObject>(v2: (hpa: DeepReadonly<T>) => V2): Column<T>[] {
  return [
    text(
      'Reference',
      (hpa) => `${v2(hpa).spec.scaleTargetRef?.kind ?? ''}/${v2(hpa).spec.scaleTargetRef?.name ?? ''}`,
      'What is scaled.',
    ),
    text('Targets', (hpa) => targets(v2(hpa)), 'Current and wanted values of the metrics.'),
    text('MinPods', (hpa) => String(v2(hpa).spec.minReplicas ?? '<unset>'), 'Fewest pods.'),
    count('MaxPods', (hpa) => v2(hpa).spec.maxReplicas, 'Most pods.'),
    count('Replicas', (hpa) => v2(hpa).status?.currentReplicas, 'Pods now.'),
    age(),
  ]
}
