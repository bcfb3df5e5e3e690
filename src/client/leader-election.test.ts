import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Lease } from '../api/kinds/lease.ts'
import { FakeClock } from '../base/clock.ts'
import { silentLogger } from '../base/log.ts'
import { createClient } from './api-client.ts'
import { mayTake, runElected } from './leader-election.ts'
import { ScriptedApi } from './scripted-api.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('a lease may be taken when absent, given back, our own, or not renewed for its duration', () => {
  const lease = (holderIdentity: string) => ({ spec: { holderIdentity, leaseDurationSeconds: 15 } }) as Lease
  const cases: [ReturnType<typeof lease> | undefined, number, boolean][] = [
    [undefined, 0, true],
    [lease(''), 0, true],
    [lease('a'), 0, true],
    [lease('b'), 0, false],
    [lease('b'), 15_000, false],
    [lease('b'), 15_001, true],
  ]
  for (const [observed, sinceMs, expected] of cases) {
    assert.equal(mayTake(observed && { lease: observed, changedAtMs: 0 }, 'a', sinceMs), expected)
  }
})

function setUp() {
  const api = new ScriptedApi()
  const clock = new FakeClock()
  const client = createClient(api)
  const leading = new Set<string>()
  const compete = (identity: string) => {
    const stop = new AbortController()
    const ctx = { signal: stop.signal, log: silentLogger }
    const ended = runElected(ctx, client, clock, { name: 'skiff-controllers', identity }, async ({ signal }) => {
      leading.add(identity)
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      leading.delete(identity)
    })
    return { stop: () => stop.abort(), ended }
  }
  return { api, clock, leading, compete, lease: () => api.objects()[0] as Lease }
}

test('one leads, the other takes over at once after a clean end and after the duration otherwise', async () => {
  const { api, clock, leading, compete, lease } = setUp()
  const a = compete('a')
  await turn()
  const b = compete('b')
  await clock.advance(60_000)
  assert.deepEqual([...leading], ['a'])
  assert.equal(lease().spec.leaseTransitions, 0)

  a.stop()
  await a.ended
  assert.equal(lease().spec.holderIdentity, '')
  await clock.advance(3000)
  assert.deepEqual([...leading], ['b'])
  assert.equal(lease().spec.leaseTransitions, 1)

  api.failure = new Error('connect ECONNREFUSED')
  await clock.advance(7000)
  assert.deepEqual([...leading], ['b'], 'a short outage costs nothing')
  await clock.advance(5000)
  assert.deepEqual([...leading], [], 'a leader that cannot renew stops before another may begin')
  api.failure = undefined
  await clock.advance(20_000)
  assert.deepEqual([...leading], ['b'])
  b.stop()
  await b.ended
  assert.equal(clock.untilNextMs(), undefined)
})

test('a lease that was taken by somebody else ends the work', async () => {
  const { api, clock, leading, compete, lease } = setUp()
  const a = compete('a')
  await turn()
  const path = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/skiff-controllers'
  api.put(path, { ...lease(), spec: { ...lease().spec, holderIdentity: 'c' } } as never)
  await clock.advance(3000)
  assert.deepEqual([...leading], [])
  a.stop()
  await a.ended
})
