// Ingress: HTTP routes from outside to Services.
import { type FieldError, forbiddenField, invalid, required } from '../meta/errors.ts'
import { dnsLabel, dnsSubdomain, portName, portNumber, wildcardDnsSubdomain } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/networking.v1.ts'
import { checkName, checkOneOf, checkSubdomain } from './check.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type Ingress = types.Ingress

type AnyIngress = DeepReadonly<types.Ingress>

function hostsOf({ spec }: AnyIngress): string {
  const hosts = (spec.rules ?? []).map((rule) => rule.host ?? '').filter(Boolean)
  if (hosts.length === 0) return '*'
  const shown = hosts.slice(0, 3).join(',')
  return hosts.length > 3 ? `${shown} + ${hosts.length - 3} more...` : shown
}

function checkHost(errors: FieldError[], field: string, host: string | undefined): void {
  if (host) checkName(errors, field, host, host.includes('*') ? wildcardDnsSubdomain : dnsSubdomain)
}

function checkPaths(
  errors: FieldError[],
  field: string,
  paths: readonly DeepReadonly<types.HTTPIngressPath>[] | undefined,
): void {
  if (!paths?.length) errors.push(required(field))
  paths?.forEach((path, i) => {
    const at = `${field}[${i}]`
    if (!path.pathType) errors.push(required(`${at}.pathType`, 'pathType must be specified'))
    else checkOneOf(errors, `${at}.pathType`, path.pathType, ['Exact', 'ImplementationSpecific', 'Prefix'])
    const text = path.path ?? ''
    if (path.pathType === 'Exact' || path.pathType === 'Prefix') {
      if (!text.startsWith('/')) errors.push(invalid(`${at}.path`, text, 'must be an absolute path'))
      for (const bad of ['//', '/./', '/../', '%2f', '%2F']) {
        if (text.includes(bad)) errors.push(invalid(`${at}.path`, text, `must not contain '${bad}'`))
      }
      for (const bad of ['/..', '/.']) {
        if (text.endsWith(bad)) errors.push(invalid(`${at}.path`, text, `cannot end with '${bad}'`))
      }
    } else if (text && !text.startsWith('/')) errors.push(invalid(`${at}.path`, text, 'must be an absolute path'))
    checkBackend(errors, `${at}.backend`, path.backend)
  })
}

function checkBackend(errors: FieldError[], at: string, backend: DeepReadonly<types.IngressBackend> | undefined): void {
  const { service, resource } = backend ?? {}
  if (service && resource) {
    errors.push(invalid(at, '', 'cannot set both resource and service backends'))
    return
  }
  if (resource) {
    if (!resource.kind) errors.push(required(`${at}.resource.kind`))
    if (!resource.name) errors.push(required(`${at}.resource.name`))
    return
  }
  if (!service?.name) {
    errors.push(required(`${at}.service.name`))
    return
  }
  checkName(errors, `${at}.service.name`, service.name, dnsLabel)
  const { name, number } = service.port ?? {}
  if (name && number) {
    errors.push(invalid(at, '', 'cannot set both port name & port number'))
  } else if (name) checkName(errors, `${at}.service.port.name`, name, portName)
  else if (!number) errors.push(required(at, 'port name or number is required'))
  else for (const problem of portNumber(number)) errors.push(invalid(`${at}.service.port.number`, number, problem))
  if (service.port === undefined && resource) errors.push(forbiddenField(at, 'a resource has no port'))
}

export const Ingress = defineKind<Ingress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  plural: 'ingresses',
  scope: 'Namespaced',
  shortNames: ['ing'],
  subresources: ['status'],
  description: 'Routes HTTP requests from outside the cluster to Services, by host and path.',
  columns: [
    text('Class', (i) => i.spec.ingressClassName ?? '<none>', 'The class that handles it.'),
    text('Hosts', (i) => hostsOf(i), 'Hosts that it answers for.'),
    text(
      'Address',
      (i) => (i.status?.loadBalancer?.ingress ?? []).map((a) => a.ip || a.hostname || '').join(','),
      'Where it can be reached.',
    ),
    text('Ports', (i) => (i.spec.tls?.length ? '80, 443' : '80'), 'Ports that it answers on.'),
    age(),
  ],
  default(i) {
    i.spec ??= {}
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    if (!spec.rules?.length && !spec.defaultBackend) {
      errors.push(invalid('spec', spec.rules ?? [], 'either `defaultBackend` or `rules` must be specified'))
    }
    if (spec.defaultBackend) checkBackend(errors, 'spec.defaultBackend', spec.defaultBackend)
    spec.rules?.forEach((rule, i) => {
      checkHost(errors, `spec.rules[${i}].host`, rule.host)
      if (rule.http) checkPaths(errors, `spec.rules[${i}].http.paths`, rule.http.paths)
    })
    spec.tls?.forEach((tls, i) => {
      tls.hosts?.forEach((host, h) => {
        checkHost(errors, `spec.tls[${i}].hosts[${h}]`, host)
      })
      checkSubdomain(errors, `spec.tls[${i}].secretName`, tls.secretName, true)
    })
    checkSubdomain(errors, 'spec.ingressClassName', spec.ingressClassName, true)
    return errors
  },
})
