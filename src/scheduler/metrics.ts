// The scheduler's counters, under the standard's metric names. Numbers only: nothing here runs on a timer.
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
      RESULTS.map((result) => `${name}{result="${result}",profile="default-scheduler"} ${value(result)}`)
    const head = (name: string, type: string, help: string) => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
    const lines = [
      ...head('scheduler_schedule_attempts_total', 'counter', 'Attempts to schedule pods, by the result.'),
      ...each('scheduler_schedule_attempts_total', (result) => of(result).count),
      ...head('scheduler_scheduling_attempt_duration_seconds', 'summary', 'Decisions and bindings.'),
      ...each('scheduler_scheduling_attempt_duration_seconds_sum', (result) => of(result).busyMs / 1000),
      ...each('scheduler_scheduling_attempt_duration_seconds_count', (result) => of(result).count),
      ...head('scheduler_preemption_attempts_total', 'counter', 'Attempts to make room for a pod.'),
      `scheduler_preemption_attempts_total ${this.#preemptions}`,
      ...head('scheduler_pending_pods', 'gauge', 'Pods that wait, by queue.'),
      ...Object.entries(this.#pending()).map(([queue, count]) => `scheduler_pending_pods{queue="${queue}"} ${count}`),
    ]
    return `${lines.join('\n')}\n`
  }
}
