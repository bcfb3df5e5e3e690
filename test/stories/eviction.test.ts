// Evictions against a budget, as `kubectl drain` makes them: one after the other, each waiting for the last one's replacement.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '../../src/api/kinds/deployment.ts'
import { Pod } from '../../src/api/kinds/pod.ts'
import { PodDisruptionBudget } from '../../src/api/kinds/pod-disruption-budget.ts'
import { isStatus } from '../../src/api/meta/errors.ts'
import { startCluster } from './cluster.ts'

test('a budget lets one pod go at a time', async () => {
  const cluster = await startCluster()
  try {
    const { ctx, client, kubelets, clock } = cluster
    const at = { namespace: 'default' }
    for (const name of ['a', 'b']) await kubelets.start(name)
    const labels = { app: 'web' }
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'nginx' }] } }
    const spec = { replicas: 3, selector: { matchLabels: labels }, template }
    await client.create(ctx, Deployment, { metadata: { ...at, name: 'web' }, spec } as never)
    const budget = { metadata: { ...at, name: 'web' }, spec: { maxUnavailable: 1, selector: { matchLabels: labels } } }
    await client.create(ctx, PodDisruptionBudget, budget as never)
    const allowed = async () =>
      (await client.get(ctx, PodDisruptionBudget, 'web', 'default')).status?.disruptionsAllowed
    const settledAt = async (count: number) => {
      for (let seconds = 0; seconds < 120 && (await allowed()) !== count; seconds++) {
        await clock.advance(1000)
        await cluster.settle()
      }
      assert.equal(await allowed(), count)
    }
    const evict = (name: string) =>
      client.createSubresource(ctx, Pod as never, { ...at, name }, 'eviction', { metadata: { ...at, name } })
    await settledAt(1)
    const names = (await client.list(ctx, Pod, at)).items.map(({ metadata }) => metadata.name)
    await evict(names[0]!)
    await assert.rejects(evict(names[1]!), (err) => isStatus(err, 'TooManyRequests'))
    await settledAt(1)
    await evict(names[1]!)
  } finally {
    await cluster.stop()
  }
})
