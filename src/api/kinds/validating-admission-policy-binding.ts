// ValidatingAdmissionPolicyBinding: where a policy holds, with which parameters, and what happens.
import { type FieldError, required } from '../meta/errors.ts'
import type * as types from '../types/admissionregistration.v1.ts'
import { checkOneOf, checkPresent, checkUnique } from './check.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'
import { checkMatchResources, checkParamRef, defaultMatchResources, paramRefText } from './webhook-rules.ts'

export type ValidatingAdmissionPolicyBinding = types.ValidatingAdmissionPolicyBinding

export const ValidatingAdmissionPolicyBinding = defineKind<ValidatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  plural: 'validatingadmissionpolicybindings',
  scope: 'Cluster',
  allowUnconditionalUpdate: false,
  categories: ['api-extensions'],
  description: 'Says where a policy holds, with which parameters, and what happens to what violates it.',
  columns: [
    text('PolicyName', (b) => b.spec?.policyName ?? '', 'The policy.'),
    text('ParamRef', (b) => paramRefText(b.spec?.paramRef), 'Its parameters.'),
    age(),
  ],
  default(b) {
    b.spec ??= {}
    defaultMatchResources(b.spec.matchResources)
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    checkPresent(errors, 'spec.policyName', spec.policyName)
    checkParamRef(errors, 'spec.paramRef', spec.paramRef)
    checkMatchResources(errors, 'spec.matchResources', spec.matchResources, false)
    if (!spec.validationActions?.length)
      errors.push(required('spec.validationActions', 'at least one validation action is required'))
    spec.validationActions?.forEach((action, i) => {
      checkOneOf(errors, `spec.validationActions[${i}]`, action, ['Audit', 'Deny', 'Warn'])
    })
    checkUnique(
      errors,
      spec.validationActions,
      (a) => a,
      (i) => `spec.validationActions[${i}]`,
    )
    return errors
  },
})
