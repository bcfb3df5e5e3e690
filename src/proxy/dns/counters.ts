// What the DNS server did, in the metric names of CoreDNS. `text` gives the Prometheus exposition.
import { formatFamily, labelText } from '../../base/metrics-text.ts'

class Counter {
  readonly name: string
  readonly help: string
  readonly #labels: readonly string[]
  /** By the label values, joined: made for every question, so that it has to be cheap. */
  readonly #counts = new Map<string, number>()

  constructor(name: string, help: string, labels: readonly string[]) {
    this.name = name
    this.help = help
    this.#labels = labels
  }

  /** One value for each label. */
  add(values: string): void {
    this.#counts.set(values, (this.#counts.get(values) ?? 0) + 1)
  }

  total(): number {
    let sum = 0
    for (const count of this.#counts.values()) sum += count
    return sum
  }

  text(): string {
    const lines = [...this.#counts].map(([values, count]) => {
      const labels = Object.fromEntries(values.split(' ').map((value, i) => [this.#labels[i], value]))
      return `${this.name}${labelText(labels)} ${count}`
    })
    return formatFamily({ name: this.name, type: 'counter', help: this.help }, lines)
  }
}

/** k8s: types that are counted by name; all others together, so that the number of series is bounded. */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  1: 'A',
  2: 'NS',
  5: 'CNAME',
  6: 'SOA',
  12: 'PTR',
  15: 'MX',
  16: 'TXT',
  28: 'AAAA',
  33: 'SRV',
  65: 'HTTPS',
  255: 'ANY',
}
const RCODE_NAMES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']

export class DnsCounters {
  readonly #counters = {
    requests: new Counter('coredns_dns_requests_total', 'DNS requests by zone, protocol and type.', [
      'zone',
      'proto',
      'type',
    ]),
    responses: new Counter('coredns_dns_responses_total', 'DNS responses by zone and response code.', [
      'zone',
      'rcode',
    ]),
    cacheHits: new Counter('coredns_cache_hits_total', 'Answers to forwarded names given from memory.', ['zones']),
    cacheMisses: new Counter('coredns_cache_misses_total', 'Forwarded names whose answer was not in memory.', [
      'zones',
    ]),
    forwards: new Counter('coredns_forward_requests_total', 'Questions sent to upstream servers.', ['to']),
    failures: new Counter('coredns_forward_failures_total', 'Questions that an upstream server left unanswered.', [
      'to',
    ]),
  }

  request(zone: string, overUdp: boolean, type: number): void {
    this.#counters.requests.add(`${zone} ${overUdp ? 'udp' : 'tcp'} ${TYPE_NAMES[type] ?? 'other'}`)
  }
  response(zone: string, rcode: number): void {
    this.#counters.responses.add(`${zone} ${RCODE_NAMES[rcode] ?? 'other'}`)
  }
  cached(hit: boolean): void {
    this.#counters[hit ? 'cacheHits' : 'cacheMisses'].add('.')
  }
  forwarded(to: string): void {
    this.#counters.forwards.add(to)
  }
  forwardFailed(to: string): void {
    this.#counters.failures.add(to)
  }

  /** How often, over all labels. */
  total(what: 'requests' | 'responses' | 'cacheHits' | 'cacheMisses' | 'forwards' | 'failures'): number {
    return this.#counters[what].total()
  }

  /** Prometheus text. */
  text(): string {
    return Object.values(this.#counters)
      .map((counter) => counter.text())
      .join('')
  }
}
