import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyDeployment, AnyReplicaSet } from './counts.ts'
import { maxSurge, maxUnavailable } from './counts.ts'
import { DESIRED_REPLICAS, isScalingEvent, MAX_REPLICAS, planProportional, planRolling } from './rolling.ts'

const deployment = (replicas: number, rollingUpdate?: object, type = 'RollingUpdate') =>
  ({ metadata: { name: 'web' }, spec: { replicas, strategy: { type, rollingUpdate } } }) as unknown as AnyDeployment

/** `available` of `size` pods are available. */
const set = (name: string, size: number, available = size, annotations: Record<string, string> = {}, age = 0) =>
  ({
    metadata: { name, annotations, creationTimestamp: new Date(age * 1000).toISOString() },
    spec: { replicas: size },
    status: { replicas: size, availableReplicas: available },
  }) as unknown as AnyReplicaSet

const sizes = (scales: readonly { set: AnyReplicaSet; replicas: number }[]) =>
  Object.fromEntries(scales.map((s) => [s.set.metadata.name, s.replicas]))

test('surge is rounded up, unavailability down, and never are both zero', () => {
  const cases: [number, object | undefined, number, number][] = [
    [10, undefined, 3, 2],
    [1, undefined, 1, 0],
    [4, { maxSurge: '25%', maxUnavailable: '25%' }, 1, 1],
    [10, { maxSurge: 0, maxUnavailable: '5%' }, 0, 1],
    [2, { maxSurge: 3, maxUnavailable: 5 }, 3, 2],
    [0, undefined, 0, 0],
  ]
  for (const [replicas, rolling, surge, unavailable] of cases) {
    const d = deployment(replicas, rolling)
    assert.deepEqual([maxSurge(d), maxUnavailable(d)], [surge, unavailable], JSON.stringify([replicas, rolling]))
  }
  assert.equal(maxSurge(deployment(10, undefined, 'Recreate')), 0)
})

test('the new set grows into the surge, then old ones shrink as far as availability allows', () => {
  const cases: [string, AnyDeployment, AnyReplicaSet, AnyReplicaSet[], Record<string, number>][] = [
    ['first step of 10', deployment(10), set('new', 0), [set('old', 10)], { new: 3 }],
    ['surge is used up, new pods are not available', deployment(10), set('new', 3, 0), [set('old', 10)], { old: 8 }],
    ['two gone, room for two more', deployment(10), set('new', 3, 0), [set('old', 8)], { new: 5 }],
    ['nothing to do but wait', deployment(10), set('new', 5, 0), [set('old', 8)], {}],
    ['a new pod is available, an old one may go', deployment(10), set('new', 5, 1), [set('old', 8)], { old: 7 }],
    ['all new are available', deployment(10), set('new', 10), [set('old', 2)], { old: 0 }],
    [
      'no surge: first make room',
      deployment(3, { maxSurge: 0, maxUnavailable: 1 }),
      set('new', 0),
      [set('old', 3)],
      { old: 2 },
    ],
    [
      'no unavailability: first surge',
      deployment(3, { maxSurge: 1, maxUnavailable: 0 }),
      set('new', 0),
      [set('old', 3)],
      { new: 1 },
    ],
    [
      'broken old pods go first, whatever the age',
      deployment(10),
      set('new', 3, 0),
      [set('a', 5, 5, {}, 1), set('b', 5, 3, {}, 2)],
      { b: 3 },
    ],
    ['the new set shrinks to what is desired', deployment(2), set('new', 5), [], { new: 2 }],
    ['scaled to nothing', deployment(0), set('new', 2), [set('old', 2)], { new: 0 }],
    ['finished', deployment(3), set('new', 3), [set('old', 0)], {}],
  ]
  for (const [name, d, newSet, oldSets, expected] of cases) {
    assert.deepEqual(sizes(planRolling(d, newSet, oldSets)), expected, name)
  }
})

test('a rollout, step by step, never has too many pods nor too few available ones', () => {
  for (const [replicas, rolling] of [
    [10, undefined],
    [1, undefined],
    [3, { maxSurge: 0, maxUnavailable: 1 }],
    [7, { maxSurge: '50%', maxUnavailable: 0 }],
  ] as const) {
    const d = deployment(replicas, rolling)
    let [newSet, oldSet] = [set('new', 0), set('old', replicas)]
    for (let step = 0; step < 100; step++) {
      const scales = planRolling(d, newSet, [oldSet])
      for (const { set: scaled, replicas: size } of scales) {
        const available = Math.min(size, scaled.status?.availableReplicas ?? 0)
        if (scaled === newSet) newSet = set('new', size, available)
        else oldSet = set('old', size, available)
      }
      const [n, o] = [newSet.status?.availableReplicas ?? 0, oldSet.status?.availableReplicas ?? 0]
      assert.ok(newSet.spec.replicas! + oldSet.spec.replicas! <= replicas + maxSurge(d))
      assert.ok(n + o >= replicas - maxUnavailable(d))
      if (scales.length === 0) {
        if (n === newSet.spec.replicas) break
        newSet = set('new', newSet.spec.replicas!, n + 1)
      }
    }
    assert.deepEqual(
      [newSet.spec.replicas, newSet.status?.availableReplicas, oldSet.spec.replicas],
      [replicas, replicas, 0],
    )
  }
})

test('scaling in the middle of a rollout is shared in proportion', () => {
  const sized = (desired: number, max: number) => ({ [DESIRED_REPLICAS]: String(desired), [MAX_REPLICAS]: String(max) })
  const before = sized(10, 13)
  // 8 + 5 of 13; now 30 desired with a surge of 8: 38.
  const scales = planProportional(deployment(30), set('new', 5, 0, before, 2), [set('old', 8, 8, before, 1)])
  assert.deepEqual(sizes(scales), { old: 23, new: 15 })
  const down = planProportional(deployment(5), set('new', 5, 0, before, 2), [set('old', 8, 8, before, 1)])
  assert.deepEqual(sizes(down), { old: 4, new: 3 })
})

test('with one set active it takes the whole change; a finished rollout empties what is left over', () => {
  assert.deepEqual(sizes(planProportional(deployment(5), set('new', 2), [set('old', 0)])), { new: 5 })
  assert.deepEqual(sizes(planProportional(deployment(5), set('new', 5), [set('old', 0)])), {})
  assert.deepEqual(sizes(planProportional(deployment(5), undefined, [set('a', 0, 0, {}, 1), set('b', 0, 0, {}, 2)])), {
    b: 5,
  })
  const saturated = set('new', 5, 5, { [DESIRED_REPLICAS]: '5' })
  assert.deepEqual(sizes(planProportional(deployment(5), saturated, [set('old', 1)])), { old: 0 })
})

test('a change of spec.replicas is noticed by what active sets were sized for', () => {
  const sized = { [DESIRED_REPLICAS]: '3' }
  assert.equal(isScalingEvent(deployment(3), [set('a', 3, 3, sized)]), false)
  assert.equal(isScalingEvent(deployment(4), [set('a', 3, 3, sized)]), true)
  assert.equal(isScalingEvent(deployment(4), [set('a', 0, 0, sized)]), false)
})
