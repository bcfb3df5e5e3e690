// The scheduler's counters, under the standard's metric names. Numbers only: nothing here runs on a timer.
import { Histogram } from '../base/metric-families.ts'
import { formatFamily, labelText } from '../base/metrics-text.ts'
import type { SchedulingQueue } from './queue.ts'

export type AttemptResult = 'scheduled' | 'unschedulable' | 'error'

/** k8s: of attempts, in seconds. */
const SECONDS = Array.from({ length: 15 }, (_, power) => 2 ** power / 1000)
const labelsOf = (result: AttemptResult) => ({ result, profile: 'default-scheduler' })
const RESULTS: readonly AttemptResult[] = ['scheduled', 'unschedulable', 'error']

export class SchedulerMetrics {
  readonly #attempts = new Histogram(
    'scheduler_scheduling_attempt_duration_seconds',
    'What decisions and bindings took.',
    SECONDS,
  )
  #preemptions = 0
  #pending: () => SchedulingQueue['counts'] = () => ({ active: 0, backoff: 0, unschedulable: 0, gated: 0 })

  /** Where the number of waiting pods comes from. */
  pending(counts: () => SchedulingQueue['counts']): void {
    this.#pending = counts
  }

  /** @param ms what the decision, and the binding if there was one, took */
  attempted(result: AttemptResult, ms: number): void {
    this.#attempts.observe(labelsOf(result), ms / 1000)
  }

  preempted(): void {
    this.#preemptions++
  }

  /** In the Prometheus text format. */
  format(): string {
    const each = (name: string, value: (result: AttemptResult) => number) =>
      RESULTS.map((result) => `${name}${labelText(labelsOf(result))} ${value(result)}`)
    const attempts = 'scheduler_schedule_attempts_total'
    const preemptions = 'scheduler_preemption_attempts_total'
    const pending = 'scheduler_pending_pods'
    return [
      formatFamily(
        { name: attempts, type: 'counter', help: 'Attempts to schedule pods, by the result.' },
        each(attempts, (result) => this.#attempts.series(labelsOf(result)).count),
      ),
      formatFamily(this.#attempts, this.#attempts.lines()),
      formatFamily({ name: preemptions, type: 'counter', help: 'Attempts to make room for a pod.' }, [
        `${preemptions} ${this.#preemptions}`,
      ]),
      formatFamily(
        { name: pending, type: 'gauge', help: 'Pods that wait, by queue.' },
        Object.entries(this.#pending()).map(([queue, count]) => `${pending}${labelText({ queue })} ${count}`),
      ),
    ].join('')
  }
}
