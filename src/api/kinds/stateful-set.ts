// StatefulSet: pods with stable names and volumes, one after another.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../meta/errors.ts'
import { dnsLabel } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/apps.v1.ts'
import { checkIntOrPercent, checkName, checkNonNegative } from './check.ts'
import { claimSpecWarnings } from './claim-warnings.ts'
import { age, containers, text, wide } from './columns.ts'
import { defineKind } from './kind.ts'
import { defaultClaim } from './persistent-volume-claim.ts'
import { checkAvailable, checkCollisions, checkCounts, checkWithin } from './replica-status.ts'
import { checkAtMostAll, isZeroShare, shownStrategy } from './rollout-rules.ts'
import { defaultTemplate, validateSelectorAndTemplate, workloadWarnings } from './workload.ts'

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
  validateName: dnsLabel,
  warnings: (s, old) => [...workloadWarnings(s, old, false), ...historyWarnings(s), ...templateClaimWarnings(s)],
  validate: (s) => specErrors(s, true),
  validateChange(s, old) {
    const errors = specErrors(s, false)
    const fixed = ({ spec }: typeof s) => ({
      selector: spec.selector,
      serviceName: spec.serviceName,
      podManagementPolicy: spec.podManagementPolicy,
      volumeClaimTemplates: spec.volumeClaimTemplates?.map(({ metadata, spec: claim }) => ({ metadata, claim })),
    })
    if (!semanticEqual(fixed(s), fixed(old))) errors.push(forbiddenField('spec', CHANGEABLE))
    return errors
  },
  validateStatusUpdate({ status }, old) {
    const errors: FieldError[] = []
    const counts = ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'] as const
    checkCounts(errors, status ?? {}, ['replicas', ...counts, 'observedGeneration', 'collisionCount'])
    checkWithin(errors, status ?? {}, counts)
    checkAvailable(errors, status ?? {}, 'cannot be greater than status.readyReplicas')
    checkCollisions(errors, status, old.status)
    return errors
  },
})

const historyWarnings = ({ spec }: DeepReadonly<types.StatefulSet>): string[] =>
  (spec.revisionHistoryLimit ?? 0) < 0
    ? ['spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended']
    : []

const templateClaimWarnings = ({ spec }: DeepReadonly<types.StatefulSet>): string[] =>
  (spec.volumeClaimTemplates ?? []).flatMap((claim, i) =>
    claimSpecWarnings(claim.spec, `spec.volumeClaimTemplates[${i}].spec`),
  )

/** @param named the name of the service is looked at: those that were let in once may stay */
function specErrors({ spec }: DeepReadonly<types.StatefulSet>, named: boolean): FieldError[] {
  const errors: FieldError[] = []
  const { podManagementPolicy: policy } = spec
  if (!policy) errors.push(required('spec.podManagementPolicy'))
  else if (policy !== 'OrderedReady' && policy !== 'Parallel') {
    errors.push(invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'"))
  }
  checkStrategy(errors, spec.updateStrategy)
  const retention = spec.persistentVolumeClaimRetentionPolicy
  for (const key of ['whenDeleted', 'whenScaled'] as const) {
    const value = retention?.[key]
    if (!retention || value === 'Retain' || value === 'Delete') continue
    const field = `spec.persistentVolumeClaimRetentionPolicy.${key}`
    errors.push(notSupported(field, value ?? '', ['Retain', 'Delete']))
  }
  checkNonNegative(errors, 'spec.replicas', spec.replicas)
  checkNonNegative(errors, 'spec.minReadySeconds', spec.minReadySeconds)
  checkNonNegative(errors, 'spec.ordinals.start', spec.ordinals?.start)
  if (named) checkName(errors, 'spec.serviceName', spec.serviceName, dnsLabel, true)
  errors.push(...validateSelectorAndTemplate(spec, 'statefulset'))
  return errors
}

function checkStrategy(
  errors: FieldError[],
  strategy: DeepReadonly<types.StatefulSetUpdateStrategy> | undefined,
): void {
  const { type, rollingUpdate } = strategy ?? {}
  const path = 'spec.updateStrategy.rollingUpdate'
  if (!type) errors.push(required('spec.updateStrategy'))
  else if (type === 'OnDelete') {
    if (rollingUpdate) {
      const { partition = 0, maxUnavailable = null } = rollingUpdate
      const shown = { Partition: partition, MaxUnavailable: maxUnavailable }
      errors.push(invalid(path, shown, "only allowed for updateStrategy 'RollingUpdate'"))
    }
  } else if (type !== 'RollingUpdate') {
    errors.push(invalid('spec.updateStrategy', shownStrategy(strategy), "must be 'RollingUpdate' or 'OnDelete'"))
  } else if (rollingUpdate) {
    const { partition, maxUnavailable } = rollingUpdate
    checkNonNegative(errors, `${path}.partition`, partition)
    if (maxUnavailable === undefined) return
    checkIntOrPercent(errors, `${path}.maxUnavailable`, maxUnavailable, false)
    if (isZeroShare(maxUnavailable)) errors.push(invalid(`${path}.maxUnavailable`, maxUnavailable, 'cannot be 0'))
    checkAtMostAll(errors, `${path}.maxUnavailable`, maxUnavailable)
  }
}
