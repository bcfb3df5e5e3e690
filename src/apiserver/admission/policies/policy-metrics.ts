// The metrics of admission policies, under the names that dashboards know.
import { CelCostError } from '../../../api/cel/errors.ts'
import { Histogram, type Metrics, Value } from '../../metrics.ts'
import { CompilationError } from './policy-expressions.ts'

const BOUNDS = [0.0000005, 0.001, 0.01, 0.1, 1]

export class PolicyMetrics {
  readonly #checks: Value
  readonly #durations: Histogram

  constructor(metrics: Metrics, which: 'validating' | 'mutating') {
    const prefix = `apiserver_${which}_admission_policy_check`
    this.#checks = new Value('counter', `${prefix}_total`, 'Evaluations of admission policies, by policy and binding.')
    this.#durations = new Histogram(`${prefix}_duration_seconds`, 'How long evaluations of policies took.', BOUNDS)
    metrics.also(this.#checks, this.#durations)
  }

  /** @param action what was done about it: allow, deny, audit, warn; none of mutations */
  observe(policy: string, binding: string, error: Error | undefined, seconds: number, action?: string): void {
    const labels = {
      policy,
      policy_binding: binding,
      error_type: errorType(error),
      ...(action ? { enforcement_action: action } : {}),
    }
    this.#checks.add(labels)
    this.#durations.observe(labels, seconds)
  }
}

function errorType(error: Error | undefined): string {
  if (!error) return 'no_error'
  if (error instanceof CompilationError) return 'compile_error'
  return error.cause instanceof CelCostError ? 'out_of_budget' : 'invalid_error'
}
