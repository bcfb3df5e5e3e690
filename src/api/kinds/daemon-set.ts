// DaemonSet: one pod of a template on every node that fits.
import { type FieldError, invalid, required } from '../meta/errors.ts'
import { percentOf } from '../meta/int-or-percent.ts'
import type * as types from '../types/apps.v1.ts'
import { checkImmutable, checkIntOrPercent, checkNonNegative, checkOneOf } from './check.ts'
import { age, containers, integer, labelMap, selector, wide } from './columns.ts'
import { defineKind } from './kind.ts'
import { defaultTemplate, validateSelectorAndTemplate } from './workload.ts'

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
    checkNonNegative(errors, 'spec.revisionHistoryLimit', spec.revisionHistoryLimit)
    const { type, rollingUpdate } = spec.updateStrategy ?? {}
    const path = 'spec.updateStrategy'
    checkOneOf(errors, `${path}.type`, type, ['OnDelete', 'RollingUpdate'])
    if (type !== 'RollingUpdate') return errors
    if (!rollingUpdate) return [...errors, required(`${path}.rollingUpdate`)]
    const { maxSurge, maxUnavailable } = rollingUpdate
    checkIntOrPercent(errors, `${path}.rollingUpdate.maxUnavailable`, maxUnavailable, true)
    checkIntOrPercent(errors, `${path}.rollingUpdate.maxSurge`, maxSurge, true)
    const zero = (value: number | string | undefined) => value === 0 || percentOf(value) === 0
    if (zero(maxUnavailable) && zero(maxSurge)) {
      errors.push(invalid(`${path}.rollingUpdate.maxUnavailable`, maxUnavailable, 'cannot be 0 when maxSurge is 0'))
    } else if (!zero(maxUnavailable) && !zero(maxSurge)) {
      errors.push(invalid(`${path}.rollingUpdate.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'))
    }
    return errors
  },
  validateUpdate(ds, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec.selector', ds.spec.selector, old.spec.selector)
    return errors
  },
})
