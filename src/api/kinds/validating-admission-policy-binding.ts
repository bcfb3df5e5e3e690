// ValidatingAdmissionPolicyBinding: where a policy holds, with which parameters, and what happens.
import { duplicate, type FieldError, invalid, notSupported, required } from '../meta/errors.ts'
import { dnsSubdomain } from '../meta/names.ts'
import type * as types from '../types/admissionregistration.v1.ts'
import { checkName } from './check.ts'
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
    checkName(errors, 'spec.policyName', spec.policyName, dnsSubdomain)
    checkParamRef(errors, 'spec.paramRef', spec.paramRef)
    // k8s: the path is spelled so
    checkMatchResources(errors, 'spec.matchResouces', spec.matchResources, false)
    const actions: readonly string[] = spec.validationActions ?? []
    const field = 'spec.validationActions'
    actions.forEach((action, i) => {
      if (!ACTIONS.includes(action)) errors.push(notSupported(`${field}[${i}]`, action, ACTIONS))
      if (actions.indexOf(action) < i) errors.push(duplicate(`${field}[${i}]`, action))
    })
    if (actions.includes('Deny') && actions.includes('Warn')) errors.push(invalid(field, actions, TWICE))
    if (actions.length === 0) errors.push(required(field, 'at least one validation action is required'))
    return errors
  },
})

const ACTIONS = ['Audit', 'Deny', 'Warn']
const TWICE =
  'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)'
