// IPAddress: an address in use by a Service.

import { isIP } from 'node:net'
import { type FieldError, invalid, required } from '../meta/errors.ts'
import type * as types from '../types/networking.v1.ts'
import { checkImmutable, checkPresent } from './check.ts'
import { text } from './columns.ts'
import { defineKind } from './kind.ts'

export type IPAddress = types.IPAddress

export const IPAddress = defineKind<IPAddress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  plural: 'ipaddresses',
  scope: 'Cluster',
  shortNames: ['ip'],
  description: 'An address of the service range and what uses it.',
  columns: [
    text(
      'ParentRef',
      ({ spec }) => {
        const { group, resource, namespace, name } = spec?.parentRef ?? {}
        return [`${resource ?? ''}${group ? `.${group}` : ''}`, namespace, name].filter(Boolean).join('/')
      },
      'What uses the address.',
    ),
  ],
  hasGeneration: false,
  validateName: (name) => (isIP(name) === 0 ? ['must be a valid IP address'] : []),
  selectableFields: {
    'spec.parentRef.group': ({ spec }) => spec?.parentRef?.group ?? '',
    'spec.parentRef.resource': ({ spec }) => spec?.parentRef?.resource ?? '',
    'spec.parentRef.namespace': ({ spec }) => spec?.parentRef?.namespace ?? '',
    'spec.parentRef.name': ({ spec }) => spec?.parentRef?.name ?? '',
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    const parent = spec?.parentRef
    if (!parent) return [required('spec.parentRef')]
    checkPresent(errors, 'spec.parentRef.resource', parent.resource)
    checkPresent(errors, 'spec.parentRef.name', parent.name)
    if (parent.group?.includes('/')) errors.push(invalid('spec.parentRef.group', parent.group, "may not contain '/'"))
    return errors
  },
  validateUpdate(address, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec.parentRef', address.spec?.parentRef, old.spec?.parentRef)
    return errors
  },
})
