// What writers of workloads are told although the write is let through.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StatefulSet } from './stateful-set.ts'
import { workloadWarnings } from './workload.ts'

const owner = (name: string, generation: number) => ({
  metadata: { name, generation },
  spec: { template: { spec: { containers: [{ name: 'c', image: 'c', env: [{ name: 'A' }, { name: 'A' }] }] } } },
})

test('a name that pods cannot have as their hostname is warned of when it is given', () => {
  const [first = ''] = workloadWarnings(owner('a.b', 1), undefined, true)
  assert.match(first, /^metadata\.name: this is used in Pod names and hostnames.*\[must not contain dots\]$/)
  assert.ok(!workloadWarnings(owner('a.b', 1), undefined, false).includes(first))
  assert.ok(!workloadWarnings(owner('a.b', 2), owner('a.b', 1), true).includes(first))
})

test('of a template nothing is said while it stays the same', () => {
  assert.ok(workloadWarnings(owner('a', 2), owner('a', 1), true).length > 0)
  assert.deepEqual(workloadWarnings(owner('a', 1), owner('a', 1), true), [])
})

test('a StatefulSet that keeps every revision is warned of', () => {
  const set = { ...owner('a', 1), spec: { revisionHistoryLimit: -1 } } as unknown as StatefulSet
  assert.deepEqual(StatefulSet.warnings?.(set, undefined), [
    'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended',
  ])
})
