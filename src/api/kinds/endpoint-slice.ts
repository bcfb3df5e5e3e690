// EndpointSlice: a part of the addresses behind a Service.
import { isIP } from 'node:net'
import { duplicate, type FieldError, invalid, required, tooMany } from '../meta/errors.ts'
import { dnsLabel, dnsSubdomain, qualifiedName } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/discovery.v1.ts'
import { checkImmutable, checkName, checkOneOf, checkPresent, checkSubdomain } from './check.ts'
import { age, listed, text } from './columns.ts'
import { checkEndpointIp } from './endpoints.ts'
import { defineKind } from './kind.ts'

export type EndpointSlice = types.EndpointSlice

const MAX_ENDPOINTS = 1000
const MAX_PORTS = 20000
const MAX_ADDRESSES = 100

function checkEndpoint(
  errors: FieldError[],
  at: string,
  endpoint: DeepReadonly<types.Endpoint>,
  addressType: string,
): void {
  const { addresses = [] } = endpoint
  if (addresses.length === 0) errors.push(required(`${at}.addresses`, 'must contain at least 1 address'))
  if (addresses.length > MAX_ADDRESSES) errors.push(tooMany(`${at}.addresses`, addresses.length, MAX_ADDRESSES))
  addresses.forEach((address, i) => {
    const field = `${at}.addresses[${i}]`
    if (addressType === 'FQDN') checkName(errors, field, address, dnsSubdomain)
    else if (isIP(address) !== (addressType === 'IPv6' ? 6 : 4)) {
      errors.push(invalid(field, address, `must be a valid ${addressType} address`))
    } else checkEndpointIp(errors, field, address)
  })
  checkSubdomain(errors, `${at}.nodeName`, endpoint.nodeName, true)
  checkName(errors, `${at}.hostname`, endpoint.hostname, dnsLabel, true)
  endpoint.hints?.forZones?.forEach((zone, i) => {
    checkPresent(errors, `${at}.hints.forZones[${i}].name`, zone.name)
  })
}

export const EndpointSlice = defineKind<EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  scope: 'Namespaced',
  description: 'A part of the addresses and ports behind a Service.',
  columns: [
    text('AddressType', (s) => s.addressType ?? '', 'What its addresses are.'),
    text(
      'Ports',
      (s) =>
        listed(
          (s.ports ?? []).map((p) => (p.port === undefined ? p.name || '*' : String(p.port))),
          3,
        ) || '<unset>',
      'Ports of every endpoint.',
    ),
    text(
      'Endpoints',
      (s) =>
        listed(
          (s.endpoints ?? []).flatMap((e) => e.addresses ?? []),
          3,
        ) || '<unset>',
      'Addresses of the endpoints.',
    ),
    age(),
  ],
  default(s) {
    for (const port of s.ports ?? []) {
      port.name ??= ''
      port.protocol ||= 'TCP'
    }
    s.endpoints ??= []
  },
  validate(s) {
    const errors: FieldError[] = []
    checkOneOf(errors, 'addressType', s.addressType, ['IPv4', 'IPv6', 'FQDN'])
    const { endpoints = [], ports = [] } = s
    if (endpoints.length > MAX_ENDPOINTS) errors.push(tooMany('endpoints', endpoints.length, MAX_ENDPOINTS))
    if (ports.length > MAX_PORTS) errors.push(tooMany('ports', ports.length, MAX_PORTS))
    endpoints.forEach((endpoint, i) => {
      checkEndpoint(errors, `endpoints[${i}]`, endpoint, s.addressType)
    })
    const names = new Set<string>()
    ports.forEach((port, i) => {
      const at = `ports[${i}]`
      const name = port.name ?? ''
      if (name) checkName(errors, `${at}.name`, name, dnsLabel)
      if (names.has(name)) errors.push(duplicate(`${at}.name`, name))
      names.add(name)
      checkOneOf(errors, `${at}.protocol`, port.protocol, ['TCP', 'UDP', 'SCTP'])
      if (port.appProtocol) checkName(errors, `${at}.appProtocol`, port.appProtocol, qualifiedName)
    })
    return errors
  },
  validateUpdate(s, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'addressType', s.addressType, old.addressType)
    return errors
  },
  hasGeneration: true,
})
