// EndpointSlice: a part of the addresses behind a Service.
import { isIP } from 'node:net'
import { duplicate, type FieldError, invalid, notSupported, required, tooMany } from '../meta/errors.ts'
import { dnsLabel, dnsSubdomain, labelValue, qualifiedName } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import { validateLabels } from '../meta/object-meta.ts'
import type * as types from '../types/discovery.v1.ts'
import { checkImmutable, checkName } from './check.ts'
import { age, listed, text } from './columns.ts'
import { checkEndpointIp } from './endpoints.ts'
import { defineKind } from './kind.ts'

export type EndpointSlice = types.EndpointSlice

const MAX_ENDPOINTS = 1000
const MAX_PORTS = 20000
const MAX_ADDRESSES = 100
const MAX_TOPOLOGY = 16
const MAX_HINTS = 8
const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6']
const PROTOCOLS = ['SCTP', 'TCP', 'UDP']

function checkEndpoint(
  errors: FieldError[],
  at: string,
  endpoint: DeepReadonly<types.Endpoint>,
  addressType: string,
): void {
  const { addresses = [], deprecatedTopology = {}, hostname, nodeName, hints } = endpoint
  if (addresses.length === 0) errors.push(required(`${at}.addresses`, 'must contain at least 1 address'))
  else if (addresses.length > MAX_ADDRESSES) errors.push(tooMany(`${at}.addresses`, addresses.length, MAX_ADDRESSES))
  addresses.forEach((address, i) => {
    const field = `${at}.addresses[${i}]`
    if (addressType === 'FQDN') checkDomain(errors, field, address)
    else if (addressType === 'IPv4' || addressType === 'IPv6') {
      if (isIP(address) !== (addressType === 'IPv6' ? 6 : 4)) {
        errors.push(invalid(field, address, `must be a valid ${addressType} address`))
      } else checkEndpointIp(errors, field, address)
    }
  })
  const labels = Object.keys(deprecatedTopology).length
  if (labels > MAX_TOPOLOGY) errors.push(tooMany(`${at}.deprecatedTopology`, labels, MAX_TOPOLOGY))
  errors.push(...validateLabels(deprecatedTopology, `${at}.deprecatedTopology`))
  if (hostname !== undefined) {
    for (const problem of dnsLabel(hostname)) errors.push(invalid(`${at}.hostname`, hostname, problem))
  }
  if (nodeName !== undefined) {
    for (const problem of dnsSubdomain(nodeName)) errors.push(invalid(`${at}.nodeName`, nodeName, problem))
  }
  checkHints(errors, `${at}.hints.forZones`, hints?.forZones, labelValue)
  checkHints(errors, `${at}.hints.forNodes`, hints?.forNodes, dnsSubdomain)
}

function checkHints(
  errors: FieldError[],
  at: string,
  hints: readonly { readonly name?: string }[] = [],
  rule: (name: string) => string[],
): void {
  if (hints.length > MAX_HINTS) {
    errors.push(tooMany(at, hints.length, MAX_HINTS))
    return
  }
  const seen = new Set<string>()
  hints.forEach(({ name = '' }, i) => {
    const field = `${at}[${i}].name`
    if (seen.has(name)) errors.push(duplicate(field, name))
    seen.add(name)
    for (const problem of rule(name)) errors.push(invalid(field, name, problem))
  })
}

/** Of two segments at least; a dot at the end is let in. */
function checkDomain(errors: FieldError[], field: string, address: string): void {
  const name = address.replace(/\.$/, '')
  const problems = dnsSubdomain(name)
  if (address === '') errors.push(required(field))
  else if (problems.length > 0) errors.push(invalid(field, name, problems.join(',')))
  else if (!name.includes('.')) {
    errors.push(invalid(field, name, 'should be a domain with at least two segments separated by dots'))
  }
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
    const { addressType, endpoints = [], ports = [] } = s
    if (!addressType) errors.push(required('addressType'))
    else if (!ADDRESS_TYPES.includes(addressType)) {
      errors.push(notSupported('addressType', addressType, ADDRESS_TYPES))
    }
    if (endpoints.length > MAX_ENDPOINTS) errors.push(tooMany('endpoints', endpoints.length, MAX_ENDPOINTS))
    else {
      endpoints.forEach((endpoint, i) => {
        checkEndpoint(errors, `endpoints[${i}]`, endpoint, addressType)
      })
    }
    if (ports.length > MAX_PORTS) return [...errors, tooMany('ports', ports.length, MAX_PORTS)]
    const names = new Set<string>()
    ports.forEach(({ name = '', protocol, appProtocol }, i) => {
      const at = `ports[${i}]`
      if (name) checkName(errors, `${at}.name`, name, dnsLabel)
      if (names.has(name)) errors.push(duplicate(`${at}.name`, name))
      names.add(name)
      if (!protocol) errors.push(required(`${at}.protocol`))
      else if (!PROTOCOLS.includes(protocol)) errors.push(notSupported(`${at}.protocol`, protocol, PROTOCOLS))
      if (appProtocol === undefined) return
      for (const problem of qualifiedName(appProtocol)) {
        errors.push(invalid(`${at}.appProtocol`, appProtocol, problem))
      }
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
