// `/metrics` of the whole control plane is what a strict reader of the Prometheus text format takes: each family once with HELP and TYPE
// before its samples, names and labels well formed, no sample twice, and histograms that add up.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { configMap, type TestApi, testApi } from '../../src/apiserver/test-api.ts'
import { ControllerMetrics } from '../../src/controllers/metrics.ts'
import { SchedulerMetrics } from '../../src/scheduler/metrics.ts'

interface Sample {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}
interface Family {
  readonly type: string
  readonly samples: Sample[]
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/
const VALUE = /^(?:[+-]?Inf|NaN|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/i
const TYPES = ['counter', 'gauge', 'histogram', 'summary']

function readSample(line: string): Sample {
  const name = NAME.exec(line)?.[0] ?? assert.fail(`no name: ${line}`)
  let rest = line.slice(name.length)
  const labels = new Map<string, string>()
  if (rest.startsWith('{')) {
    rest = rest.slice(1)
    while (!rest.startsWith('}')) {
      const [whole, label, value] = LABEL.exec(rest) ?? assert.fail(`a bad label: ${line}`)
      assert.ok(!labels.has(label!), `a label twice: ${line}`)
      labels.set(label!, value!)
      rest = rest.slice(whole.length)
      if (rest.startsWith(',')) rest = rest.slice(1)
      else assert.ok(rest.startsWith('}'), `a bad end of labels: ${line}`)
    }
    rest = rest.slice(1)
  }
  assert.ok(rest.startsWith(' '), line)
  const value = rest.slice(1)
  assert.match(value, VALUE, line)
  return { name, labels, value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value) }
}

function read(text: string): Map<string, Family> {
  assert.ok(text.endsWith('\n'), 'the last line ends')
  const families = new Map<string, Family>()
  const seen = new Set<string>()
  let current = ''
  let helped = ''
  for (const line of text.slice(0, -1).split('\n')) {
    const [, name, rest] = /^# (?:HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
    if (line.startsWith('# HELP ')) {
      assert.ok(name && rest && !families.has(name), `HELP twice or without text: ${line}`)
      helped = name
    } else if (line.startsWith('# TYPE ')) {
      assert.equal(name, helped, `TYPE without HELP: ${line}`)
      assert.ok(TYPES.includes(rest!), line)
      families.set(name!, { type: rest!, samples: [] })
      current = name!
    } else {
      const sample = readSample(line)
      const { type, samples } = families.get(current) ?? assert.fail(`before any TYPE: ${line}`)
      const suffixes =
        type === 'histogram' ? ['_bucket', '_sum', '_count'] : type === 'summary' ? ['_sum', '_count', ''] : ['']
      assert.ok(
        suffixes.some((suffix) => sample.name === current + suffix),
        `not of ${current}: ${line}`,
      )
      const key = line.slice(0, line.lastIndexOf(' '))
      assert.ok(!seen.has(key), `twice: ${line}`)
      seen.add(key)
      samples.push(sample)
    }
  }
  return families
}

/** One series of a histogram by its labels. */
function checkHistogram(name: string, samples: readonly Sample[]): void {
  const series = new Map<string, { buckets: [number, number][]; sum?: number; count?: number }>()
  for (const { name: sample, labels, value } of samples) {
    const key = JSON.stringify([...labels].filter(([label]) => label !== 'le'))
    const one = series.get(key) ?? { buckets: [] }
    series.set(key, one)
    if (sample.endsWith('_bucket')) {
      const le = labels.get('le') ?? assert.fail(`${name}: a bucket without a bound`)
      one.buckets.push([le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le), value])
    } else if (sample.endsWith('_sum')) one.sum = value
    else one.count = value
  }
  for (const [key, { buckets, sum, count }] of series) {
    assert.ok(sum !== undefined && count !== undefined, `${name} ${key}`)
    assert.equal(buckets.at(-1)?.[0], Number.POSITIVE_INFINITY, `${name} ${key}`)
    assert.equal(buckets.at(-1)?.[1], count, `${name} ${key}`)
    for (const [at, [bound, upTo]] of buckets.entries()) {
      const [before, less] = buckets[at - 1] ?? [Number.NEGATIVE_INFINITY, 0]
      assert.ok(bound > before && upTo >= less, `${name} ${key}: buckets grow`)
    }
  }
}

describe('/metrics', () => {
  let api: TestApi
  before(async () => {
    const controllers = new ControllerMetrics()
    const scheduler = new SchedulerMetrics()
    controllers.of('replicaset', () => 3).worked(12)
    scheduler.attempted('scheduled', 7)
    scheduler.attempted('unschedulable', 900)
    api = await testApi({ moreMetrics: () => controllers.format() + scheduler.format() })
  })
  after(() => api.close())

  it('is well formed, whatever clients have called things', async () => {
    const maps = '/api/v1/namespaces/default/configmaps'
    await api.post(maps, configMap('a'))
    for (const url of [maps, `${maps}/a`, `${maps}/none`, '/nowhere', '/api/v1/"quoted"\\/x', '/apis/a%0Ab/v1/c/d']) {
      await api.get(url)
      await api.request('PATCH', url, {}, { headers: { 'content-type': 'application/merge-patch+json' } })
      await api.get(url, { user: { name: 'evil"\n\\', groups: ['a"b'] } })
    }
    const watch = await api.watch(maps)
    const families = read((await api.get('/metrics')).body)
    watch.stop()
    for (const [name, { type, samples }] of families) {
      if (type === 'counter') {
        for (const { value } of samples) assert.ok(value >= 0, name)
      }
      if (type === 'histogram') checkHistogram(name, samples)
    }
    const histograms = [...families].flatMap(([name, { type }]) => (type === 'histogram' ? [name] : []))
    for (const name of [
      'apiserver_request_duration_seconds',
      'apiserver_response_sizes',
      'workqueue_work_duration_seconds',
      'scheduler_scheduling_attempt_duration_seconds',
    ]) {
      assert.ok(histograms.includes(name), name)
    }
    const attempts = families.get('scheduler_schedule_attempts_total')!.samples
    const scheduled = attempts.find(({ labels }) => labels.get('result') === 'scheduled')
    assert.equal(scheduled?.value, 1)
  })
})
