// Counters, gauges and histograms by label, in Prometheus' text form.
import { labelText, type MetricFamily, type MetricLabels } from './metrics-text.ts'

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

export interface Series {
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
