// The metrics of admission webhooks, under the names that dashboards know.
import { Histogram, type Metrics, Value } from '../../metrics.ts'

const BOUNDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25]
/** k8s: larger codes count as this one, so that a webhook can't make series without end. */
const MAX_CODE = 600

export type HookType = 'admit' | 'validating'
export type ErrorType = 'calling_webhook_error' | 'apiserver_internal_error' | 'no_error'

export class WebhookMetrics {
  readonly #durations = new Histogram(
    'apiserver_admission_webhook_admission_duration_seconds',
    'How long admission webhooks took, by name, operation and type (validating or admit).',
    BOUNDS,
  )
  readonly #requests = new Value(
    'counter',
    'apiserver_admission_webhook_request_total',
    'Requests to admission webhooks by name, type, operation and code of the answer.',
  )
  readonly #rejections = new Value(
    'counter',
    'apiserver_admission_webhook_rejection_count',
    'Requests that admission webhooks rejected, or that were rejected because a webhook could not be called.',
  )
  readonly #failedOpen = new Value(
    'counter',
    'apiserver_admission_webhook_fail_open_count',
    'Calls of admission webhooks that failed and were ignored.',
  )
  readonly #excluded = new Value(
    'counter',
    'apiserver_admission_match_condition_exclusions_total',
    'Requests that match conditions kept from a webhook.',
  )
  readonly #conditionErrors = new Value(
    'counter',
    'apiserver_admission_match_condition_evaluation_errors_total',
    'Match conditions that could not be evaluated.',
  )

  constructor(metrics: Metrics) {
    metrics.also(
      this.#durations,
      this.#requests,
      this.#rejections,
      this.#failedOpen,
      this.#excluded,
      this.#conditionErrors,
    )
  }

  called(name: string, type: HookType, operation: string, code: number, rejected: boolean, seconds: number): void {
    const labels = { name, type, operation, rejected: String(rejected) }
    this.#durations.observe(labels, seconds)
    this.#requests.add({ name, type, operation, code: bounded(code), rejected: String(rejected) })
  }

  rejected(name: string, type: HookType, operation: string, errorType: ErrorType, code: number): void {
    this.#rejections.add({ name, type, operation, error_type: errorType, rejection_code: bounded(code) })
  }

  failedOpen(name: string, type: HookType): void {
    this.#failedOpen.add({ name, type })
  }

  excluded(name: string, type: string, operation: string): void {
    this.#excluded.add({ name, kind: 'webhook', type, operation })
  }

  conditionFailed(name: string, type: string, operation: string): void {
    this.#conditionErrors.add({ name, kind: 'webhook', type, operation })
  }
}

const bounded = (code: number) => String(Math.min(code, MAX_CODE))
