// Endpoints: the addresses behind a Service, in the older form.

import { addressWarnings } from '../meta/addresses.ts'
import { type FieldError, invalid, required } from '../meta/errors.ts'
import { dnsLabel, dnsSubdomain, portNumber, qualifiedName } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/core.v1.ts'
import { checkIp, checkLabel, checkName, checkOneOf } from './check.ts'
import { age, listed, text } from './columns.ts'
import { checkEndpointIp } from './endpoint-address.ts'
import { defineKind } from './kind.ts'

export type Endpoints = types.Endpoints

function endpointsOf({ subsets = [] }: DeepReadonly<types.Endpoints>): string {
  if (subsets.length === 0) return '<none>'
  const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map((a) => a.ip)
      : ports.flatMap(({ port }) => addresses.map(({ ip }) => `${ip.includes(':') ? `[${ip}]` : ip}:${port}`)),
  )
  return listed(all, 3)
}

export { checkEndpointIp }

export const Endpoints = defineKind<Endpoints>({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  scope: 'Namespaced',
  shortNames: ['ep'],
  description: 'The addresses and ports behind a Service. EndpointSlices have replaced it.',
  deprecated: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  columns: [text('Endpoints', (e) => endpointsOf(e), 'Addresses and ports that are ready.'), age()],
  allowCreateOnUpdate: true,
  default(e) {
    for (const subset of e.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP'
  },
  validate: (e) => validateSubsets(e, undefined),
  validateChange: (e, old) => validateSubsets(e, old),
  warnings: (e) =>
    (e.subsets ?? []).flatMap((subset, i) =>
      (['addresses', 'notReadyAddresses'] as const).flatMap((list) =>
        (subset[list] ?? []).flatMap(({ ip }, a) => addressWarnings(`subsets[${i}].${list}[${a}].ip`, ip ?? '')),
      ),
    ),
})

type AnyEndpoints = DeepReadonly<types.Endpoints>

function validateSubsets(e: AnyEndpoints, old: AnyEndpoints | undefined): FieldError[] {
  const errors: FieldError[] = []
  const kept = (old?.subsets ?? []).flatMap(({ addresses = [], notReadyAddresses = [] }) =>
    [...addresses, ...notReadyAddresses].map(({ ip }) => ip),
  )
  e.subsets?.forEach((subset, i) => {
    const at = `subsets[${i}]`
    const { addresses = [], notReadyAddresses = [], ports = [] } = subset
    if (addresses.length + notReadyAddresses.length === 0) {
      errors.push(required(at, 'must specify `addresses` or `notReadyAddresses`'))
    }
    for (const [list, items] of Object.entries({ addresses, notReadyAddresses })) {
      items.forEach((address, a) => {
        checkAddress(errors, `${at}.${list}[${a}]`, address, kept)
      })
    }
    ports.forEach((port, p) => {
      const path = `${at}.ports[${p}]`
      checkLabel(errors, `${path}.name`, port.name, ports.length === 1)
      for (const problem of portNumber(port.port ?? 0)) errors.push(invalid(`${path}.port`, port.port ?? 0, problem))
      checkOneOf(errors, `${path}.protocol`, port.protocol, ['TCP', 'UDP', 'SCTP'])
      for (const problem of port.appProtocol === undefined ? [] : qualifiedName(port.appProtocol)) {
        errors.push(invalid(`${path}.appProtocol`, port.appProtocol, problem))
      }
    })
  })
  return errors
}

function checkAddress(
  errors: FieldError[],
  at: string,
  { ip = '', hostname, nodeName }: DeepReadonly<types.EndpointAddress>,
  kept: readonly string[],
): void {
  checkIp(errors, `${at}.ip`, ip, kept)
  checkName(errors, `${at}.hostname`, hostname, dnsLabel, true)
  for (const problem of nodeName === undefined ? [] : dnsSubdomain(nodeName)) {
    errors.push(invalid(`${at}.nodeName`, nodeName, problem))
  }
  checkEndpointIp(errors, `${at}.ip`, ip)
}
