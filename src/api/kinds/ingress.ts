// Ingress: HTTP routes from outside to Services.
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/networking.v1.ts'
import { age, text } from './columns.ts'
import { balancerErrors, CLASS_ANNOTATION, classErrors, ingressErrors } from './ingress-validation.ts'
import { defineKind } from './kind.ts'

export type Ingress = types.Ingress

type AnyIngress = DeepReadonly<types.Ingress>

function hostsOf({ spec }: AnyIngress): string {
  const hosts = (spec.rules ?? []).map((rule) => rule.host ?? '').filter(Boolean)
  if (hosts.length === 0) return '*'
  const shown = hosts.slice(0, 3).join(',')
  return hosts.length > 3 ? `${shown} + ${hosts.length - 3} more...` : shown
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
  validate: (i) => [...ingressErrors(i), ...classErrors(i)],
  validateChange: ingressErrors,
  validateStatusUpdate: ({ status }, old) => balancerErrors(status?.loadBalancer, old.status?.loadBalancer),
  warnings({ metadata }, old) {
    if (old || metadata.annotations?.[CLASS_ANNOTATION] === undefined) return []
    return [`annotation ${JSON.stringify(CLASS_ANNOTATION)} is deprecated, please use 'spec.ingressClassName' instead`]
  },
})
