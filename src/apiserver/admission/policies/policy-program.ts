// One policy, compiled, and its decision about one request with one parameter. Pure: what it looks at comes in as bindings.
import { RUNTIME_BUDGET } from '../../../api/cel/budget.ts'
import { type CelProgram, CostBudget, compile } from '../../../api/cel/cel.ts'
import { CelError } from '../../../api/cel/errors.ts'
import type { CelType, ObjectField, ObjectType } from '../../../api/cel/types.ts'
import { DYN } from '../../../api/cel/types.ts'
import { evaluateConditions } from '../webhooks/match-conditions.ts'
import { policyVariables } from './environment.ts'
import type { Policy } from './policy-index.ts'

export interface Denial {
  readonly message: string
  readonly reason: string
  /** Of the validation among the policy's; undefined: the policy as a whole could not be evaluated. */
  readonly index: number | undefined
}
export interface Outcome {
  readonly denials: readonly Denial[]
  readonly annotations: readonly { readonly key: string; readonly value: string }[]
}
type Values = Readonly<Record<string, unknown>>
type Compiled = CelProgram | Error

export class PolicyProgram {
  readonly #policy: Policy
  readonly #conditions: readonly { name: string; expression: string; program: Compiled }[]
  readonly #variables: readonly { name: string; program: Compiled }[]
  readonly #validations: readonly { program: Compiled; message: Compiled | undefined }[]
  readonly #annotations: readonly { key: string; program: Compiled }[]

  constructor(policy: Policy) {
    const { spec } = policy
    const params = spec.paramKind !== undefined
    this.#policy = policy
    const fields = new Map<string, ObjectField>()
    const type: ObjectType = { kind: 'object', name: 'kubernetes.variables', fields: () => fields }
    const compiled = (expression: string, own: ObjectType | undefined = type): Compiled => {
      const result = compile(expression, { variables: policyVariables(params, own) })
      return result.ok ? result.program : new Error(`compilation error: ${result.message}`)
    }
    const plain: ObjectType = { kind: 'object', name: 'kubernetes.variables', fields: () => new Map() }
    this.#conditions = (spec.matchConditions ?? []).map(({ name, expression }) => ({
      name,
      expression,
      program: compiled(expression, plain),
    }))
    // each sees those before it
    this.#variables = (spec.variables ?? []).map(({ name, expression }) => {
      const program = compiled(expression)
      const of: CelType = program instanceof Error ? DYN : program.outputType
      fields.set(name, { name, jsonName: name, type: of })
      return { name, program }
    })
    this.#validations = (spec.validations ?? []).map(({ expression, messageExpression }) => ({
      program: compiled(expression),
      message: messageExpression ? compiled(messageExpression) : undefined,
    }))
    this.#annotations = (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({
      key,
      program: compiled(valueExpression),
    }))
  }

  decide(request: Values): Outcome {
    const { spec } = this.#policy
    const budget = new CostBudget(RUNTIME_BUDGET)
    const fails = spec.failurePolicy !== 'Ignore'
    const matched = evaluateConditions(
      this.#conditions.map(({ name, expression, program }) => ({
        name,
        evaluate() {
          const result = evaluated(program, expression, request, budget)
          if (typeof result === 'boolean' || result instanceof Error) return result
          return new Error(`expression '${expression}' must evaluate to a bool`)
        },
      })),
    )
    if (!matched.matches) return { denials: [], annotations: [] }
    if (matched.errors.length > 0) {
      const denials = fails ? [{ message: matched.errors.join(', '), reason: '', index: undefined }] : []
      return { denials, annotations: [] }
    }
    const values: Values = { ...request, variables: this.#lazyVariables(request, budget) }
    const denials: Denial[] = []
    for (const [index, { program, message }] of this.#validations.entries()) {
      const validation = spec.validations![index]!
      const result = evaluated(program, validation.expression, values, budget)
      if (result === true) continue
      const reason = validation.reason ?? ''
      if (result instanceof Error) {
        if (fails) denials.push({ message: result.message, reason: '', index })
        continue
      }
      const shown = message && messageText(message, values, budget)
      const plain = validation.message?.trim() || `failed expression: ${validation.expression.trim()}`
      denials.push({ message: shown || plain, reason, index })
    }
    const annotations: { key: string; value: string }[] = []
    for (const [i, { key, program }] of this.#annotations.entries()) {
      const result = evaluated(program, spec.auditAnnotations![i]!.valueExpression, values, budget)
      if (result instanceof Error) {
        if (fails) denials.push({ message: result.message, reason: '', index: undefined })
      } else if (typeof result === 'string' && result.trim() !== '') annotations.push({ key, value: result.trim() })
    }
    return { denials, annotations }
  }

  /** An object whose fields are computed when they are first read. */
  #lazyVariables(request: Values, budget: CostBudget): object {
    const variables = {}
    const values = { ...request, variables }
    for (const [i, { name, program }] of this.#variables.entries()) {
      const { expression } = this.#policy.spec.variables![i]!
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
    return variables
  }
}

function evaluated(program: Compiled, expression: string, values: Values, budget: CostBudget): unknown {
  if (program instanceof Error) return program
  try {
    return program.evaluate(values, budget)
  } catch (err) {
    if (err instanceof CelError) return new Error(`expression '${expression}' resulted in error: ${err.message}`)
    throw err
  }
}

const MAX_MESSAGE_BYTES = 5 * 1024
/** k8s: a message that cannot be used is as good as none. */
function messageText(program: Compiled, values: Values, budget: CostBudget): string | undefined {
  const result = evaluated(program, '', values, budget)
  if (typeof result !== 'string') return undefined
  const text = result.trim()
  return text.includes('\n') || Buffer.byteLength(text) > MAX_MESSAGE_BYTES ? undefined : text
}
