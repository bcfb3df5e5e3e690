// ResourceSlice: devices that a driver offers.
import { type FieldError, invalid, tooMany } from '../meta/errors.ts'
import type * as types from '../types/resource.v1.ts'
import { checkImmutable, checkLabel, checkPositive, checkPresent, checkSubdomain, checkUnique } from './check.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type ResourceSlice = types.ResourceSlice

const MAX_DEVICES = 128

export const ResourceSlice = defineKind<ResourceSlice>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  plural: 'resourceslices',
  scope: 'Cluster',
  description: 'Devices of one pool that a driver offers.',
  columns: [
    text('Node', ({ spec }) => spec?.nodeName ?? (spec?.allNodes ? '<all>' : '<unset>'), 'The node that has them.'),
    text('Driver', (s) => s.spec?.driver ?? '', 'The driver.'),
    text('Pool', (s) => s.spec?.pool?.name ?? '', 'The pool.'),
    age(),
  ],
  selectableFields: {
    'spec.nodeName': (s) => s.spec?.nodeName ?? '',
    'spec.driver': (s) => s.spec?.driver ?? '',
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    checkSubdomain(errors, 'spec.driver', spec?.driver)
    checkPresent(errors, 'spec.pool.name', spec?.pool?.name)
    checkPositive(errors, 'spec.pool.resourceSliceCount', spec?.pool?.resourceSliceCount ?? 0)
    const places = [spec?.nodeName, spec?.nodeSelector, spec?.allNodes, spec?.perDeviceNodeSelection].filter(Boolean)
    if (places.length !== 1) {
      errors.push(
        invalid(
          'spec',
          spec,
          'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required',
        ),
      )
    }
    const devices = spec?.devices ?? []
    if (devices.length > MAX_DEVICES) errors.push(tooMany('spec.devices', devices.length, MAX_DEVICES))
    devices.forEach((device, i) => {
      checkLabel(errors, `spec.devices[${i}].name`, device.name)
    })
    checkUnique(
      errors,
      devices,
      (d) => d.name,
      (i) => `spec.devices[${i}].name`,
    )
    return errors
  },
  validateUpdate(s, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec.nodeName', s.spec.nodeName, old.spec.nodeName)
    checkImmutable(errors, 'spec.driver', s.spec.driver, old.spec.driver)
    checkImmutable(errors, 'spec.pool.name', s.spec.pool.name, old.spec.pool.name)
    return errors
  },
})
