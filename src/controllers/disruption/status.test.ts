import assert from 'node:assert/strict'
import { test } from 'node:test'
import { budgetStatus, failedStatus } from './status.ts'

const NOW = Date.UTC(2026, 0, 1)
const pod = (name: string, ready = true, metadata: object = {}) => ({
  metadata: { name, ...metadata },
  status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
})
const pods = (ready: number, others = 0) =>
  [...Array(ready + others).keys()].map((i) => pod(`p${i}`, i < ready)) as never[]
const budget = (spec: object, status?: object) => ({ metadata: { name: 'b', generation: 2 }, spec, status }) as never

test('what is allowed follows from what is wanted and what is healthy', () => {
  const table: [object, never[], number, [number, number, number, number]][] = [
    [{ minAvailable: 2 }, pods(3), 0, [3, 2, 3, 1]],
    [{ minAvailable: 2 }, pods(1, 2), 0, [1, 2, 3, 0]],
    [{ minAvailable: '50%' }, pods(3), 5, [3, 3, 5, 0]],
    [{ maxUnavailable: 1 }, pods(3), 3, [3, 2, 3, 1]],
    [{ maxUnavailable: '30%' }, pods(10), 10, [10, 7, 10, 3]],
    [{ maxUnavailable: 5 }, pods(3), 3, [3, 0, 3, 3]],
    [{ minAvailable: 0 }, [], 0, [0, 0, 0, 0]],
  ]
  for (const [spec, all, scale, numbers] of table) {
    const { status } = budgetStatus(budget(spec), all, scale, NOW)
    const got = [status.currentHealthy, status.desiredHealthy, status.expectedPods, status.disruptionsAllowed]
    assert.deepEqual(got, numbers, JSON.stringify(spec))
    assert.equal(status.observedGeneration, 2)
    const [condition] = status.conditions!
    assert.equal(condition?.reason, numbers[3] > 0 ? 'SufficientPods' : 'InsufficientPods')
    assert.equal(condition?.status, numbers[3] > 0 ? 'True' : 'False')
  }
})

test('evicted pods count as gone until they are, or until they should have been', () => {
  const at = (secondsAgo: number) => new Date(NOW - secondsAgo * 1000).toISOString().replace('.000Z', 'Z')
  const status = { disruptedPods: { p0: at(30), p1: at(121), p2: at(5), gone: at(5) } }
  const all = [pod('p0'), pod('p1'), pod('p2', true, { deletionTimestamp: at(0) }), pod('p3')] as never[]
  const outcome = budgetStatus(budget({ minAvailable: 1 }, status), all, 0, NOW)
  assert.deepEqual(outcome.status.disruptedPods, { p0: at(30) })
  assert.equal(outcome.status.currentHealthy, 2)
  assert.deepEqual(outcome.notDeleted, ['p1'])
  assert.equal(outcome.againInMs, 90_000)
})

test('what cannot be counted allows nothing', () => {
  const status = failedStatus(
    budget({ maxUnavailable: 1 }, { disruptionsAllowed: 3, currentHealthy: 4 }),
    'no owner',
    NOW,
  )
  assert.deepEqual([status.disruptionsAllowed, status.currentHealthy], [0, 4])
  assert.deepEqual([status.conditions?.[0]?.reason, status.conditions?.[0]?.message], ['SyncFailed', 'no owner'])
})
