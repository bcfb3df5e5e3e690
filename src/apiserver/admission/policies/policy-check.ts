// A policy that is written must have expressions that compile and give what they are for.
import { compile } from '../../../api/cel/cel.ts'
import { type CelType, formatType, type ObjectField, type ObjectType } from '../../../api/cel/types.ts'
import type { ValidatingAdmissionPolicy } from '../../../api/kinds/validating-admission-policy.ts'
import { type FieldError, invalid, invalidObject } from '../../../api/meta/errors.ts'
import { policyVariables } from './environment.ts'

/** @throws Invalid, naming each expression */
export function checkPolicy(policy: ValidatingAdmissionPolicy): void {
  const errors = expressionErrors(policy)
  if (errors.length === 0) return
  throw invalidObject(
    { group: 'admissionregistration.k8s.io', kind: 'ValidatingAdmissionPolicy' },
    policy.metadata.name ?? '',
    errors,
  )
}

export function expressionErrors({ spec }: ValidatingAdmissionPolicy): FieldError[] {
  const errors: FieldError[] = []
  const fields = new Map<string, ObjectField>()
  const type: ObjectType = { kind: 'object', name: 'kubernetes.variables', fields: () => fields }
  const params = spec.paramKind !== undefined
  const check = (
    field: string,
    expression: string | undefined,
    wanted: readonly string[],
    variables = true,
  ): CelType | undefined => {
    if (!expression?.trim()) return undefined
    const compiled = compile(expression, { variables: policyVariables(params, variables ? type : undefined) })
    if (!compiled.ok) {
      errors.push(invalid(field, expression, compiled.message))
      return undefined
    }
    const { outputType } = compiled.program
    if (wanted.length > 0 && !wanted.includes(outputType.kind)) {
      const names = wanted.map((kind) => (kind === 'null' ? 'null_type' : kind))
      const text = names.length === 1 ? `must evaluate to ${names[0]}` : `must evaluate to one of [${names.join(' ')}]`
      errors.push(invalid(field, expression, `${text}, not ${formatType(outputType)}`))
    }
    return outputType
  }
  for (const [i, { name, expression }] of (spec.variables ?? []).entries()) {
    const output = check(`spec.variables[${i}].expression`, expression, [])
    if (output) fields.set(name, { name, jsonName: name, type: output })
  }
  for (const [i, { expression }] of (spec.matchConditions ?? []).entries()) {
    check(`spec.matchConditions[${i}].expression`, expression, ['bool'], false)
  }
  for (const [i, { expression, messageExpression }] of (spec.validations ?? []).entries()) {
    check(`spec.validations[${i}].expression`, expression, ['bool'])
    check(`spec.validations[${i}].messageExpression`, messageExpression, ['string'])
  }
  for (const [i, { valueExpression }] of (spec.auditAnnotations ?? []).entries()) {
    check(`spec.auditAnnotations[${i}].valueExpression`, valueExpression, ['string', 'null'])
  }
  return errors
}
