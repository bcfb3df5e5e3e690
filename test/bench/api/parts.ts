// What is measured of a running server: creates and gets beside the bare loop, lists, watchers, and deleting a whole collection.
import type { ApiBench } from './bench.ts'
import type { RateJob, WatchJob } from './jobs.ts'
import { checked } from './load.ts'
import type { Server } from './processes.ts'
import { RawConnection, requestBytes } from './raw-connection.ts'

const MAPS = '/api/v1/namespaces/bench/configmaps'
const LISTED = 5000

const configMap = (name: string) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value: 'x'.repeat(1024) } })

/** Rate and slowest hundredth that have to be reached, by number of connections. */
const CREATE = { 1: [1000, 5], 16: [4000, 12], 64: [6000, 35] } as const
const GET = { 1: [2500, 2], 16: [10_000, 5], 64: [12_000, 18] } as const

export async function measureRates(bench: ApiBench): Promise<void> {
  await ensureNamespace(bench.skiff)
  const share = bench.quick ? 0.2 : 1
  let made = 0
  for (const connections of [1, 16, 64] as const) {
    const total = (connections === 1 ? 3000 : 12_000) * share
    const job = { connections, total, method: 'POST', body: configMap('map-#'), modulo: 1e9, first: made }
    await rate(bench, `create, ${plural(connections)}`, job, MAPS, '/objects/map-#', CREATE[connections])
    made += total
  }
  for (const connections of [1, 16, 64] as const) {
    const total = (connections === 1 ? 5000 : 30_000) * share
    const job = { connections, total, method: 'GET', modulo: 500, first: 0 }
    await rate(bench, `get, ${plural(connections)}`, job, `${MAPS}/map-#`, '/objects/map-#', GET[connections])
  }
  const h2 = { connections: 16, total: 10_000 * share, first: made, modulo: 1e9 }
  await rateOfHttp2(bench, 'create', { ...h2, method: 'POST', body: configMap('map-#'), path: MAPS })
  await rateOfHttp2(bench, 'get', { ...h2, method: 'GET', modulo: 500, path: `${MAPS}/map-#` })
}

type Rate = Omit<RateJob, 'kind' | 'target' | 'protocol' | 'path'>

async function rate(
  { skiff, bare, load, rows }: ApiBench,
  what: string,
  job: Rate,
  path: string,
  barePath: string,
  [atLeast, atMost]: readonly [number, number],
): Promise<void> {
  const common = { kind: 'rate', protocol: 'http/1.1', ...job } as const
  const peer = await load.run({ ...common, target: bare.target, path: barePath }, bare.pid)
  const own = await load.run({ ...common, target: skiff.target, path }, skiff.pid)
  const [perSecond, barePerSecond] = [own.count / own.seconds, peer.count / peer.seconds]
  const cpu = (ms: number) => `${Math.round((ms * 1000) / job.total)} µs`
  const beside = `bare ${Math.round(barePerSecond)} /s: ${Math.round((100 * perSecond) / barePerSecond)} %; processor ${cpu(own.serverCpuMs)}, bare ${cpu(peer.serverCpuMs)}`
  rows.push(
    { what, value: perSecond, unit: '/s', beside, target: `≥ ${atLeast}`, met: perSecond >= atLeast },
    {
      what: `${what}, p99 (p50 ${own.p50Ms.toFixed(1)})`,
      value: own.p99Ms,
      unit: 'ms',
      beside: `bare ${peer.p99Ms.toFixed(1)} ms`,
      target: `≤ ${atMost} ms`,
      met: own.p99Ms <= atMost,
    },
  )
}

async function rateOfHttp2(
  { skiff, load, rows }: ApiBench,
  what: string,
  job: Omit<RateJob, 'kind' | 'target' | 'protocol'>,
) {
  const own = await load.run({ kind: 'rate', protocol: 'h2', target: skiff.target, ...job }, skiff.pid)
  const beside = `processor ${Math.round((own.serverCpuMs * 1000) / job.total)} µs; Node's own client`
  rows.push({ what: `${what}, ${plural(job.connections)}, HTTP/2`, value: own.count / own.seconds, unit: '/s', beside })
}

export async function measureLists({ skiff, load, rows, quick }: ApiBench): Promise<void> {
  const collection = '/api/v1/namespaces/listed/configmaps'
  await fill(skiff, load, 'listed')
  const total = quick ? 10 : 40
  for (const [what, query] of [
    ['consistent', ''],
    ['from cache', '?resourceVersion=0'],
  ]) {
    const job = { connections: 1, total, method: 'GET', path: collection + query, first: 0, modulo: 1 }
    const result = await load.run({ kind: 'rate', protocol: 'http/1.1', target: skiff.target, ...job }, skiff.pid)
    const beside = `p99 ${result.p99Ms.toFixed(1)} ms, ${(result.sizeBytes / 1e6).toFixed(1)} MB`
    rows.push({
      what: `list of 5,000, ${what}, p50`,
      value: result.p50Ms,
      unit: 'ms',
      beside,
      target: '≤ 25 ms',
      met: result.p50Ms <= 25,
    })
  }
  const job = { kind: 'pages', target: skiff.target, path: `${collection}?limit=500`, rounds: quick ? 3 : 10 } as const
  const pages = await load.run(job, skiff.pid)
  const beside = `p99 ${pages.p99Ms.toFixed(1)} ms`
  rows.push({
    what: 'list, a page of 500, p50',
    value: pages.p50Ms,
    unit: 'ms',
    beside,
    target: '≤ 3 ms',
    met: pages.p50Ms <= 3,
  })
}

const WRITERS = 8

export async function measureWatchers({ skiff, load, rows, quick }: ApiBench): Promise<void> {
  await ensureNamespace(skiff, 'watched')
  const collection = '/api/v1/namespaces/watched/configmaps'
  for (const [what, perSecond, p99] of [
    ['50 a second', 50, 10],
    ['as fast as it goes', 0, 15],
  ] as const) {
    // A new one each time: the server ends connections that were idle for some seconds.
    const connection = await RawConnection.open(skiff.target)
    for (let w = 0; w < WRITERS; w++) {
      await connection.send(requestBytes('DELETE', `${collection}/watched-${w}`))
      checked(await connection.send(requestBytes('POST', collection, configMap(`watched-${w}`))))
    }
    const listed = await connection.send(requestBytes('GET', `${collection}?limit=1`), true)
    connection.close()
    const [, resourceVersion = ''] = /"resourceVersion":"(\d+)"/.exec(listed.body!)!
    const body = JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: '#name' },
      data: { n: '#n', value: 'x'.repeat(1024) },
    })
    const job: WatchJob = {
      kind: 'watch',
      target: skiff.target,
      watchers: 100,
      collection,
      resourceVersion,
      updates: quick ? 200 : 500,
      writers: perSecond > 0 ? 1 : WRITERS,
      perSecond,
      body,
    }
    const result = await load.run(job, skiff.pid)
    const events = result.count / result.seconds
    const beside = `p50 ${result.p50Ms.toFixed(1)} ms; processor ${((result.serverCpuMs * 1000) / result.count).toFixed(1)} µs an event`
    rows.push({
      what: `100 watchers, ${what}, p99`,
      value: result.p99Ms,
      unit: 'ms',
      beside,
      target: `≤ ${p99} ms`,
      met: result.p99Ms <= p99,
    })
    if (perSecond === 0) {
      rows.push({
        what: `100 watchers, ${what}`,
        value: events,
        unit: 'events/s',
        target: '≥ 60000',
        met: events >= 60_000,
      })
    }
  }
}

export async function measureRemoval({ skiff, load, rows }: ApiBench): Promise<void> {
  await fill(skiff, load, 'removed')
  const job = {
    connections: 1,
    total: 1,
    method: 'DELETE',
    path: '/api/v1/namespaces/removed/configmaps',
    first: 0,
    modulo: 1,
  }
  const result = await load.run({ kind: 'rate', protocol: 'http/1.1', target: skiff.target, ...job }, skiff.pid)
  const beside = `processor ${result.serverCpuMs} ms`
  rows.push({
    what: 'deletecollection of 5,000',
    value: result.p50Ms,
    unit: 'ms',
    beside,
    target: '≤ 1000 ms',
    met: result.p50Ms <= 1000,
  })
}

async function fill(skiff: Server, load: ApiBench['load'], namespace: string): Promise<void> {
  await ensureNamespace(skiff, namespace)
  const path = `/api/v1/namespaces/${namespace}/configmaps`
  const job = { connections: 64, total: LISTED, method: 'POST', path, body: configMap('map-#'), first: 0, modulo: 1e9 }
  await load.run({ kind: 'rate', protocol: 'http/1.1', target: skiff.target, ...job }, skiff.pid)
}

async function ensureNamespace({ target }: Server, name = 'bench'): Promise<void> {
  const connection = await RawConnection.open(target)
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  const answer = await connection.send(requestBytes('POST', '/api/v1/namespaces', body))
  if (answer.status !== 409) checked(answer)
  connection.close()
}

const plural = (count: number) => (count === 1 ? '1 connection' : `${count} connections`)
