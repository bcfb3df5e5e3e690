// DeviceClass: a kind of devices that claims can ask for.
import { type FieldError, invalid } from '../meta/errors.ts'
import { qualifiedName } from '../meta/names.ts'
import type * as types from '../types/resource.v1.ts'
import { age } from './columns.ts'
import { checkConfiguration, checkEach, checkSelectors } from './device-rules.ts'
import { defineKind } from './kind.ts'

export type DeviceClass = types.DeviceClass

export const DeviceClass = defineKind<DeviceClass>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  plural: 'deviceclasses',
  scope: 'Cluster',
  description: 'A kind of devices that claims can ask for.',
  columns: [age()],
  default(c) {
    c.spec ??= {}
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    checkSelectors(errors, 'spec.selectors', spec.selectors)
    checkEach(errors, 'spec.config', spec.config, MAX_CONFIG, (config, at) => checkConfiguration(errors, at, config))
    const { extendedResourceName: name } = spec
    if (name !== undefined && !isExtendedResource(name)) {
      errors.push(invalid('spec.extendedResourceName', name, 'must be a valid extended resource name'))
    }
    return errors
  },
})

const MAX_CONFIG = 32

/** Of a domain that isn't the system's, and short enough to be counted in quotas. */
const isExtendedResource = (name: string): boolean =>
  name.includes('/') &&
  !name.includes('kubernetes.io/') &&
  !name.startsWith('requests.') &&
  qualifiedName(`requests.${name}`).length === 0
