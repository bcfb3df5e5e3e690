// MutatingAdmissionPolicy: expressions that change objects before they are stored.
import { type FieldError, required } from '../meta/errors.ts'
import type * as types from '../types/admissionregistration.v1.ts'
import { checkOneOf } from './check.ts'
import { age, integer, text } from './columns.ts'
import { defineKind } from './kind.ts'
import { expressionErrors, loadPolicyRules, newErrors } from './policy-rules.ts'
import {
  checkConditions,
  checkMatchResources,
  checkParamKind,
  checkVariables,
  defaultMatchResources,
  paramKindText,
} from './webhook-rules.ts'

export type MutatingAdmissionPolicy = types.MutatingAdmissionPolicy

export const MutatingAdmissionPolicy = defineKind<MutatingAdmissionPolicy>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicy',
  plural: 'mutatingadmissionpolicies',
  scope: 'Cluster',
  allowUnconditionalUpdate: false,
  categories: ['api-extensions'],
  description: 'Expressions that change objects before they are stored.',
  columns: [
    integer('Mutations', (p) => p.spec?.mutations?.length, 'Number of changes.'),
    text('ParamKind', (p) => paramKindText(p.spec?.paramKind), 'Kind of the parameters.'),
    age(),
  ],
  default(p) {
    p.spec ??= {}
    p.spec.failurePolicy ||= 'Fail'
    p.spec.reinvocationPolicy ||= 'Never'
    defaultMatchResources(p.spec.matchConstraints)
  },
  ready: loadPolicyRules,
  validate(policy) {
    const { spec } = policy
    const errors: FieldError[] = []
    checkOneOf(errors, 'spec.failurePolicy', spec.failurePolicy, ['Fail', 'Ignore'])
    checkOneOf(errors, 'spec.reinvocationPolicy', spec.reinvocationPolicy, ['IfNeeded', 'Never'])
    checkParamKind(errors, 'spec.paramKind', spec.paramKind)
    if (!spec.matchConstraints) errors.push(required('spec.matchConstraints'))
    else checkMatchResources(errors, 'spec.matchConstraints', spec.matchConstraints, true)
    if (!spec.mutations?.length) errors.push(required('spec.mutations', 'mutations must contain at least one item'))
    spec.mutations?.forEach((mutation, i) => {
      const at = `spec.mutations[${i}]`
      checkOneOf(errors, `${at}.patchType`, mutation.patchType, ['ApplyConfiguration', 'JSONPatch'])
      if (mutation.patchType === 'ApplyConfiguration' && !mutation.applyConfiguration) {
        errors.push(required(`${at}.applyConfiguration`, 'must be specified when patchType is ApplyConfiguration'))
      }
      if (mutation.patchType === 'JSONPatch' && !mutation.jsonPatch) {
        errors.push(required(`${at}.jsonPatch`, 'must be specified when patchType is JSONPatch'))
      }
    })
    checkConditions(errors, 'spec.matchConditions', spec.matchConditions)
    checkVariables(errors, 'spec.variables', spec.variables)
    return [...errors, ...expressionErrors(policy)]
  },
  validateChange(policy, old): FieldError[] {
    return newErrors(MutatingAdmissionPolicy.validate?.(policy) ?? [], old)
  },
})
