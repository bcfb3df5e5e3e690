// ValidatingAdmissionPolicy: expressions that objects must satisfy before they are stored.
import { type FieldError, required } from '../meta/errors.ts'
import type * as types from '../types/admissionregistration.v1.ts'
import { checkOneOf, checkPresent, checkUnique } from './check.ts'
import { age, integer, text } from './columns.ts'
import { defineKind } from './kind.ts'
import { expressionErrors, loadPolicyRules, newErrors } from './policy-rules.ts'
import { checkConditions, checkMatchResources, defaultMatchResources, paramKindText } from './webhook-rules.ts'

export type ValidatingAdmissionPolicy = types.ValidatingAdmissionPolicy

export const ValidatingAdmissionPolicy = defineKind<ValidatingAdmissionPolicy>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  plural: 'validatingadmissionpolicies',
  scope: 'Cluster',
  allowUnconditionalUpdate: false,
  categories: ['api-extensions'],
  subresources: ['status'],
  description: 'Expressions that objects must satisfy before they are stored.',
  columns: [
    integer('Validations', (p) => p.spec?.validations?.length, 'Number of expressions.'),
    text('ParamKind', (p) => paramKindText(p.spec?.paramKind), 'Kind of the parameters.'),
    age(),
  ],
  default(p) {
    p.spec ??= {}
    p.spec.failurePolicy ||= 'Fail'
    defaultMatchResources(p.spec.matchConstraints)
  },
  ready: loadPolicyRules,
  validate(policy) {
    const { spec } = policy
    const errors: FieldError[] = []
    checkOneOf(errors, 'spec.failurePolicy', spec.failurePolicy, ['Fail', 'Ignore'])
    if (spec.paramKind) {
      checkPresent(errors, 'spec.paramKind.apiVersion', spec.paramKind.apiVersion)
      checkPresent(errors, 'spec.paramKind.kind', spec.paramKind.kind)
    }
    if (!spec.matchConstraints) errors.push(required('spec.matchConstraints'))
    else checkMatchResources(errors, 'spec.matchConstraints', spec.matchConstraints, true)
    if (!spec.validations?.length && !spec.auditAnnotations?.length) {
      errors.push(required('spec.validations', 'validations or auditAnnotations must contain at least one item'))
    }
    spec.validations?.forEach((validation, i) => {
      checkPresent(
        errors,
        `spec.validations[${i}].expression`,
        validation.expression?.trim(),
        'expression is not specified',
      )
    })
    checkConditions(errors, 'spec.matchConditions', spec.matchConditions)
    checkConditions(errors, 'spec.variables', spec.variables)
    checkUnique(
      errors,
      spec.auditAnnotations,
      (a) => a.key,
      (i) => `spec.auditAnnotations[${i}].key`,
    )
    return [...errors, ...expressionErrors(policy)]
  },
  validateChange(policy, old): FieldError[] {
    return newErrors(ValidatingAdmissionPolicy.validate?.(policy) ?? [], old)
  },
})
