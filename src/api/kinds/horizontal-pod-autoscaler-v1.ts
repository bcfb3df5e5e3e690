import type * as types from '../types/autoscaling.v1.ts'
import { defineKind } from './kind.ts'

export type HorizontalPodAutoscalerV1 = types.HorizontalPodAutoscaler

export const HorizontalPodAutoscalerV1 = defineKind<HorizontalPodAutoscalerV1>({
  group: 'autoscaling',
  version: 'v1',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  scope: 'Namespaced',
  shortNames: ['hpa'],
  categories: ['all'],
  subresources: ['status'],
})
