// The API server's metrics, under the names, labels and buckets that dashboards know, in Prometheus' text form. Numbers only: nothing
// here runs on a timer, and what can be read when somebody asks is not counted.

import { type Family, Histogram, type Series, Value } from '../base/metric-families.ts'
import { formatFamily, labelText, type MetricLabels } from '../base/metrics-text.ts'
import { processMetrics } from './process-metrics.ts'
import type { RequestInfo } from './request-info.ts'

export { type Family, Histogram, Value } from '../base/metric-families.ts'

const SECONDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60]

const SIZES = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]

/** What requests of one sort are counted in, found without making their labels' text again. */
interface Sort {
  readonly total: { value: number }
  readonly durations: Series
  readonly sizes: Series | undefined
}

export class Metrics {
  readonly requests = new Value('counter', 'apiserver_request_total', 'Requests by verb, resource and response code.')
  readonly durations = new Histogram(
    'apiserver_request_duration_seconds',
    'How long requests took, long-running ones excepted.',
    SECONDS,
  )
  readonly sizes = new Histogram('apiserver_response_sizes', 'Bytes of the answers to reads.', SIZES)
  readonly longRunning = new Value(
    'gauge',
    'apiserver_longrunning_requests',
    'Watches, log streams and connections to pods that are open.',
  )
  readonly terminations = new Value(
    'counter',
    'apiserver_request_terminations_total',
    'Requests that the server ended to protect itself.',
  )
  readonly watchEvents = new Value('counter', 'apiserver_watch_events_total', 'Events sent to watchers.')
  readonly attempts = new Value('counter', 'authentication_attempts', 'Authentications by their result.')
  readonly users = new Value('counter', 'authenticated_user_requests', 'Requests of authenticated users.')
  readonly rejected = new Value('counter', 'apiserver_dropped_requests_total', 'Requests refused because of too many.')
  readonly auditLevels = new Value('counter', 'apiserver_audit_level_total', 'Audited events by level.')
  /** Requests being handled. */
  readonly inflight = { readOnly: 0, mutating: 0 }
  readonly #authenticated = this.attempts.cell({ result: 'success' })
  readonly #others = this.users.cell({ username: 'other' })
  readonly #startedMs: number
  readonly #more: Family[] = []
  readonly #sorts = new Map<string, Sort>()

  constructor(startedMs: number) {
    this.#startedMs = startedMs
  }

  /** Families of parts of the server that aren't always there. */
  also(...families: Family[]): void {
    this.#more.push(...families)
  }

  /** Counts a request; `seconds` is undefined for long-running ones, `sizeBytes` where it isn't known or no read. */
  answered(
    info: RequestInfo,
    known: boolean,
    status: number,
    seconds: number | undefined,
    sizeBytes: number | undefined,
  ): void {
    const { group, version, resource, subresource } = info
    const scope = info.name ? 'r' : info.namespace ? 'n' : 'c'
    const what = known ? `${group}/${version}/${resource}/${subresource}` : ''
    const key = `${info.verb} ${scope} ${status} ${info.isResource} ${sizeBytes === undefined} ${what}`
    let sort = this.#sorts.get(key)
    if (!sort) {
      const labels = requestLabels(info, known)
      const { dry_run: _, ...withoutDryRun } = labels
      sort = {
        total: this.requests.cell({ ...labels, code: String(status) }),
        durations: this.durations.series(labels),
        sizes: sizeBytes === undefined ? undefined : this.sizes.series(withoutDryRun),
      }
      this.#sorts.set(key, sort)
    }
    sort.total.value++
    if (seconds !== undefined) this.durations.observeIn(sort.durations, seconds)
    if (sizeBytes !== undefined && sort.sizes) this.sizes.observeIn(sort.sizes, sizeBytes)
  }

  authenticated(username: string): void {
    this.#authenticated.value++
    const label = userLabel(username)
    if (label === 'other') this.#others.value++
    else this.users.cell({ username: label }).value++
  }

  refusedCredentials(): void {
    this.attempts.add({ result: 'failure' })
  }

  format(nowMs: number): string {
    const families: Family[] = [
      this.requests,
      this.durations,
      this.sizes,
      this.longRunning,
      this.terminations,
      this.watchEvents,
      this.attempts,
      this.users,
      this.rejected,
      this.auditLevels,
      ...this.#more,
    ]
    const inflight = Object.entries(this.inflight).map(
      ([kind, count]) => `apiserver_current_inflight_requests${labelText({ request_kind: kind })} ${count}`,
    )
    const gauge = {
      name: 'apiserver_current_inflight_requests',
      type: 'gauge',
      help: 'Requests being handled.',
    } as const
    return [
      ...families.map((family) => formatFamily(family, family.lines())),
      formatFamily(gauge, inflight),
      processMetrics(this.#startedMs, nowMs),
    ].join('')
  }
}

/** k8s: names of users would make series without end. */
function userLabel(name: string): string {
  if (name === 'admin' || name === 'system:serviceaccount:kube-system:default') return name
  return name.includes('@') ? 'email_id' : 'other'
}

/** How many objects there are of each resource. */
export function objectCounts(counts: Iterable<{ group: string; resource: string; count: number }>): string {
  const samples = [...counts].filter(({ count }) => count > 0)
  const family = (name: string, labels: (one: { group: string; resource: string }) => MetricLabels) =>
    formatFamily(
      { name, type: 'gauge', help: 'Objects stored, by resource.' },
      samples.map((one) => `${name}${labelText(labels(one))} ${one.count}`),
    )
  return (
    family('apiserver_storage_objects', ({ group, resource }) => ({
      resource: group ? `${resource}.${group}` : resource,
    })) + family('apiserver_resource_objects', ({ group, resource }) => ({ group, resource }))
  )
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
    dry_run: '',
  }
}
