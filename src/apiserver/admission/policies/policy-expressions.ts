// What validating and mutating policies have in common: match conditions, and variables that later ones and the policy's own expressions
// may use. Compiled once; what cannot be compiled is an error whenever it would be evaluated. Pure.
import { MATCH_CONDITIONS_BUDGET } from '../../../api/cel/budget.ts'
import { type CelEnvironment, type CelProgram, CostBudget, compile } from '../../../api/cel/cel.ts'
import { CelError } from '../../../api/cel/errors.ts'
import { MUTATION_ENVIRONMENT, policyVariables } from '../../../api/cel/policy-environment.ts'
import { type CelType, DYN, type ObjectField, type ObjectType } from '../../../api/cel/types.ts'
import { type ConditionsResult, evaluateConditions } from '../webhooks/match-conditions.ts'
import type { Policy } from './policy-index.ts'

export type Values = Readonly<Record<string, unknown>>
export type Compiled = CelProgram | CompilationError

export class CompilationError extends Error {}

export class PolicyExpressions {
  readonly #policy: Policy
  readonly #fields = new Map<string, ObjectField>()
  readonly #conditions: readonly { name: string; expression: string; program: Compiled }[]
  readonly #variables: readonly { name: string; expression: string; program: Compiled }[]

  constructor(policy: Policy) {
    const { variables = [], matchConditions = [] } = policy.spec
    this.#policy = policy
    // each sees those before it
    this.#variables = variables.map(({ name, expression }) => {
      const program = this.compile(expression)
      const type: CelType = program instanceof Error ? DYN : program.outputType
      this.#fields.set(name, { name, jsonName: name, type })
      return { name, expression, program }
    })
    this.#conditions = matchConditions.map(({ name, expression }) => ({
      name,
      expression,
      program: this.compile(expression),
    }))
  }

  /** @param mutates whether it may construct objects and patches */
  compile(expression: string, mutates = false): Compiled {
    const type: ObjectType = { kind: 'object', name: 'kubernetes.variables', fields: () => this.#fields }
    const environment: CelEnvironment = {
      variables: policyVariables(this.#policy.spec.paramKind !== undefined, type),
      ...(mutates ? MUTATION_ENVIRONMENT : {}),
    }
    const result = compile(expression, environment)
    return result.ok ? result.program : new CompilationError(`compilation error: ${result.message}`)
  }

  conditionsHold(request: Values): ConditionsResult {
    const budget = new CostBudget(MATCH_CONDITIONS_BUDGET)
    const values = this.withVariables(request, budget)
    return evaluateConditions(
      this.#conditions.map(({ name, expression, program }) => ({
        name,
        evaluate() {
          const result = evaluated(program, expression, values, budget)
          if (typeof result === 'boolean' || result instanceof Error) return result
          return new Error(`expression '${expression}' must evaluate to a bool`)
        },
      })),
    )
  }

  /** The bindings with `variables`, whose fields are computed when they are first read. */
  withVariables(request: Values, budget: CostBudget): Values {
    const variables = {}
    const values = { ...request, variables }
    for (const { name, expression, program } of this.#variables) {
      let known: { value: unknown } | undefined
      Object.defineProperty(variables, name, {
        enumerable: true,
        get() {
          known ??= { value: evaluated(program, expression, values, budget) }
          if (known.value instanceof Error)
            throw new CelError(`composited variable ${JSON.stringify(name)} fails to evaluate: ${known.value.message}`)
          return known.value
        },
      })
    }
    return values
  }
}

/** The value, or the Error that says why there is none. */
export function evaluated(program: Compiled, expression: string, values: Values, budget: CostBudget): unknown {
  if (program instanceof Error) return program
  try {
    return program.evaluate(values, budget)
  } catch (err) {
    if (!(err instanceof CelError)) throw err
    return new Error(`expression '${expression}' resulted in error: ${err.message}`, { cause: err })
  }
}
