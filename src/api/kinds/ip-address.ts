// IPAddress: an address in use by a Service.

import { parseAddress } from '../meta/addresses.ts'
import { type FieldError, required } from '../meta/errors.ts'
import { dnsSubdomain, pathSegment } from '../meta/names.ts'
import type * as types from '../types/networking.v1.ts'
import { checkImmutable, checkName } from './check.ts'
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
  validateName: addressNameProblems,
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
    checkName(errors, 'spec.parentRef.group', parent.group, dnsSubdomain, true)
    checkName(errors, 'spec.parentRef.resource', parent.resource, pathSegment)
    checkName(errors, 'spec.parentRef.name', parent.name, pathSegment)
    checkName(errors, 'spec.parentRef.namespace', parent.namespace, pathSegment, true)
    return errors
  },
  validateChange(address, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec.parentRef', address.spec?.parentRef, old.spec?.parentRef)
    return errors
  },
})

/** Names are addresses, each written in one way only. */
function addressNameProblems(name: string): string[] {
  const address = parseAddress(name)
  if (!address) return ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']
  if (address.leadingZeros) return ['must not have leading 0s']
  if (address.mapped) return ['must not be an IPv4-mapped IPv6 address']
  return address.canonical === name ? [] : [`must be in canonical form (${JSON.stringify(address.canonical)})`]
}
