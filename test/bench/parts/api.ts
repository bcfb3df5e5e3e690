// The API alone: create and get 1 KiB ConfigMaps and list 5,000 of them with 1, 16 and 64 connections; 100
// watchers of one object, each on a connection of its own.
import { ConfigMap } from '../../../src/api/kinds/config-map.ts'
import { Namespace } from '../../../src/api/kinds/namespace.ts'
import type { AdminClient } from '../../../src/cli/admin-client.ts'
import type { Bench } from '../bench.ts'
import { percentile, timed } from '../measure.ts'
import { ApiConnection } from './api-connection.ts'
import { benchClient, ctx } from './cluster-client.ts'

const namespace = 'bench'
const COLLECTION = `/api/v1/namespaces/${namespace}/configmaps`
const OBJECTS = 5000
const WATCHERS = 100
const CHANGES = 50

export async function measureApi(bench: Bench): Promise<void> {
  const clients = await Promise.all(Array.from({ length: WATCHERS }, () => benchClient(bench)))
  await clients[0]!.create(ctx, Namespace, { metadata: { name: namespace }, spec: {} })
  const connections = Array.from({ length: 64 }, () => new ApiConnection(bench))
  await Promise.all(connections.map((connection) => connection.send('GET', '/readyz')))
  let created = 0
  for (const [count, share] of [
    [1, 1000],
    [16, 2000],
    [64, 2000],
  ] as const) {
    const first = created
    const perSecond = await rate(connections.slice(0, count), share, (connection, i) =>
      connection.send('POST', COLLECTION, configMap(first + i)),
    )
    created += share
    bench.rows.push({ what: `create 1 KiB ConfigMaps, ${plural(count)}`, value: perSecond, unit: '/s' })
  }
  for (const count of [1, 16, 64]) {
    const perSecond = await rate(connections.slice(0, count), 8000, (connection, i) =>
      connection.send('GET', `${COLLECTION}/map-${i % OBJECTS}`),
    )
    bench.rows.push({ what: `get a ConfigMap, ${plural(count)}`, value: perSecond, unit: '/s' })
  }
  for (const count of [1, 16, 64]) {
    const perSecond = await rate(connections.slice(0, count), Math.max(40, count), (connection) =>
      connection.send('GET', COLLECTION),
    )
    bench.rows.push({ what: `list 5,000 ConfigMaps, ${plural(count)}`, value: perSecond, unit: '/s' })
  }
  for (const connection of connections) connection.close()
  await fanOut(bench, clients)
  await clients[0]!.delete(ctx, Namespace, { name: namespace })
  for (const client of clients) client.close()
}

const plural = (count: number) => (count === 1 ? '1 connection' : `${count} connections`)
const configMap = (i: number) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `map-${i}` },
    data: { value: 'x'.repeat(1024) },
  })

/** Operations per second when each connection has one request under way at a time. */
async function rate(
  connections: readonly ApiConnection[],
  total: number,
  operation: (connection: ApiConnection, i: number) => Promise<unknown>,
): Promise<number> {
  let next = 0
  const { ms } = await timed(() =>
    Promise.all(
      connections.map(async (connection) => {
        while (next < total) await operation(connection, next++)
      }),
    ),
  )
  return total / (ms / 1000)
}

/** From the moment a change is sent until the last of the watchers has it. */
async function fanOut(bench: Bench, clients: readonly AdminClient[]): Promise<void> {
  const first = await clients[0]!.create(ctx, ConfigMap, { metadata: { name: 'watched', namespace }, data: {} })
  const ended = new AbortController()
  const watchCtx = { ...ctx, signal: ended.signal }
  const seen = Array.from({ length: WATCHERS }, () => 0)
  let wake = () => {}
  const watching = seen.map(async (_, w) => {
    const options = {
      namespace,
      fieldSelector: 'metadata.name=watched',
      resourceVersion: first.metadata.resourceVersion,
    }
    for await (const { object } of clients[w]!.watch(watchCtx, ConfigMap, options)) {
      seen[w] = Number(object.data?.['n'] ?? 0)
      if (seen.every((n) => n >= seen[w]!)) wake()
    }
  })
  const delays: number[] = []
  for (let n = 1; n <= CHANGES; n++) {
    const all = new Promise<void>((resolve) => (wake = () => seen.every((value) => value >= n) && resolve()))
    delays.push(
      (
        await timed(async () => {
          await clients[0]!.patch(
            ctx,
            ConfigMap,
            { name: 'watched', namespace },
            { type: 'merge', body: { data: { n: String(n) } } },
          )
          await all
        })
      ).ms,
    )
  }
  ended.abort(new Error('measured'))
  await Promise.allSettled(watching)
  bench.rows.push(
    { what: `a change reaches ${WATCHERS} watchers, p50`, value: percentile(delays, 50), unit: 'ms' },
    { what: `a change reaches ${WATCHERS} watchers, p95`, value: percentile(delays, 95), unit: 'ms' },
  )
}
