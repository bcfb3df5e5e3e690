// The rules of PersistentVolumeClaims: what a new one says, what of it may change, what its status may say.
import { semanticEqual } from '../meta/equality.ts'
import { type FieldError, forbiddenField, invalid, required } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { compareQuantities, isQuantity, parseQuantity } from '../meta/quantity.ts'
import type { PersistentVolumeClaim } from '../types/core.v1.ts'
import { checkClaimSpec } from './claim-rules.ts'
import { BETA_CLASS_ANNOTATION } from './claim-warnings.ts'
import { differences } from './pod-validation/differences.ts'

type Claim = DeepReadonly<PersistentVolumeClaim>

export function validateClaim(claim: Claim): FieldError[] {
  const errors: FieldError[] = []
  checkClaimSpec(errors, 'spec', claim.spec)
  return errors
}

export function validateClaimUpdate(claim: Claim, old: Claim): FieldError[] {
  const errors: FieldError[] = []
  checkClaimSpec(errors, 'spec', claim.spec, true)
  errors.push(...fixedErrors(claim, old), ...sizeErrors(claim, old))
  if (claim.spec.volumeMode !== old.spec.volumeMode) {
    errors.push(invalid('volumeMode', claim.spec.volumeMode, 'field is immutable'))
  }
  const [attributes, before] = [claim.spec.volumeAttributesClassName, old.spec.volumeAttributesClassName]
  if (before !== undefined && attributes !== before && !attributes) {
    const to = attributes === undefined ? 'nil' : 'an empty string'
    errors.push(forbiddenField('spec.volumeAttributesClassName', `update from non-nil value to ${to} is forbidden`))
  }
  return errors
}

const FIXED =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'

/** A volume is named once, a class is moved from its annotation or named late, and a bound claim may ask for another size. */
function fixedErrors(claim: Claim, old: Claim): FieldError[] {
  const errors: FieldError[] = []
  const now = structuredClone(claim.spec) as PersistentVolumeClaim['spec']
  const before = structuredClone(old.spec) as PersistentVolumeClaim['spec']
  if (!before.volumeName) put(before, 'volumeName', now.volumeName)
  const [annotated, was] = [claim, old].map((c) => c.metadata.annotations?.[BETA_CLASS_ANNOTATION])
  const named = before.storageClassName === undefined && now.storageClassName !== undefined
  const moved =
    named && was !== undefined && (annotated === undefined || annotated === was) && now.storageClassName === was
  if (moved) delete now.storageClassName
  else {
    if ((annotated ?? '') !== (was ?? '')) {
      errors.push(invalid(`metadata.annotations.${BETA_CLASS_ANNOTATION}`, annotated ?? '', 'field is immutable'))
    }
    if (named && !was) delete now.storageClassName
  }
  if (claim.status?.phase === 'Bound') {
    if (now.resources?.requests) put(now.resources.requests, 'storage', before.resources?.requests?.['storage'])
    if (now.volumeAttributesClassName !== undefined) {
      put(now, 'volumeAttributesClassName', before.volumeAttributesClassName)
    }
  }
  if (!semanticEqual(now, before)) {
    errors.push(forbiddenField('spec', [FIXED, ...differences(before, now, 'spec')].join('\n')))
  }
  return errors
}

function put<T extends object, K extends keyof T>(target: T, key: K, value: T[K] | undefined): void {
  if (value === undefined) delete target[key]
  else target[key] = value
}

/** A size that could not be had may be taken back, though not below what there is. */
function sizeErrors(claim: Claim, old: Claim): FieldError[] {
  const [now, before] = [claim, old].map((c) => c.spec.resources?.requests?.['storage'] ?? '0')
  if (!isQuantity(now!) || compareQuantities(now!, before!) >= 0) return []
  if (compareQuantities(now!, old.status?.capacity?.['storage'] ?? '0') > 0) return []
  return [forbiddenField('spec.resources.requests.storage', 'field can not be less than status.capacity')]
}

export function validateClaimStatus({ spec, status }: Claim): FieldError[] {
  const errors: FieldError[] = []
  if (!spec.accessModes?.length) errors.push(required('Spec.accessModes'))
  const amounts = (field: string, list: Readonly<Record<string, string>> | undefined) => {
    for (const [name, amount] of Object.entries(list ?? {})) {
      if (!isQuantity(amount) || parseQuantity(amount).nano >= 0n) continue
      const whole = Number(parseQuantity(amount).nano / 1_000_000_000n)
      errors.push(invalid(`${field}[${name}]`, whole, 'must be a valid resource quantity'))
    }
  }
  amounts('status.capacity', status?.capacity)
  amounts('status.allocatedResources', status?.allocatedResources)
  return errors
}
