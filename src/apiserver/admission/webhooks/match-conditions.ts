// matchConditions: expressions that all have to hold before a webhook is asked. The decision alone, pure; what understands the
// expressions is beside it.

/** One condition, ready to be evaluated. */
export interface CompiledCondition {
  readonly name: string
  /** An Error where it can't be evaluated; never throws. */
  evaluate(): boolean | Error
}

export interface ConditionsResult {
  /** False when one of them is false, whatever errors others had. */
  readonly matches: boolean
  readonly errors: readonly string[]
}

export function evaluateConditions(conditions: readonly CompiledCondition[]): ConditionsResult {
  const errors: string[] = []
  for (const condition of conditions) {
    const result = condition.evaluate()
    if (result === false) return { matches: false, errors }
    if (result !== true) errors.push(result.message)
  }
  return { matches: true, errors }
}
