import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../api/kinds/pod.ts'
import { chooseVictims, DELETION_COST } from './victims.ts'

const NOW = Date.UTC(2026, 0, 2)
interface Traits {
  node?: string
  phase?: string
  ready?: boolean | string
  cost?: string
  restarts?: number
  created?: string
}
function pod(
  name: string,
  { node = 'n1', phase = 'Running', ready = true, cost, restarts = 0, created = '2026-01-01T00:00:00Z' }: Traits = {},
): Pod {
  const since = typeof ready === 'string' ? ready : '2026-01-01T00:00:10Z'
  return {
    metadata: { name, uid: name, creationTimestamp: created, annotations: cost ? { [DELETION_COST]: cost } : {} },
    spec: { nodeName: node || undefined, containers: [] },
    status: {
      phase,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: since }],
      containerStatuses: [{ name: 'c', restartCount: restarts }],
    },
  } as unknown as Pod
}

test('of two pods the one whose loss costs less goes', () => {
  const cases: [string, Pod, Pod][] = [
    ['unassigned before assigned', pod('x', { node: '' }), pod('a')],
    ['pending before running', pod('x', { phase: 'Pending' }), pod('a')],
    ['unknown before running', pod('x', { phase: 'Unknown' }), pod('a')],
    ['not ready before ready', pod('x', { ready: false }), pod('a')],
    ['cheap before dear', pod('x', { cost: '-5' }), pod('a')],
    ['an unreadable cost is none', pod('x', { cost: '1e3' }), pod('a', { cost: '1' })],
    ['ready for less time first', pod('x', { ready: '2026-01-01T23:00:00Z' }), pod('a')],
    ['more restarts first', pod('x', { restarts: 3 }), pod('a')],
    ['newer first', pod('x', { created: '2026-01-01T23:00:00Z' }), pod('a')],
    ['status outweighs cost', pod('x', { ready: false, cost: '100' }), pod('a')],
  ]
  for (const [name, victim, other] of cases) {
    for (const pods of [
      [victim, other],
      [other, victim],
    ]) {
      assert.deepEqual(
        chooseVictims(pods, 1, pods, NOW).map((p) => p.metadata.name),
        ['x'],
        name,
      )
    }
  }
})

test('pods go first from the node that has most of the family', () => {
  const pods = [pod('a', { node: 'n1' }), pod('b', { node: 'n2' }), pod('c', { node: 'n1' })]
  const sibling = pod('s', { node: 'n2' })
  assert.notEqual(chooseVictims(pods, 1, pods, NOW)[0]?.metadata.name, 'b')
  assert.equal(chooseVictims(pods, 1, [...pods, sibling, sibling, sibling], NOW)[0]?.metadata.name, 'b')
})

test('all go when all are asked for', () => {
  assert.equal(chooseVictims([pod('a'), pod('b')], 5, [], NOW).length, 2)
})
