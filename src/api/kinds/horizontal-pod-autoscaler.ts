import type * as types from '../types/autoscaling.v2.ts'
import { defineKind } from './kind.ts'

export type HorizontalPodAutoscaler = types.HorizontalPodAutoscaler

export const HorizontalPodAutoscaler = defineKind<HorizontalPodAutoscaler>({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  scope: 'Namespaced',
  shortNames: ['hpa'],
  categories: ['all'],
  subresources: ['status'],
})
