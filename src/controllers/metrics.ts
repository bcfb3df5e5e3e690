// Counters of the controllers' work queues, under the standard's metric names.
import { Histogram } from '../base/metric-families.ts'
import { formatFamily, labelText } from '../base/metrics-text.ts'

/** k8s: of work queues, in seconds. */
const SECONDS = Array.from({ length: 12 }, (_, power) => Number(`1e${power - 8}`))

export interface QueueCounters {
  adds: number
  retries: number
  syncs: number
  failures: number
  /** A sync has ended, after so many milliseconds. */
  readonly worked: (ms: number) => void
  depth: () => number
}

export class ControllerMetrics {
  readonly #byController = new Map<string, QueueCounters>()
  readonly #work = new Histogram('workqueue_work_duration_seconds', 'What syncs took.', SECONDS)

  of(controller: string, depth: () => number): QueueCounters {
    const known = this.#byController.get(controller)
    if (known) return Object.assign(known, { depth })
    const series = this.#work.series({ name: controller })
    const worked = (ms: number) => this.#work.observeIn(series, ms / 1000)
    const counters = { adds: 0, retries: 0, syncs: 0, failures: 0, worked, depth }
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
    metric('controller_sync_failures_total', 'counter', 'Syncs that failed.', (c) => c.failures)
    return text + formatFamily(this.#work, this.#work.lines())
  }
}
