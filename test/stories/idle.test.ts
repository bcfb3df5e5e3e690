// An idle cluster is silent: what is not a deadline sets no timer, and nothing is written.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '../../src/api/kinds/config-map.ts'
import { Service } from '../../src/api/kinds/service.ts'
import { startCluster } from './cluster.ts'

test('controllers, caches and recorders write nothing and run nothing while nothing changes', async () => {
  const cluster = await startCluster()
  const { client, ctx, clock } = cluster
  await client.create(ctx, ConfigMap, { metadata: { name: 'a', namespace: 'default' } })
  await client.create(ctx, Service, {
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  })
  await cluster.settle()
  const before = cluster.revision()
  let wakeUps = 0
  for (let leftMs = 10 * 60_000; leftMs > 0; wakeUps++) {
    const stepMs = Math.min(clock.untilNextMs() ?? leftMs, leftMs)
    await clock.advance(stepMs)
    await cluster.settle()
    leftMs -= Math.max(stepMs, 1)
  }
  assert.equal(cluster.revision(), before)
  // The API server's bookmarks, once a minute for all watches together.
  assert.ok(wakeUps <= 12, `${wakeUps} timers in ten minutes`)
  await cluster.stop()
})
