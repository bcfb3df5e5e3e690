// Deployment: keeps ReplicaSets, one per revision of its template.
import { type FieldError, forbiddenField, invalid } from '../meta/errors.ts'
import { percentOf } from '../meta/int-or-percent.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/apps.v1.ts'
import { checkImmutable, checkIntOrPercent, checkNonNegative, checkOneOf } from './check.ts'
import { age, containers, integer, selector, text, wide } from './columns.ts'
import { defineKind } from './kind.ts'
import { defaultTemplate, validateSelectorAndTemplate } from './workload.ts'

export type Deployment = types.Deployment

export const Deployment = defineKind<Deployment>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  scope: 'Namespaced',
  shortNames: ['deploy'],
  categories: ['all'],
  subresources: ['status', 'scale'],
  description: 'Declares how many replicas of a pod template run, and how a change of the template is rolled out.',
  columns: [
    text(
      'Ready',
      (d) => `${d.status?.readyReplicas ?? 0}/${d.spec.replicas ?? 0}`,
      'Number of the pods with ready state, of those desired.',
    ),
    integer('Up-to-date', (d) => d.status?.updatedReplicas, 'Number of pods that have the current template.'),
    integer('Available', (d) => d.status?.availableReplicas, 'Number of pods that have been ready for long enough.'),
    age(),
    ...containers<Deployment>((d) => d.spec.template?.spec).map(wide),
    wide(selector((d) => d.spec.selector)),
  ],
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
  default(d) {
    d.spec ??= {} as Deployment['spec']
    const spec = d.spec
    spec.replicas ??= 1
    spec.strategy ??= {}
    spec.strategy.type ||= 'RollingUpdate'
    if (spec.strategy.type === 'RollingUpdate') {
      spec.strategy.rollingUpdate ??= {}
      spec.strategy.rollingUpdate.maxUnavailable ??= '25%'
      spec.strategy.rollingUpdate.maxSurge ??= '25%'
    }
    spec.revisionHistoryLimit ??= 10
    spec.progressDeadlineSeconds ??= 600
    defaultTemplate(spec)
  },
  validate(d) {
    const { spec } = d
    const errors: FieldError[] = []
    checkNonNegative(errors, 'spec.replicas', spec.replicas)
    errors.push(...validateSelectorAndTemplate(spec, 'deployment'))
    errors.push(...validateStrategy(spec.strategy))
    checkNonNegative(errors, 'spec.minReadySeconds', spec.minReadySeconds)
    checkNonNegative(errors, 'spec.revisionHistoryLimit', spec.revisionHistoryLimit)
    if (spec.progressDeadlineSeconds !== undefined) {
      checkNonNegative(errors, 'spec.progressDeadlineSeconds', spec.progressDeadlineSeconds)
      if (spec.progressDeadlineSeconds <= (spec.minReadySeconds ?? 0)) {
        errors.push(
          invalid('spec.progressDeadlineSeconds', spec.progressDeadlineSeconds, 'must be greater than minReadySeconds'),
        )
      }
    }
    return errors
  },
  validateUpdate(d, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec.selector', d.spec.selector, old.spec.selector)
    return errors
  },
  validateStatusUpdate: ({ status = {} }) => {
    const errors: FieldError[] = []
    for (const key of [
      'observedGeneration',
      'replicas',
      'updatedReplicas',
      'readyReplicas',
      'availableReplicas',
      'unavailableReplicas',
    ] as const) {
      checkNonNegative(errors, `status.${key}`, status[key])
    }
    const total = status.replicas ?? 0
    for (const key of ['updatedReplicas', 'readyReplicas', 'availableReplicas'] as const) {
      if ((status[key] ?? 0) > total) {
        errors.push(invalid(`status.${key}`, status[key], 'cannot be greater than status.replicas'))
      }
    }
    return errors
  },
})

function validateStrategy(strategy: DeepReadonly<types.DeploymentStrategy> | undefined): FieldError[] {
  const errors: FieldError[] = []
  const path = 'spec.strategy.rollingUpdate'
  checkOneOf(errors, 'spec.strategy.type', strategy?.type, ['Recreate', 'RollingUpdate'])
  const rolling = strategy?.rollingUpdate
  if (strategy?.type === 'Recreate' && rolling) {
    errors.push(forbiddenField(path, "may not be specified when strategy `type` is 'Recreate'"))
  }
  if (strategy?.type !== 'RollingUpdate' || !rolling) return errors
  checkIntOrPercent(errors, `${path}.maxUnavailable`, rolling.maxUnavailable, true)
  checkIntOrPercent(errors, `${path}.maxSurge`, rolling.maxSurge, false)
  if (isZero(rolling.maxUnavailable) && isZero(rolling.maxSurge)) {
    errors.push(invalid(`${path}.maxUnavailable`, rolling.maxUnavailable, 'may not be 0 when `maxSurge` is 0'))
  }
  return errors
}

const isZero = (value: number | string | undefined) => value === 0 || percentOf(value) === 0
