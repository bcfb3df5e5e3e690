// IngressClass: which controller handles an Ingress.
import { type FieldError, forbiddenField, invalid, notSupported, required, tooLong } from '../meta/errors.ts'
import { dnsLabel, dnsSubdomain, pathSegment } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/networking.v1.ts'
import { checkImmutable, checkName } from './check.ts'
import { checkDomainPath } from './check-form.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'

export type IngressClass = types.IngressClass

export const IngressClass = defineKind<IngressClass>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  scope: 'Cluster',
  description: 'Names the controller that handles the Ingresses of this class.',
  columns: [
    text('Controller', (c) => c.spec?.controller ?? '', 'The controller that handles Ingresses of the class.'),
    text(
      'Parameters',
      ({ spec }) => {
        const parameters = spec?.parameters
        if (!parameters) return '<none>'
        const { apiGroup, kind, name } = parameters
        return `${kind}${apiGroup ? `.${apiGroup}` : ''}/${name}`
      },
      'An object with more settings.',
    ),
    age(),
  ],
  default({ spec }) {
    if (spec?.parameters) spec.parameters.scope ??= 'Cluster'
  },
  validate: classErrors,
  validateChange(c, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec.controller', c.spec?.controller, old.spec?.controller)
    return [...errors, ...classErrors(c)]
  },
})

const MAX_CONTROLLER = 250
const SCOPES = ['Cluster', 'Namespace']

function classErrors({ spec }: DeepReadonly<types.IngressClass>): FieldError[] {
  const errors: FieldError[] = []
  const { controller, parameters } = spec ?? {}
  if ((controller?.length ?? 0) > MAX_CONTROLLER) errors.push(tooLong('spec.controller', MAX_CONTROLLER))
  checkDomainPath(errors, 'spec.controller', controller)
  if (!parameters) return errors
  const { apiGroup, kind, name, scope, namespace } = parameters
  const at = 'spec.parameters'
  if (apiGroup !== undefined) {
    for (const problem of dnsSubdomain(apiGroup)) errors.push(invalid(`${at}.apiGroup`, apiGroup, problem))
  }
  checkName(errors, `${at}.kind`, kind, pathSegment)
  checkName(errors, `${at}.name`, name, pathSegment)
  if (scope === undefined) errors.push(required(`${at}.scope`))
  else if (!SCOPES.includes(scope)) errors.push(notSupported(`${at}.scope`, scope, SCOPES))
  else if (scope === 'Namespace') {
    if (namespace === undefined) {
      errors.push(required(`${at}.namespace`, "`parameters.scope` is set to 'Namespace'"))
    } else for (const problem of dnsLabel(namespace)) errors.push(invalid(`${at}.namespace`, namespace, problem))
  } else if (namespace !== undefined) {
    errors.push(forbiddenField(`${at}.namespace`, "`parameters.scope` is set to 'Cluster'"))
  }
  return errors
}
