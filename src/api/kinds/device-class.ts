// DeviceClass: a kind of devices that claims can ask for.
import type { FieldError } from '../meta/errors.ts'
import type * as types from '../types/resource.v1.ts'
import { checkPresent } from './check.ts'
import { age } from './columns.ts'
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
    spec.selectors?.forEach((selector, i) => {
      checkPresent(errors, `spec.selectors[${i}].cel`, selector.cel)
      if (selector.cel) checkPresent(errors, `spec.selectors[${i}].cel.expression`, selector.cel.expression)
    })
    return errors
  },
})
