// MutatingAdmissionPolicyBinding: where a mutating policy holds, and with which parameters.
import type { FieldError } from '../meta/errors.ts'
import { dnsSubdomain } from '../meta/names.ts'
import type * as types from '../types/admissionregistration.v1.ts'
import { checkName } from './check.ts'
import { age, text } from './columns.ts'
import { defineKind } from './kind.ts'
import { checkMatchResources, checkParamRef, defaultMatchResources, paramRefText } from './webhook-rules.ts'

export type MutatingAdmissionPolicyBinding = types.MutatingAdmissionPolicyBinding

export const MutatingAdmissionPolicyBinding = defineKind<MutatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicyBinding',
  plural: 'mutatingadmissionpolicybindings',
  scope: 'Cluster',
  allowUnconditionalUpdate: false,
  categories: ['api-extensions'],
  description: 'Says where a mutating policy holds, and with which parameters.',
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
    checkMatchResources(errors, 'spec.matchResouces', spec.matchResources, false)
    return errors
  },
})
