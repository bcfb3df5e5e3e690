// matchConditions in the Common Expression Language. What can't be compiled can't be evaluated: validation keeps it out, and what was
// stored before is an error that the webhook's failurePolicy speaks to.
import { MATCH_CONDITIONS_BUDGET } from '../../../api/cel/budget.ts'
import { type CelProgram, CostBudget, compile } from '../../../api/cel/cel.ts'
import { REQUEST_VARIABLES } from '../../../api/cel/policy-environment.ts'
import type { Authorize } from '../../authorize.ts'
import type { AdmissionRequest } from '../admission.ts'
import { Questions } from '../cel-request.ts'
import { type CompiledCondition, type ConditionsResult, evaluateConditions } from './match-conditions.ts'
import { requestOf, type ShownAs } from './review.ts'

type Bindings = Readonly<Record<string, unknown>>

/** The conditions of one webhook, compiled once. */
export class CelConditions {
  readonly #conditions: readonly { readonly name: string; readonly program: CelProgram | Error }[]

  constructor(conditions: readonly { readonly name: string; readonly expression: string }[]) {
    this.#conditions = conditions.map(({ name, expression }) => {
      const result = compile(expression, { variables: REQUEST_VARIABLES })
      return { name, program: result.ok ? result.program : new Error(result.message) }
    })
  }

  match(request: AdmissionRequest, shown: ShownAs, authorize: Authorize): Promise<ConditionsResult> {
    const questions = new Questions(authorize, request)
    const bindings: Bindings = {
      object: shown.object ?? null,
      oldObject: shown.old ?? null,
      request: () => requestOf('', request, shown),
      ...questions.bindings,
    }
    return questions.settle(() => {
      const budget = new CostBudget(MATCH_CONDITIONS_BUDGET)
      return evaluateConditions(this.#conditions.map((one) => compiled(one, bindings, budget)))
    })
  }
}

function compiled(
  { name, program }: { readonly name: string; readonly program: CelProgram | Error },
  bindings: Bindings,
  budget: CostBudget,
): CompiledCondition {
  return {
    name,
    evaluate() {
      if (program instanceof Error) return program
      try {
        const value = program.evaluate(bindings, budget)
        return typeof value === 'boolean' ? value : new Error('cel expression does not evaluate to a boolean')
      } catch (err) {
        return new Error(`expression '${program.source}' resulted in error: ${(err as Error).message}`)
      }
    },
  }
}
