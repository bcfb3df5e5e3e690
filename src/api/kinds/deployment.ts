// Deployment: keeps ReplicaSets, one per revision of its template.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/apps.v1.ts'
import { checkImmutable, checkIntOrPercent, checkNonNegative } from './check.ts'
import { age, containers, count, selector, text, wide } from './columns.ts'
import { defineKind } from './kind.ts'
import { checkAvailable, checkCollisions, checkCounts, checkWithin } from './replica-status.ts'
import { checkAtMostAll, isZeroShare, shownStrategy } from './rollout-rules.ts'
import { defaultTemplate, validateSelectorAndTemplate, workloadWarnings } from './workload.ts'

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
    count('Up-to-date', (d) => d.status?.updatedReplicas, 'Number of pods that have the current template.'),
    count('Available', (d) => d.status?.availableReplicas, 'Number of pods that have been ready for long enough.'),
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
  warnings: (owner, old) => workloadWarnings(owner, old, true),
  validateStatusUpdate: ({ status = {} }, old) => {
    const errors: FieldError[] = []
    checkCounts(errors, status, [
      'observedGeneration',
      'replicas',
      'updatedReplicas',
      'readyReplicas',
      'availableReplicas',
      'unavailableReplicas',
      'collisionCount',
    ])
    checkWithin(errors, status, ['updatedReplicas', 'readyReplicas', 'availableReplicas'])
    checkAvailable(errors, status, 'cannot be greater than readyReplicas')
    checkCollisions(errors, status, old.status)
    return errors
  },
  // k8s: here a change of the annotations counts too, for they are handed down.
  prepareForUpdate(d, old) {
    const { annotations = {} } = d.metadata
    const changed = !semanticEqual(annotations, old.metadata.annotations ?? {})
    if (changed && semanticEqual(d.spec, old.spec)) d.metadata.generation = (old.metadata.generation ?? 0) + 1
  },
})

function validateStrategy(strategy: DeepReadonly<types.DeploymentStrategy> | undefined): FieldError[] {
  const errors: FieldError[] = []
  const path = 'spec.strategy.rollingUpdate'
  const { type, rollingUpdate: rolling } = strategy ?? {}
  if (type === 'Recreate') {
    if (rolling) errors.push(forbiddenField(path, "may not be specified when strategy `type` is 'Recreate'"))
    return errors
  }
  if (type !== 'RollingUpdate') {
    return [notSupported('spec.strategy', shownStrategy(strategy), ['Recreate', 'RollingUpdate'])]
  }
  if (!rolling) return [required(path, 'this should be defaulted and never be nil')]
  checkIntOrPercent(errors, `${path}.maxUnavailable`, rolling.maxUnavailable, false)
  checkIntOrPercent(errors, `${path}.maxSurge`, rolling.maxSurge, false)
  if (isZeroShare(rolling.maxUnavailable) && isZeroShare(rolling.maxSurge)) {
    errors.push(invalid(`${path}.maxUnavailable`, rolling.maxUnavailable, 'may not be 0 when `maxSurge` is 0'))
  }
  checkAtMostAll(errors, `${path}.maxUnavailable`, rolling.maxUnavailable)
  return errors
}
