// The API alone: create and get 1 KiB ConfigMaps and list 5,000 of them with 1, 16 and 64 connections; 100 watchers of one object.
import { ConfigMap } from '../../../src/api/kinds/config-map.ts'
import { Namespace } from '../../../src/api/kinds/namespace.ts'
import type { AdminClient } from '../../../src/cli/admin-client.ts'
import type { Bench } from '../bench.ts'
import { percentile, timed } from '../measure.ts'
import { benchClient, ctx } from './cluster-client.ts'

const namespace = 'bench'
const OBJECTS = 5000
const WATCHERS = 100
const CHANGES = 50

export async function measureApi(bench: Bench): Promise<void> {
  const clients = await Promise.all(Array.from({ length: 64 }, () => benchClient(bench)))
  await clients[0]!.create(ctx, Namespace, { metadata: { name: namespace }, spec: {} })
  let created = 0
  for (const connections of [1, 16, 64]) {
    const share = connections === 1 ? 1000 : 2000
    const perSecond = await rate(clients.slice(0, connections), share, (client, i) =>
      client.create(ctx, ConfigMap, configMap(created + i)),
    )
    created += share
    bench.rows.push({ what: `create 1 KiB ConfigMaps, ${connections} connections`, value: perSecond, unit: '/s' })
  }
  for (const connections of [1, 16, 64]) {
    const perSecond = await rate(clients.slice(0, connections), 4000, (client, i) =>
      client.get(ctx, ConfigMap, `map-${i % OBJECTS}`, namespace),
    )
    bench.rows.push({ what: `get a ConfigMap, ${connections} connections`, value: perSecond, unit: '/s' })
  }
  for (const connections of [1, 16, 64]) {
    const perSecond = await rate(clients.slice(0, connections), Math.max(20, connections), (client) =>
      client.list(ctx, ConfigMap, { namespace }),
    )
    bench.rows.push({ what: `list 5,000 ConfigMaps, ${connections} connections`, value: perSecond, unit: '/s' })
  }
  await fanOut(bench, clients)
  await clients[0]!.delete(ctx, Namespace, { name: namespace })
  for (const client of clients) client.close()
}

const configMap = (i: number) => ({ metadata: { name: `map-${i}`, namespace }, data: { value: 'x'.repeat(1024) } })

/** Operations per second when each client has one request under way at a time. */
async function rate(
  clients: readonly AdminClient[],
  total: number,
  operation: (client: AdminClient, i: number) => Promise<unknown>,
): Promise<number> {
  let next = 0
  const { ms } = await timed(() =>
    Promise.all(
      clients.map(async (client) => {
        while (next < total) await operation(client, next++)
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
    for await (const { object } of clients[w % clients.length]!.watch(watchCtx, ConfigMap, options)) {
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
