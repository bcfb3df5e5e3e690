// StatefulSet: pods with stable names and volumes, one after another.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, forbiddenField, invalid } from '../meta/errors.ts'
import { percentOf } from '../meta/int-or-percent.ts'
import { dnsLabel } from '../meta/names.ts'
import type * as types from '../types/apps.v1.ts'
import { checkIntOrPercent, checkName, checkNonNegative, checkOneOf } from './check.ts'
import { age, containers, text, wide } from './columns.ts'
import { defineKind } from './kind.ts'
import { defaultClaim } from './persistent-volume-claim.ts'
import { defaultTemplate, validateSelectorAndTemplate } from './workload.ts'

export type StatefulSet = types.StatefulSet

const CHANGEABLE =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"

export const StatefulSet = defineKind<StatefulSet>({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  scope: 'Namespaced',
  shortNames: ['sts'],
  categories: ['all'],
  subresources: ['status', 'scale'],
  description: 'Runs pods that each keep their own name, address and volumes, started and stopped in order.',
  columns: [
    text(
      'Ready',
      (s) => `${s.status?.readyReplicas ?? 0}/${s.spec.replicas ?? 0}`,
      'Number of the pods with ready state, of those desired.',
    ),
    age(),
    ...containers<StatefulSet>((s) => s.spec.template?.spec).map(wide),
  ],
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
  default(s) {
    s.spec ??= {} as StatefulSet['spec']
    const spec = s.spec
    spec.podManagementPolicy ||= 'OrderedReady'
    spec.updateStrategy ??= {}
    spec.updateStrategy.type ||= 'RollingUpdate'
    if (spec.updateStrategy.type === 'RollingUpdate') {
      spec.updateStrategy.rollingUpdate ??= {}
      spec.updateStrategy.rollingUpdate.partition ??= 0
      spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1
    }
    spec.persistentVolumeClaimRetentionPolicy ??= {}
    spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain'
    spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain'
    spec.replicas ??= 1
    spec.revisionHistoryLimit ??= 10
    for (const claim of spec.volumeClaimTemplates ?? []) {
      claim.apiVersion = 'v1'
      claim.kind = 'PersistentVolumeClaim'
      defaultClaim(claim)
    }
    defaultTemplate(spec)
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    checkOneOf(errors, 'spec.podManagementPolicy', spec.podManagementPolicy, ['OrderedReady', 'Parallel'])
    const { type, rollingUpdate } = spec.updateStrategy ?? {}
    checkOneOf(errors, 'spec.updateStrategy.type', type, ['RollingUpdate', 'OnDelete'])
    if (type === 'OnDelete' && rollingUpdate) {
      errors.push(
        invalid('spec.updateStrategy.rollingUpdate', rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'"),
      )
    }
    if (rollingUpdate) {
      const path = 'spec.updateStrategy.rollingUpdate'
      checkNonNegative(errors, `${path}.partition`, rollingUpdate.partition)
      checkIntOrPercent(errors, `${path}.maxUnavailable`, rollingUpdate.maxUnavailable, true)
      if (rollingUpdate.maxUnavailable === 0 || percentOf(rollingUpdate.maxUnavailable) === 0) {
        errors.push(invalid(`${path}.maxUnavailable`, rollingUpdate.maxUnavailable, 'cannot be 0'))
      }
    }
    const retention = spec.persistentVolumeClaimRetentionPolicy
    for (const key of ['whenDeleted', 'whenScaled'] as const) {
      checkOneOf(errors, `spec.persistentVolumeClaimRetentionPolicy.${key}`, retention?.[key], ['Retain', 'Delete'])
    }
    checkNonNegative(errors, 'spec.replicas', spec.replicas)
    checkNonNegative(errors, 'spec.minReadySeconds', spec.minReadySeconds)
    checkNonNegative(errors, 'spec.ordinals.start', spec.ordinals?.start)
    checkName(errors, 'spec.serviceName', spec.serviceName, dnsLabel, true)
    errors.push(...validateSelectorAndTemplate(spec, 'statefulset'))
    return errors
  },
  validateUpdate(s, old) {
    const fixed = ({ spec }: typeof s) => ({
      selector: spec.selector,
      serviceName: spec.serviceName,
      podManagementPolicy: spec.podManagementPolicy,
      volumeClaimTemplates: spec.volumeClaimTemplates?.map(({ metadata, spec: claim }) => ({ metadata, claim })),
    })
    return semanticEqual(fixed(s), fixed(old)) ? [] : [forbiddenField('spec', CHANGEABLE)]
  },
})
