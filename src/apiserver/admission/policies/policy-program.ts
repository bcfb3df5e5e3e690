// One validating policy, compiled, and its decision about one request with one parameter. Pure: what it looks at comes in as bindings.
import { RUNTIME_BUDGET } from '../../../api/cel/budget.ts'
import { CostBudget } from '../../../api/cel/cel.ts'
import { type Compiled, evaluated, PolicyExpressions, type Values } from './policy-expressions.ts'
import type { ValidatingPolicy } from './policy-index.ts'

export interface Denial {
  readonly message: string
  readonly reason: string
  /** Of the validation among the policy's, 0 for the policy as a whole. */
  readonly index: number
  /** What could not be evaluated; undefined: the object breaks the rule. */
  readonly error: Error | undefined
  /** An annotation that could not be computed: refused whatever the binding's actions are. */
  readonly always: boolean
}
export interface Outcome {
  readonly denials: readonly Denial[]
  /** Errors that the policy's failurePolicy lets pass. */
  readonly ignored: readonly Error[]
  readonly annotations: readonly { readonly key: string; readonly value: string }[]
}

const MAX_MESSAGE_BYTES = 5 * 1024
const MAX_ANNOTATION_BYTES = 10 * 1024

export class PolicyProgram {
  readonly #policy: ValidatingPolicy
  readonly #expressions: PolicyExpressions
  readonly #validations: readonly { program: Compiled; message: Compiled | undefined }[]
  readonly #annotations: readonly { key: string; expression: string; program: Compiled }[]

  constructor(policy: ValidatingPolicy) {
    const { validations = [], auditAnnotations = [] } = policy.spec
    const expressions = new PolicyExpressions(policy)
    this.#policy = policy
    this.#expressions = expressions
    this.#validations = validations.map(({ expression, messageExpression }) => ({
      program: expressions.compile(expression),
      message: messageExpression ? expressions.compile(messageExpression) : undefined,
    }))
    this.#annotations = auditAnnotations.map(({ key, valueExpression }) => ({
      key,
      expression: valueExpression,
      program: expressions.compile(valueExpression),
    }))
  }

  decide(request: Values): Outcome {
    const { spec } = this.#policy
    const denials: Denial[] = []
    const ignored: Error[] = []
    const failed = (error: Error, index: number, always = false) => {
      if (spec.failurePolicy === 'Ignore') ignored.push(error)
      else denials.push({ message: error.message, reason: '', index, error, always })
    }
    const { matches, errors } = this.#expressions.conditionsHold(request)
    if (!matches) return { denials, ignored, annotations: [] }
    if (errors.length > 0) {
      failed(new Error(errors.length === 1 ? errors[0]! : `[${errors.join(', ')}]`), 0)
      return { denials, ignored, annotations: [] }
    }
    const budget = new CostBudget(RUNTIME_BUDGET)
    const values = this.#expressions.withVariables(request, budget)
    for (const [index, { program, message }] of this.#validations.entries()) {
      const validation = spec.validations![index]!
      const result = evaluated(program, validation.expression, values, budget)
      if (result === true) continue
      if (result instanceof Error) {
        failed(result, index)
        continue
      }
      const shown = message && messageText(message, values, budget)
      const plain = validation.message?.trim() || `failed expression: ${validation.expression.trim()}`
      denials.push({
        message: shown || plain,
        reason: validation.reason ?? '',
        index,
        error: undefined,
        always: false,
      })
    }
    const annotations = this.#annotate(request, (error) => failed(error, 0, true))
    return { denials, ignored, annotations }
  }

  #annotate(request: Values, failed: (error: Error) => void): Outcome['annotations'] {
    const budget = new CostBudget(RUNTIME_BUDGET)
    const values = this.#expressions.withVariables(request, budget)
    return this.#annotations.flatMap(({ key, expression, program }) => {
      const result = evaluated(program, expression, values, budget)
      if (result instanceof Error) failed(result)
      if (typeof result !== 'string' || result.trim() === '') return []
      return [{ key, value: Buffer.from(result.trim()).subarray(0, MAX_ANNOTATION_BYTES).toString() }]
    })
  }
}

/** k8s: a message that cannot be used is as good as none. */
function messageText(program: Compiled, values: Values, budget: CostBudget): string | undefined {
  const result = evaluated(program, '', values, budget)
  if (typeof result !== 'string') return undefined
  const text = result.trim()
  return text.includes('\n') || Buffer.byteLength(text) > MAX_MESSAGE_BYTES ? undefined : text
}
