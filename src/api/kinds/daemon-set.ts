// DaemonSet: one pod of a template on every node that fits.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, invalid, notSupported, required } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/apps.v1.ts'
import { checkImmutable, checkIntOrPercent, checkNonNegative } from './check.ts'
import { age, containers, integer, labelMap, selector, wide } from './columns.ts'
import { defineKind } from './kind.ts'
import { checkCollisions, checkCounts } from './replica-status.ts'
import { checkAtMostAll, isZeroShare, shownStrategy } from './rollout-rules.ts'
import { defaultTemplate, validateSelectorAndTemplate, workloadWarnings } from './workload.ts'

export type DaemonSet = types.DaemonSet

export const DaemonSet = defineKind<DaemonSet>({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  scope: 'Namespaced',
  shortNames: ['ds'],
  categories: ['all'],
  subresources: ['status'],
  description: 'Runs one pod of its template on every node that the template allows.',
  columns: [
    integer('Desired', (ds) => ds.status?.desiredNumberScheduled, 'Number of nodes that should run a pod.'),
    integer('Current', (ds) => ds.status?.currentNumberScheduled, 'Number of nodes that have at least one pod.'),
    integer('Ready', (ds) => ds.status?.numberReady, 'Number of nodes whose pod is ready.'),
    integer(
      'Up-to-date',
      (ds) => ds.status?.updatedNumberScheduled,
      'Number of nodes whose pod has the current template.',
    ),
    integer(
      'Available',
      (ds) => ds.status?.numberAvailable,
      'Number of nodes whose pod has been ready for long enough.',
    ),
    labelMap('Node Selector', (ds) => ds.spec.template?.spec?.nodeSelector, 'Labels of the nodes it runs on.'),
    age(),
    ...containers<DaemonSet>((ds) => ds.spec.template?.spec).map(wide),
    wide(selector((ds) => ds.spec.selector)),
  ],
  default(ds) {
    ds.spec ??= {} as DaemonSet['spec']
    const spec = ds.spec
    spec.updateStrategy ??= {}
    spec.updateStrategy.type ||= 'RollingUpdate'
    if (spec.updateStrategy.type === 'RollingUpdate') {
      spec.updateStrategy.rollingUpdate ??= {}
      spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1
      spec.updateStrategy.rollingUpdate.maxSurge ??= 0
    }
    spec.revisionHistoryLimit ??= 10
    defaultTemplate(spec)
  },
  validate({ spec }) {
    const errors = validateSelectorAndTemplate(spec, 'daemonset')
    checkNonNegative(errors, 'spec.minReadySeconds', spec.minReadySeconds)
    checkStrategy(errors, spec.updateStrategy)
    checkNonNegative(errors, 'spec.revisionHistoryLimit', spec.revisionHistoryLimit)
    return errors
  },
  validateUpdate(ds, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec.selector', ds.spec.selector, old.spec.selector)
    return errors
  },
  warnings: (owner, old) => workloadWarnings(owner, old, false),
  validateStatusUpdate({ status }, old) {
    const errors: FieldError[] = []
    checkCounts(errors, status ?? {}, [
      'currentNumberScheduled',
      'numberMisscheduled',
      'desiredNumberScheduled',
      'numberReady',
      'observedGeneration',
      'updatedNumberScheduled',
      'numberAvailable',
      'numberUnavailable',
      'collisionCount',
    ])
    checkCollisions(errors, status, old.status)
    return errors
  },
  // k8s: how often the template has changed is told in an annotation that only the server writes.
  prepareForCreate(ds) {
    setTemplateGeneration(ds, Math.max(templateGeneration(ds), 1))
  },
  prepareForUpdate(ds, old) {
    const changed = !semanticEqual(ds.spec.template, old.spec.template)
    setTemplateGeneration(ds, Math.max(templateGeneration(old), 1) + (changed ? 1 : 0))
  },
})

const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation'

function templateGeneration({ metadata }: DeepReadonly<types.DaemonSet>): number {
  const text = metadata.annotations?.[TEMPLATE_GENERATION] ?? ''
  return /^\d{1,15}$/.test(text) ? Number(text) : 0
}

function setTemplateGeneration({ metadata }: types.DaemonSet, generation: number): void {
  metadata.annotations = { ...metadata.annotations, [TEMPLATE_GENERATION]: String(generation) }
}

function checkStrategy(errors: FieldError[], strategy: DeepReadonly<types.DaemonSetUpdateStrategy> | undefined): void {
  const { type, rollingUpdate } = strategy ?? {}
  if (type === 'OnDelete') return
  if (type !== 'RollingUpdate') {
    errors.push(notSupported('spec.updateStrategy', shownStrategy(strategy), ['RollingUpdate', 'OnDelete']))
    return
  }
  const path = 'spec.updateStrategy.rollingUpdate'
  if (!rollingUpdate) {
    errors.push(required(path))
    return
  }
  const { maxSurge, maxUnavailable } = rollingUpdate
  checkIntOrPercent(errors, `${path}.maxUnavailable`, maxUnavailable, false)
  checkIntOrPercent(errors, `${path}.maxSurge`, maxSurge, false)
  checkAtMostAll(errors, `${path}.maxUnavailable`, maxUnavailable)
  checkAtMostAll(errors, `${path}.maxSurge`, maxSurge)
  const [down, up] = [!isZeroShare(maxUnavailable), !isZeroShare(maxSurge)]
  if (down && up) errors.push(invalid(`${path}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'))
  if (!down && !up) errors.push(required(`${path}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'))
}
