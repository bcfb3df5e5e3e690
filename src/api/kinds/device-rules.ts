// What claims for devices and their templates share.
import { type FieldError, forbiddenField, required } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type { ResourceClaimSpec } from '../types/resource.v1.ts'
import { checkLabel, checkOneOf, checkPositive, checkPresent, checkUnique } from './check.ts'

export function defaultClaimSpec(spec: ResourceClaimSpec | undefined): void {
  for (const request of spec?.devices?.requests ?? []) {
    for (const part of [...(request.exactly ? [request.exactly] : []), ...(request.firstAvailable ?? [])]) {
      part.allocationMode ||= 'ExactCount'
      if (part.allocationMode === 'ExactCount') part.count ||= 1
      for (const toleration of part.tolerations ?? []) toleration.operator ??= 'Equal'
    }
  }
}

export function validateClaimSpec(spec: DeepReadonly<ResourceClaimSpec> | undefined, field: string): FieldError[] {
  const errors: FieldError[] = []
  const path = `${field}.devices.requests`
  const requests = spec?.devices?.requests
  requests?.forEach((request, i) => {
    const at = `${path}[${i}]`
    checkLabel(errors, `${at}.name`, request.name)
    if (request.exactly && request.firstAvailable?.length) {
      errors.push(
        forbiddenField(at, 'exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set'),
      )
    } else if (!request.exactly && !request.firstAvailable?.length) {
      errors.push(required(at, 'exactly one of `exactly` or `firstAvailable` is required'))
    }
    const parts = request.exactly
      ? [{ part: request.exactly, at: `${at}.exactly` }]
      : (request.firstAvailable ?? []).map((part, n) => ({ part, at: `${at}.firstAvailable[${n}]` }))
    for (const { part, at: where } of parts) {
      checkPresent(errors, `${where}.deviceClassName`, part.deviceClassName)
      checkOneOf(errors, `${where}.allocationMode`, part.allocationMode, ['All', 'ExactCount'])
      if (part.allocationMode === 'ExactCount') checkPositive(errors, `${where}.count`, part.count)
    }
  })
  checkUnique(
    errors,
    requests,
    (r) => r.name,
    (i) => `${path}[${i}].name`,
  )
  return errors
}
