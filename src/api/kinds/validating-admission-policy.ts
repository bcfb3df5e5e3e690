// ValidatingAdmissionPolicy: expressions that objects must satisfy before they are stored.
import { duplicate, type FieldError, invalid, notSupported, required } from '../meta/errors.ts'
import { qualifiedName } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/admissionregistration.v1.ts'
import { checkConditionList } from './check-form.ts'
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
  validate: (policy) => [...policyErrors(policy), ...expressionErrors(policy)],
  validateChange: (policy, old): FieldError[] => newErrors(ValidatingAdmissionPolicy.validate?.(policy) ?? [], old),
  validateStatusUpdate({ status }) {
    const errors: FieldError[] = []
    status?.typeChecking?.expressionWarnings?.forEach(({ warning, fieldRef }, i) => {
      const at = `status.typeChecking.expressionWarnings[${i}]`
      if (!warning) errors.push(required(`${at}.warning`))
      if (!fieldRef?.trim()) errors.push(required(`${at}.fieldRef`))
    })
    checkConditionList(errors, 'status.conditions', status?.conditions)
    return errors
  },
})

const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge']
const NOTHING = 'validations or auditAnnotations must contain at least one item'
const MAX_ANNOTATIONS = 20
const MAX_ANNOTATION_BYTES = 5 * 1024

function policyErrors({ metadata, spec }: DeepReadonly<types.ValidatingAdmissionPolicy>): FieldError[] {
  const errors: FieldError[] = []
  const { failurePolicy, validations = [], auditAnnotations = [] } = spec
  if (failurePolicy !== 'Fail' && failurePolicy !== 'Ignore') {
    errors.push(notSupported('spec.failurePolicy', failurePolicy ?? '', ['Fail', 'Ignore']))
  }
  checkParamKind(errors, 'spec.paramKind', spec.paramKind)
  if (!spec.matchConstraints) errors.push(required('spec.matchConstraints'))
  else checkMatchResources(errors, 'spec.matchConstraints', spec.matchConstraints, true)
  checkConditions(errors, 'spec.matchConditions', spec.matchConditions)
  checkVariables(errors, 'spec.variables', spec.variables)
  if (validations.length === 0 && auditAnnotations.length === 0) {
    errors.push(required('spec.validations', NOTHING), required('spec.auditAnnotations', NOTHING))
    return errors
  }
  validations.forEach((validation, i) => {
    checkValidation(errors, `spec.validations[${i}]`, validation)
  })
  if (auditAnnotations.length > MAX_ANNOTATIONS) {
    const why = `must not have more than ${MAX_ANNOTATIONS} auditAnnotations`
    errors.push(invalid('spec.auditAnnotations', auditAnnotations, why))
  }
  const keys = new Set<string>()
  auditAnnotations.forEach(({ key = '', valueExpression = '' }, i) => {
    const at = `spec.auditAnnotations[${i}]`
    const full = `${metadata.name}/${key}`
    for (const problem of qualifiedName(full)) errors.push(invalid(`${at}.key`, full, problem))
    const text = valueExpression.trim()
    if (text === '') errors.push(required(`${at}.valueExpression`, 'valueExpression is not specified'))
    else if (Buffer.byteLength(text) > MAX_ANNOTATION_BYTES) {
      errors.push(required(`${at}.valueExpression`, `must not exceed ${MAX_ANNOTATION_BYTES} bytes in length`))
    }
    if (keys.has(key)) errors.push(duplicate(`${at}.key`, key))
    keys.add(key)
  })
  return errors
}

function checkValidation(errors: FieldError[], at: string, validation: DeepReadonly<types.Validation>): void {
  const { expression = '', message = '', messageExpression = '', reason } = validation
  if (expression.trim() === '') errors.push(required(`${at}.expression`, 'expression is not specified'))
  if (messageExpression !== '' && messageExpression.trim() === '') {
    errors.push(invalid(`${at}.messageExpression`, messageExpression, 'must be non-empty if specified'))
  }
  if (message !== '' && message.trim() === '') {
    errors.push(invalid(`${at}.message`, message, 'message must be non-empty if specified'))
  } else if (/[\n\r]/.test(message.trim())) {
    errors.push(invalid(`${at}.message`, message, 'message must not contain line breaks'))
  }
  if (reason !== undefined && !REASONS.includes(reason)) errors.push(notSupported(`${at}.reason`, reason, REASONS))
}
