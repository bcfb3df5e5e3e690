// Whether the matchConditions of a webhook configuration can be compiled and say yes or no. Apart from the kind's other rules, so that
// only who uses conditions loads what compiles them.
import { compile } from '../../../api/cel/cel.ts'
import { REQUEST_VARIABLES } from '../../../api/cel/policy-environment.ts'
import { formatType } from '../../../api/cel/types.ts'
import { type FieldError, invalid } from '../../../api/meta/errors.ts'

export interface WithConditions {
  readonly webhooks?: readonly { readonly matchConditions?: readonly { readonly expression: string }[] }[]
}

/** What was stored before stays valid. */
export function conditionErrors(configuration: WithConditions, old: WithConditions | undefined): FieldError[] {
  const known = new Set((old?.webhooks ?? []).flatMap((hook) => (hook.matchConditions ?? []).map((c) => c.expression)))
  return (configuration.webhooks ?? []).flatMap(({ matchConditions = [] }, w) =>
    matchConditions.flatMap(({ expression }, c) => {
      const why = known.has(expression) ? undefined : problem(expression)
      return why ? [invalid(`webhooks[${w}].matchConditions[${c}].expression`, expression, why)] : []
    }),
  )
}

function problem(expression: string): string | undefined {
  const result = compile(expression, { variables: REQUEST_VARIABLES })
  if (!result.ok) return result.message
  const { outputType } = result.program
  return outputType.kind === 'bool' ? undefined : `must evaluate to bool but got ${formatType(outputType)}`
}
