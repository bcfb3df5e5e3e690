// IngressClass: which controller handles an Ingress.
import { type FieldError, invalid } from '../meta/errors.ts'
import type * as types from '../types/networking.v1.ts'
import { checkImmutable, checkOneOf, checkPresent } from './check.ts'
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
  validate({ spec }) {
    const errors: FieldError[] = []
    const controller = spec?.controller
    if (checkPresent(errors, 'spec.controller', controller)) {
      if (controller!.length > 250)
        errors.push(invalid('spec.controller', controller, 'must be no more than 250 bytes'))
      if (!controller!.includes('/')) {
        errors.push(invalid('spec.controller', controller, 'must be a domain-prefixed path (such as "acme.io/foo")'))
      }
    }
    const parameters = spec?.parameters
    if (parameters) {
      checkPresent(errors, 'spec.parameters.kind', parameters.kind)
      checkPresent(errors, 'spec.parameters.name', parameters.name)
      checkOneOf(errors, 'spec.parameters.scope', parameters.scope, ['Cluster', 'Namespace'])
    }
    return errors
  },
  validateUpdate(c, old) {
    const errors: FieldError[] = []
    checkImmutable(errors, 'spec.controller', c.spec?.controller, old.spec?.controller)
    return errors
  },
})
