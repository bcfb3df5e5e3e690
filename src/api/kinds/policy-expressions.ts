// What is wrong with the expressions of an admission policy: each must compile, with what it may use, and give what it is for. Loaded
// with the first policy that is written.
import { compile } from '../cel/cel.ts'
import { MUTATION_ENVIRONMENT, policyVariables } from '../cel/policy-environment.ts'
import { type CelType, formatType, type ObjectField, type ObjectType } from '../cel/types.ts'
import { type FieldError, invalid } from '../meta/errors.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type { MutatingAdmissionPolicy, ValidatingAdmissionPolicy } from '../types/admissionregistration.v1.ts'

export type AnyPolicy = DeepReadonly<ValidatingAdmissionPolicy> | DeepReadonly<MutatingAdmissionPolicy>
type Validating = Partial<DeepReadonly<ValidatingAdmissionPolicy>['spec']>
type Mutating = Partial<DeepReadonly<MutatingAdmissionPolicy>['spec']>

interface Rule {
  /** Type names, as messages show them; any type where there are none. */
  readonly wanted?: readonly string[]
  readonly mutates?: boolean
  /** Variables that it may not use. */
  readonly without?: readonly string[]
}
const BOOL: Rule = { wanted: ['bool'] }
const CONDITION: Rule = { wanted: ['bool'], without: ['variables'] }
const MESSAGE: Rule = { wanted: ['string'], without: ['authorizer', 'authorizer.requestResource'] }
const ANNOTATION: Rule = { wanted: ['string', 'null_type'] }

export function policyExpressionErrors({ spec }: AnyPolicy): FieldError[] {
  const { validations = [], auditAnnotations = [] } = spec as Validating
  const { mutations = [] } = spec as Mutating
  const errors: FieldError[] = []
  const fields = new Map<string, ObjectField>()
  const type: ObjectType = { kind: 'object', name: 'kubernetes.variables', fields: () => fields }
  const known = Object.entries(policyVariables(spec.paramKind !== undefined, type))

  function check(field: string, expression: string | undefined, rule: Rule): CelType | undefined {
    if (!expression?.trim()) return undefined
    const compiled = compile(expression, {
      variables: Object.fromEntries(known.filter(([name]) => !rule.without?.includes(name))),
      ...(rule.mutates ? MUTATION_ENVIRONMENT : {}),
    })
    if (!compiled.ok) {
      errors.push(invalid(field, expression, compiled.message))
      return undefined
    }
    const { outputType } = compiled.program
    const { wanted } = rule
    const given = outputType.kind === 'null' ? 'null_type' : formatType(outputType)
    if (wanted && !wanted.includes(given)) {
      const what = wanted.length === 1 ? wanted[0] : `one of [${wanted.join(' ')}]`
      errors.push(invalid(field, expression, `must evaluate to ${what} but got ${given}`))
    }
    return outputType
  }
  for (const [i, { name, expression }] of (spec.variables ?? []).entries()) {
    const output = check(`spec.variables[${i}].expression`, expression, {})
    if (output) fields.set(name, { name, jsonName: name, type: output })
  }
  for (const [i, { expression }] of (spec.matchConditions ?? []).entries()) {
    check(`spec.matchConditions[${i}].expression`, expression, CONDITION)
  }
  for (const [i, { expression, messageExpression }] of validations.entries()) {
    check(`spec.validations[${i}].expression`, expression, BOOL)
    check(`spec.validations[${i}].messageExpression`, messageExpression, MESSAGE)
  }
  for (const [i, { valueExpression }] of auditAnnotations.entries()) {
    check(`spec.auditAnnotations[${i}].valueExpression`, valueExpression, ANNOTATION)
  }
  for (const [i, { patchType, applyConfiguration, jsonPatch }] of mutations.entries()) {
    const json = patchType === 'JSONPatch'
    const [part, wanted] = json ? ['jsonPatch', 'list(JSONPatch)'] : ['applyConfiguration', 'Object']
    const { expression } = (json ? jsonPatch : applyConfiguration) ?? {}
    check(`spec.mutations[${i}].${part}.expression`, expression, { wanted: [wanted!], mutates: true })
  }
  return errors
}
