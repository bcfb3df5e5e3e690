// HorizontalPodAutoscaler: keeps metrics near their targets by scaling a workload. Stored in this version.
import type * as types from '../types/autoscaling.v2.ts'
import { hpaColumns } from './hpa-columns.ts'
import { validateHpa, validateHpaStatus } from './hpa-validation.ts'
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
  validate: (hpa) => validateHpa(hpa),
  validateChange: validateHpa,
  validateStatusUpdate: ({ status }) => validateHpaStatus(status),
})
