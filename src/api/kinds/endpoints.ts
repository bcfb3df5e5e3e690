// Endpoints: the addresses behind a Service, in the older form.

import { type FieldError, invalid, required } from '../meta/errors.ts'
import { dnsLabel, portNumber } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/core.v1.ts'
import { checkIp, checkLabel, checkName, checkOneOf } from './check.ts'
import { age, listed, text } from './columns.ts'
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

/** k8s: addresses that would reach the node itself, or everyone, are refused. */
export function checkEndpointIp(errors: FieldError[], field: string, ip: string): void {
  const before = errors.length
  checkIp(errors, field, ip)
  if (errors.length > before) return
  const refuse = (why: string) => errors.push(invalid(field, ip, why))
  if (ip === '0.0.0.0' || ip === '::') refuse(`may not be unspecified (${ip})`)
  else if (/^127\./.test(ip) || ip === '::1') refuse('may not be in the loopback range (127.0.0.0/8, ::1/128)')
  else if (/^169\.254\./.test(ip) || /^fe[89ab]/i.test(ip)) {
    refuse('may not be in the link-local range (169.254.0.0/16, fe80::/10)')
  } else if (/^224\.0\.0\./.test(ip) || /^ff02:/i.test(ip)) {
    refuse('may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)')
  }
}

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
  validate(e) {
    const errors: FieldError[] = []
    e.subsets?.forEach((subset, i) => {
      const at = `subsets[${i}]`
      const { addresses = [], notReadyAddresses = [], ports = [] } = subset
      if (addresses.length + notReadyAddresses.length === 0) {
        errors.push(required(at, 'must specify `addresses` or `notReadyAddresses`'))
      }
      for (const [list, items] of Object.entries({ addresses, notReadyAddresses })) {
        items.forEach((address, a) => {
          checkEndpointIp(errors, `${at}.${list}[${a}].ip`, address.ip)
          checkName(errors, `${at}.${list}[${a}].hostname`, address.hostname, dnsLabel, true)
        })
      }
      ports.forEach((port, p) => {
        const path = `${at}.ports[${p}]`
        checkLabel(errors, `${path}.name`, port.name, ports.length === 1)
        for (const problem of portNumber(port.port)) errors.push(invalid(`${path}.port`, port.port, problem))
        checkOneOf(errors, `${path}.protocol`, port.protocol, ['TCP', 'UDP', 'SCTP'])
      })
    })
    return errors
  },
})
