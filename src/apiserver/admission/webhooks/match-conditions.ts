// matchConditions: expressions that all have to hold before a webhook is asked. The decision is here, pure; what understands the
// expressions comes in as a compiler.
import type { DeepReadonly } from '../../../api/meta/object.ts'
import type { MatchCondition } from '../../../api/types/admissionregistration.v1.ts'
import type { AdmissionRequest } from '../admission.ts'
import type { ShownAs } from './review.ts'

/** One condition, compiled. */
export interface CompiledCondition {
  readonly name: string
  /** An Error where it can't be evaluated; never throws. */
  evaluate(bindings: Bindings): boolean | Error
}

/** What the expressions of one webhook may look at, and what they may cost together. */
export interface Bindings {
  readonly request: AdmissionRequest
  readonly shown: ShownAs
}

export type CompileConditions = (conditions: readonly DeepReadonly<MatchCondition>[]) => readonly CompiledCondition[]

export interface ConditionsResult {
  /** False when one of them is false, whatever errors others had. */
  readonly matches: boolean
  readonly errors: readonly string[]
}

export function evaluateConditions(conditions: readonly CompiledCondition[], bindings: Bindings): ConditionsResult {
  const errors: string[] = []
  for (const condition of conditions) {
    const result = condition.evaluate(bindings)
    if (result === false) return { matches: false, errors }
    if (result !== true) errors.push(result.message)
  }
  return { matches: true, errors }
}
