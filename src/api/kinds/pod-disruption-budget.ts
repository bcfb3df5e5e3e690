// PodDisruptionBudget: how many pods of a set may be away at the same time by choice.
import { type FieldError, invalid } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/policy.v1.ts'
import { checkIntOrPercent, checkNonNegative, checkOneOf, checkSelector } from './check.ts'
import { checkConditionList } from './check-form.ts'
import { age, integer, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type PodDisruptionBudget = types.PodDisruptionBudget

export const PodDisruptionBudget = defineKind<PodDisruptionBudget>({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  scope: 'Namespaced',
  allowUnconditionalUpdate: false,
  shortNames: ['pdb'],
  subresources: ['status'],
  description: 'Limits how many pods of a set may be evicted at the same time.',
  columns: [
    text('Min Available', (b) => String(b.spec?.minAvailable ?? 'N/A'), 'Pods that must stay available.'),
    text('Max Unavailable', (b) => String(b.spec?.maxUnavailable ?? 'N/A'), 'Pods that may be unavailable.'),
    integer('Allowed Disruptions', (b) => b.status?.disruptionsAllowed, 'Pods that may be evicted now.'),
    age(),
  ],
  default(b) {
    b.spec ??= {}
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
      errors.push(invalid('spec', shownSpec(spec), 'minAvailable and maxUnavailable cannot be both set'))
    }
    checkIntOrPercent(errors, 'spec.minAvailable', spec.minAvailable, true)
    checkIntOrPercent(errors, 'spec.maxUnavailable', spec.maxUnavailable, true)
    checkSelector(errors, 'spec.selector', spec.selector)
    if (spec.unhealthyPodEvictionPolicy) {
      checkOneOf(errors, 'spec.unhealthyPodEvictionPolicy', spec.unhealthyPodEvictionPolicy, [
        'AlwaysAllow',
        'IfHealthyBudget',
      ])
    }
    return errors
  },
  validateStatusUpdate({ status }) {
    const errors: FieldError[] = []
    checkConditionList(errors, 'status.conditions', status?.conditions)
    for (const key of ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const) {
      checkNonNegative(errors, `status.${key}`, status?.[key])
    }
    return errors
  },
})

/** k8s: the server shows it by the names of its own fields. */
const shownSpec = (spec: DeepReadonly<types.PodDisruptionBudgetSpec>) => ({
  MinAvailable: spec.minAvailable ?? null,
  Selector: spec.selector ?? null,
  MaxUnavailable: spec.maxUnavailable ?? null,
  UnhealthyPodEvictionPolicy: spec.unhealthyPodEvictionPolicy ?? null,
})
