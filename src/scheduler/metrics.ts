// The scheduler's counters, under the standard's metric names. Numbers only: nothing here runs on a timer.
import { formatFamily, labelText } from '../base/metrics-text.ts'
import type { SchedulingQueue } from './queue.ts'

export type AttemptResult = 'scheduled' | 'unschedulable' | 'error'

const RESULTS: readonly AttemptResult[] = ['scheduled', 'unschedulable', 'error']

export class SchedulerMetrics {
  readonly #attempts = new Map<AttemptResult, { count: number; busyMs: number }>()
  #preemptions = 0
  #pending: () => SchedulingQueue['counts'] = () => ({ active: 0, backoff: 0, unschedulable: 0, gated: 0 })

  /** Where the number of waiting pods comes from. */
  pending(counts: () => SchedulingQueue['counts']): void {
    this.#pending = counts
  }

  /** @param ms what the decision, and the binding if there was one, took */
  attempted(result: AttemptResult, ms: number): void {
    const { count, busyMs } = this.#attempts.get(result) ?? { count: 0, busyMs: 0 }
    this.#attempts.set(result, { count: count + 1, busyMs: busyMs + ms })
  }

  preempted(): void {
    this.#preemptions++
  }

  /** In the Prometheus text format. */
  format(): string {
    const of = (result: AttemptResult) => this.#attempts.get(result) ?? { count: 0, busyMs: 0 }
    const each = (name: string, value: (result: AttemptResult) => number) =>
      RESULTS.map((result) => `${name}${labelText({ result, profile: 'default-scheduler' })} ${value(result)}`)
    const attempts = 'scheduler_schedule_attempts_total'
    const duration = 'scheduler_scheduling_attempt_duration_seconds'
    const preemptions = 'scheduler_preemption_attempts_total'
    const pending = 'scheduler_pending_pods'
    return [
      formatFamily(
        { name: attempts, type: 'counter', help: 'Attempts to schedule pods, by the result.' },
        each(attempts, (result) => of(result).count),
      ),
      formatFamily({ name: duration, type: 'summary', help: 'What decisions and bindings took.' }, [
        ...each(`${duration}_sum`, (result) => of(result).busyMs / 1000),
        ...each(`${duration}_count`, (result) => of(result).count),
      ]),
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
