// Match conditions, compiled: of webhooks and of policies alike.

import { MATCH_CONDITIONS_BUDGET } from '../../../api/cel/budget.ts'
import type { CelEnvironment } from '../../../api/cel/cel.ts'
import { CostBudget, compile } from '../../../api/cel/cel.ts'
import { CelError } from '../../../api/cel/errors.ts'
import type { Authorizer } from '../../authz/authorizer.ts'
import type { CompileConditions } from '../webhooks/match-conditions.ts'
import { requestBindings, requestVariables } from './environment.ts'

type Evaluate = (bindings: Readonly<Record<string, unknown>>, budget: CostBudget) => boolean | Error

/** One condition. An expression that does not compile or hold a truth value gives an Error each time. */
export function compileCondition(expression: string, env: CelEnvironment): Evaluate {
  const compiled = compile(expression, env)
  if (!compiled.ok) return () => new Error(`compilation error: ${compiled.message}`)
  const { program } = compiled
  return (bindings, budget) => {
    try {
      const value = program.evaluate(bindings, budget)
      return typeof value === 'boolean' ? value : new Error(`expression '${expression}' must evaluate to a bool`)
    } catch (err) {
      if (err instanceof CelError) return new Error(`expression '${expression}' resulted in error: ${err.message}`)
      throw err
    }
  }
}

/** For webhooks: all conditions about one request share one budget. */
export const conditionCompiler =
  (authorizer: Authorizer): CompileConditions =>
  (conditions) => {
    const budgets = new WeakMap<object, CostBudget>()
    return conditions.map(({ name, expression }) => {
      const evaluate = compileCondition(expression, { variables: requestVariables })
      return {
        name,
        evaluate({ request, shown }) {
          let budget = budgets.get(request)
          if (!budget) {
            budget = new CostBudget(MATCH_CONDITIONS_BUDGET)
            budgets.set(request, budget)
          }
          return evaluate(requestBindings(request, shown, authorizer), budget)
        },
      }
    })
  }
