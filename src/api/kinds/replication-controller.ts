// ReplicationController: the ReplicaSet's predecessor, with a plain map as selector.
import { type FieldError, forbiddenField, notSupported, required } from '../meta/errors.ts'
import { fromMap, matches } from '../meta/label-selector.ts'
import type * as types from '../types/core.v1.ts'
import { checkNonNegative } from './check.ts'
import { age, containers, integer, labelMap, wide } from './columns.ts'
import { defineKind } from './kind.ts'
import { validatePodTemplate } from './pod-validation/spec.ts'
import { ownerNameWarnings, podTemplateWarnings } from './pod-validation/warnings.ts'
import { validateReplicaStatus } from './replica-status.ts'
import { defaultTemplate, templateMismatch } from './workload.ts'

export type ReplicationController = types.ReplicationController

export const ReplicationController = defineKind<ReplicationController>({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  scope: 'Namespaced',
  shortNames: ['rc'],
  categories: ['all'],
  subresources: ['status', 'scale'],
  description:
    'Keeps a stable number of pods made from one template running. ReplicaSets and Deployments have replaced it.',
  columns: [
    integer('Desired', (o) => o.spec.replicas, 'Number of pods that are wanted.'),
    integer('Current', (o) => o.status?.replicas, 'Number of pods that exist.'),
    integer('Ready', (o) => o.status?.readyReplicas, 'Number of pods that are ready.'),
    age(),

    ...containers<ReplicationController>((rc) => rc.spec?.template?.spec).map(wide),
    wide(labelMap('Selector', (rc) => rc.spec?.selector, 'Labels that its pods carry.')),
  ],
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
  selectableFields: { 'status.replicas': (rc) => String(rc.status?.replicas ?? 0) },
  default(rc) {
    rc.spec ??= {}
    rc.spec.replicas ??= 1
    if (!rc.spec.template) return
    defaultTemplate(rc.spec)
    // k8s: labels and selector follow the labels of the template
    const labels = rc.spec.template.metadata?.labels
    if (!labels) return
    if (Object.keys(rc.spec.selector ?? {}).length === 0) rc.spec.selector = { ...labels }
    if (Object.keys(rc.metadata.labels ?? {}).length === 0) rc.metadata.labels = { ...labels }
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    checkNonNegative(errors, 'spec.minReadySeconds', spec?.minReadySeconds)
    if (Object.keys(spec?.selector ?? {}).length === 0) errors.push(required('spec.selector'))
    checkNonNegative(errors, 'spec.replicas', spec?.replicas)
    if (!spec?.template) return [...errors, required('spec.template')]
    const labels = spec.template.metadata?.labels ?? {}
    const selects = Object.keys(spec.selector ?? {}).length > 0
    if (selects && !matches(fromMap(spec.selector), labels)) {
      errors.push(templateMismatch(spec.template.metadata?.labels ?? null))
    }
    errors.push(...validatePodTemplate(spec.template, 'spec.template'))
    const { restartPolicy, activeDeadlineSeconds } = spec.template.spec ?? {}
    if (restartPolicy !== 'Always') {
      errors.push(notSupported('spec.template.spec.restartPolicy', restartPolicy ?? '', ['Always']))
    }
    if (activeDeadlineSeconds !== undefined) {
      const why = 'activeDeadlineSeconds in ReplicationController is not Supported'
      errors.push(forbiddenField('spec.template.spec.activeDeadlineSeconds', why))
    }
    return errors
  },
  warnings: (rc, old) => [
    ...(old ? [] : ownerNameWarnings(rc.metadata.name)),
    ...podTemplateWarnings(rc.spec?.template, 'spec.template'),
  ],
  validateStatusUpdate: ({ status }) => validateReplicaStatus(status),
})
