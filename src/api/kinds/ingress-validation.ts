// The rules of Ingresses: hosts, paths, where requests go, and what their status may say.
import { parseAddress } from '../meta/addresses.ts'
import { type FieldError, invalid, notSupported, required } from '../meta/errors.ts'
import { dnsLabel, dnsSubdomain, pathSegment, portName, portNumber, wildcardDnsSubdomain } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/networking.v1.ts'
import { checkIp, checkName } from './check.ts'

type AnyIngress = DeepReadonly<types.Ingress>
type Backend = DeepReadonly<types.IngressBackend>
type Balancer = DeepReadonly<types.IngressLoadBalancerStatus>

export const CLASS_ANNOTATION = 'kubernetes.io/ingress.class'

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix']
const BAD_PARTS = ['//', '/./', '/../', '%2f', '%2F']
const BAD_ENDS = ['/..', '/.']
const NOT_AN_ADDRESS = 'must be a DNS name, not an IP address'

/** @param old what was wrong with it may stay wrong */
export function ingressErrors({ spec }: AnyIngress, old?: AnyIngress): FieldError[] {
  const errors: FieldError[] = []
  if (!spec.rules?.length && !spec.defaultBackend) {
    errors.push(invalid('spec', spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified'))
  }
  if (spec.defaultBackend) checkBackend(errors, 'spec.defaultBackend', spec.defaultBackend)
  const wildcardsKept = old?.spec.rules?.some(
    ({ host, http }) => host?.includes('*') && http && pathErrors('', http.paths).length > 0,
  )
  spec.rules?.forEach(({ host = '', http }, i) => {
    const at = `spec.rules[${i}]`
    if (host && parseAddress(host)) errors.push(invalid(`${at}.host`, host, NOT_AN_ADDRESS))
    if (host) checkHost(errors, `${at}.host`, host)
    if (http && !(wildcardsKept && host.includes('*'))) errors.push(...pathErrors(`${at}.http.paths`, http.paths))
  })
  const secretsKept = old?.spec.tls?.some(({ secretName }) => secretName && dnsSubdomain(secretName).length > 0)
  spec.tls?.forEach(({ hosts, secretName }, i) => {
    hosts?.forEach((host, h) => {
      checkHost(errors, `spec.tls[${i}].hosts[${h}]`, host)
    })
    if (!secretsKept) checkName(errors, `spec.tls[${i}].secretName`, secretName, dnsSubdomain, true)
  })
  const { ingressClassName: name } = spec
  if (name !== undefined) {
    for (const problem of dnsSubdomain(name)) errors.push(invalid('spec.ingressClassName', name, problem))
  }
  return errors
}

/** Of a new one: the older way to name a class may not say something else. */
export function classErrors({ metadata, spec }: AnyIngress): FieldError[] {
  const value = metadata.annotations?.[CLASS_ANNOTATION]
  if (value === undefined || spec.ingressClassName === undefined || value === spec.ingressClassName) return []
  const why = 'must match `ingressClassName` when both are specified'
  return [invalid(`annotations.${CLASS_ANNOTATION}`, value, why)]
}

export function balancerErrors(status: Balancer | undefined, old: Balancer | undefined): FieldError[] {
  const errors: FieldError[] = []
  const kept = (old?.ingress ?? []).map(({ ip }) => ip)
  status?.ingress?.forEach(({ ip, hostname }, i) => {
    const at = `status.loadBalancer.ingress[${i}]`
    if (ip) checkIp(errors, `${at}.ip`, ip, kept)
    if (!hostname) return
    for (const problem of dnsSubdomain(hostname)) errors.push(invalid(`${at}.hostname`, hostname, problem))
    if (parseAddress(hostname)) errors.push(invalid(`${at}.hostname`, hostname, NOT_AN_ADDRESS))
  })
  return errors
}

function checkHost(errors: FieldError[], field: string, host: string): void {
  const rule = host.includes('*') ? wildcardDnsSubdomain : dnsSubdomain
  for (const problem of rule(host)) errors.push(invalid(field, host, problem))
}

function pathErrors(field: string, paths: readonly DeepReadonly<types.HTTPIngressPath>[] | undefined): FieldError[] {
  const errors: FieldError[] = []
  if (!paths?.length) errors.push(required(field))
  paths?.forEach(({ path = '', pathType, backend }, i) => {
    const at = `${field}[${i}]`
    const say = (why: string) => errors.push(invalid(`${at}.path`, path, why))
    if (pathType === undefined) {
      errors.push(required(`${at}.pathType`, 'pathType must be specified'))
      return
    }
    if (pathType === 'Exact' || pathType === 'Prefix') {
      if (!path.startsWith('/')) say('must be an absolute path')
      for (const bad of BAD_PARTS) if (path.includes(bad)) say(`must not contain '${bad}'`)
      for (const bad of BAD_ENDS) if (path.endsWith(bad)) say(`cannot end with '${bad}'`)
    } else if (pathType === 'ImplementationSpecific') {
      if (path && !path.startsWith('/')) say('must be an absolute path')
    } else errors.push(notSupported(`${at}.pathType`, pathType, PATH_TYPES))
    checkBackend(errors, `${at}.backend`, backend)
  })
  return errors
}

function checkBackend(errors: FieldError[], at: string, backend: Backend | undefined): void {
  const { service, resource } = backend ?? {}
  if (service && resource) errors.push(invalid(at, '', 'cannot set both resource and service backends'))
  else if (resource) checkResource(errors, `${at}.resource`, resource)
  else if (service) checkService(errors, at, service)
  else errors.push(invalid(at, '', 'resource or service backend is required'))
}

function checkResource(
  errors: FieldError[],
  at: string,
  { apiGroup, kind, name }: Readonly<{ apiGroup?: string; kind?: string; name?: string }>,
): void {
  if (apiGroup !== undefined) {
    for (const problem of dnsSubdomain(apiGroup)) errors.push(invalid(`${at}.apiGroup`, apiGroup, problem))
  }
  checkName(errors, `${at}.kind`, kind, pathSegment)
  checkName(errors, `${at}.name`, name, pathSegment)
}

function checkService(errors: FieldError[], at: string, service: NonNullable<Backend['service']>): void {
  checkName(errors, `${at}.service.name`, service.name, dnsLabel)
  const { name, number } = service.port ?? {}
  if (name && number) errors.push(invalid(at, '', 'cannot set both port name & port number'))
  else if (name) checkName(errors, `${at}.service.port.name`, name, portName)
  else if (number) {
    for (const problem of portNumber(number)) errors.push(invalid(`${at}.service.port.number`, number, problem))
  } else errors.push(required(at, 'port name or number is required'))
}
