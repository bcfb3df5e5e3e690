// The server's metrics in Prometheus' text form: counters, gauges and histograms by label, and the API server's own under the names
// that dashboards know. Numbers only: nothing here runs on a timer.
import { formatFamily, labelText, type MetricFamily, type MetricLabels } from '../base/metrics-text.ts'
import type { RequestInfo } from './request-info.ts'

export interface Family extends MetricFamily {
  lines(): Iterable<string>
}

export class Value implements Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly #values = new Map<string, { value: number }>()

  constructor(type: 'counter' | 'gauge', name: string, help: string) {
    this.type = type
    this.name = name
    this.help = help
  }

  add(labels: MetricLabels, by = 1): void {
    this.cell(labels).value += by
  }

  /** Where the value of these labels is kept, for those who count often. */
  cell(labels: MetricLabels): { value: number } {
    const key = labelText(labels)
    let cell = this.#values.get(key)
    if (!cell) {
      cell = { value: 0 }
      this.#values.set(key, cell)
    }
    return cell
  }

  *lines(): Iterable<string> {
    for (const [labels, { value }] of this.#values) yield `${this.name}${labels} ${value}`
  }
}

interface Series {
  readonly labels: MetricLabels
  /** By bucket, each value in the first one that takes it. */
  readonly counts: number[]
  sum: number
  count: number
}

export class Histogram implements Family {
  readonly type = 'histogram'
  readonly name: string
  readonly help: string
  readonly #bounds: readonly number[]
  readonly #series = new Map<string, Series>()

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name
    this.help = help
    this.#bounds = bounds
  }

  observe(labels: MetricLabels, value: number): void {
    this.observeIn(this.series(labels), value)
  }

  series(labels: MetricLabels): Series {
    const key = labelText(labels)
    let series = this.#series.get(key)
    if (!series) {
      series = { labels, counts: this.#bounds.map(() => 0), sum: 0, count: 0 }
      this.#series.set(key, series)
    }
    return series
  }

  observeIn(series: Series, value: number): void {
    const bucket = this.#bounds.findIndex((bound) => value <= bound)
    if (bucket >= 0) series.counts[bucket]!++
    series.sum += value
    series.count++
  }

  *lines(): Iterable<string> {
    for (const { labels, counts, sum, count } of this.#series.values()) {
      let upTo = 0
      for (const [i, bound] of this.#bounds.entries()) {
        upTo += counts[i]!
        yield `${this.name}_bucket${labelText({ ...labels, le: String(bound) })} ${upTo}`
      }
      yield `${this.name}_bucket${labelText({ ...labels, le: '+Inf' })} ${count}`
      yield `${this.name}_sum${labelText(labels)} ${sum}`
      yield `${this.name}_count${labelText(labels)} ${count}`
    }
  }
}

const SECONDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60]

export class Metrics {
  readonly requests = new Value('counter', 'apiserver_request_total', 'Requests by verb, resource and response code.')
  readonly durations = new Histogram(
    'apiserver_request_duration_seconds',
    'How long requests took, long-running ones excepted.',
    SECONDS,
  )
  readonly longRunning = new Value(
    'gauge',
    'apiserver_longrunning_requests',
    'Watches, log streams and connections to pods that are open.',
  )
  readonly inflight = new Value('gauge', 'apiserver_current_inflight_requests', 'Requests being handled.')
  readonly rejected = new Value('counter', 'apiserver_dropped_requests_total', 'Requests refused because of too many.')
  readonly auditEvents = new Value('counter', 'apiserver_audit_event_total', 'Events given to the audit log.')
  readonly auditErrors = new Value('counter', 'apiserver_audit_error_total', 'Audit events that were lost.')
  readonly #startedMs: number
  readonly #more: Family[] = []
  /** What requests of one sort are counted in, found without making their labels' text again. */
  readonly #sorts = new Map<string, { total: { value: number }; durations: Series | undefined }>()

  constructor(startedMs: number) {
    this.#startedMs = startedMs
  }

  /** Families of parts of the server that aren't always there. */
  also(...families: Family[]): void {
    this.#more.push(...families)
  }

  /** Counts a request; `seconds` is undefined for long-running ones. */
  answered(info: RequestInfo, known: boolean, status: number, seconds: number | undefined): void {
    const { group, version, resource, subresource } = info
    const scope = info.name ? 'r' : info.namespace ? 'n' : 'c'
    const what = known ? `${group}/${version}/${resource}/${subresource}` : ''
    const long = seconds === undefined
    const key = `${info.verb} ${scope} ${status} ${info.isResource} ${long} ${what}`
    let sort = this.#sorts.get(key)
    if (!sort) {
      const labels = requestLabels(info, known)
      sort = {
        total: this.requests.cell({ ...labels, code: String(status) }),
        durations: seconds === undefined ? undefined : this.durations.series(labels),
      }
      this.#sorts.set(key, sort)
    }
    sort.total.value++
    if (seconds !== undefined && sort.durations) this.durations.observeIn(sort.durations, seconds)
  }

  format(nowMs: number): string {
    const memory = process.memoryUsage()
    const cpu = process.cpuUsage()
    const families: Family[] = [
      this.requests,
      this.durations,
      this.longRunning,
      this.inflight,
      this.rejected,
      ...this.#more,
    ]
    const single = (name: string, type: 'counter' | 'gauge', help: string, value: number) =>
      formatFamily({ name, type, help }, [`${name} ${value}`])
    const uptime = (nowMs - this.#startedMs) / 1000
    return [
      ...families.map((family) => formatFamily(family, family.lines())),
      single('process_cpu_seconds_total', 'counter', 'CPU time spent.', (cpu.user + cpu.system) / 1e6),
      single('process_resident_memory_bytes', 'gauge', 'Resident memory.', memory.rss),
      single('process_start_time_seconds', 'gauge', 'When the server started.', this.#startedMs / 1000),
      single('nodejs_heap_size_used_bytes', 'gauge', 'Heap in use.', memory.heapUsed),
      single('process_uptime_seconds', 'gauge', 'For how long it has been running.', uptime),
    ].join('')
  }
}

const VERBS_SHOWN: Readonly<Record<string, string>> = {
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
}

/** The labels of a request. Names that no kind has would let clients make series without end: `known` says whether it exists. */
export function requestLabels(info: RequestInfo, known: boolean): MetricLabels {
  const scope = info.name ? 'resource' : info.namespace ? 'namespace' : 'cluster'
  const { group, version, resource, subresource } = known
    ? info
    : { group: '', version: '', resource: '', subresource: '' }
  return {
    verb: VERBS_SHOWN[info.verb] ?? info.verb.toUpperCase(),
    group,
    version,
    resource,
    subresource,
    scope: info.isResource ? scope : '',
    component: 'apiserver',
  }
}
