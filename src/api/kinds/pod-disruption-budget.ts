import type * as types from '../types/policy.v1.ts'
import { defineKind } from './kind.ts'

export type PodDisruptionBudget = types.PodDisruptionBudget

export const PodDisruptionBudget = defineKind<PodDisruptionBudget>({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  scope: 'Namespaced',
  shortNames: ['pdb'],
  subresources: ['status'],
})
