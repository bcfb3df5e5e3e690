// Counters of the controllers' work queues, under the standard's metric names.
import { formatFamily, labelText } from '../base/metrics-text.ts'

export interface QueueCounters {
  adds: number
  retries: number
  syncs: number
  failures: number
  busyMs: number
  depth: () => number
}

export class ControllerMetrics {
  readonly #byController = new Map<string, QueueCounters>()

  of(controller: string, depth: () => number): QueueCounters {
    const known = this.#byController.get(controller)
    if (known) return Object.assign(known, { depth })
    const counters = { adds: 0, retries: 0, syncs: 0, failures: 0, busyMs: 0, depth }
    this.#byController.set(controller, counters)
    return counters
  }

  /** In the Prometheus text format. */
  format(): string {
    let text = ''
    const metric = (name: string, type: 'counter' | 'gauge', help: string, value: (c: QueueCounters) => number) => {
      const samples = [...this.#byController].map(
        ([controller, c]) => `${name}${labelText({ name: controller })} ${value(c)}`,
      )
      text += formatFamily({ name, type, help }, samples)
    }
    metric('workqueue_depth', 'gauge', 'Keys waiting to be synced.', (c) => c.depth())
    metric('workqueue_adds_total', 'counter', 'Keys added.', (c) => c.adds)
    metric('workqueue_retries_total', 'counter', 'Keys added again after a failure.', (c) => c.retries)
    metric('workqueue_work_duration_seconds_sum', 'counter', 'Time spent in syncs.', (c) => c.busyMs / 1000)
    metric('workqueue_work_duration_seconds_count', 'counter', 'Syncs.', (c) => c.syncs)
    metric('controller_sync_failures_total', 'counter', 'Syncs that failed.', (c) => c.failures)
    return text
  }
}
