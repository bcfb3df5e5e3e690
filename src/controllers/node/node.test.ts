import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '../../api/kinds/node.ts'
import type { Pod } from '../../api/kinds/pod.ts'
import { tolerates } from '../../api/meta/taints.ts'
import type { Taint, Toleration } from '../../api/types/core.v1.ts'
import { silentConditions, wantedTaints } from './health.ts'
import { evictAtMs } from './tolerance.ts'

const NOW = Date.UTC(2026, 0, 1)
const node = (conditions: Record<string, string>, spec: object = {}) =>
  ({
    metadata: { name: 'n1', creationTimestamp: '2025-12-31T00:00:00Z' },
    spec,
    status: {
      conditions: Object.entries(conditions).map(([type, status]) => ({
        type,
        status,
        reason: 'r',
        lastHeartbeatTime: 'h',
      })),
    },
  }) as unknown as Node
const texts = (taints: Taint[] | undefined) =>
  taints?.map((t) => `${t.key.replace('node.kubernetes.io/', '')}:${t.effect}`)

test('of a silent node nothing is known any more', () => {
  const conditions = silentConditions(
    node({ Ready: 'True', MemoryPressure: 'False', NetworkUnavailable: 'False' }),
    NOW,
  )
  const byType = Object.fromEntries(conditions.map((c) => [c.type, c]))
  assert.equal(byType['Ready']?.reason, 'NodeStatusUnknown')
  assert.equal(byType['Ready']?.message, 'Kubelet stopped posting node status.')
  assert.equal(byType['Ready']?.lastHeartbeatTime, 'h')
  assert.equal(byType['PIDPressure']?.reason, 'NodeStatusNeverUpdated')
  assert.equal(byType['NetworkUnavailable']?.status, 'False')
})

test('taints follow from conditions, and others are left alone', () => {
  const mine = { key: 'dedicated', value: 'gpu', effect: 'NoSchedule' }
  const notReady = [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }]
  const cases: [string, Node, boolean, string[] | undefined][] = [
    ['ready', node({ Ready: 'True' }), true, undefined],
    ['not ready', node({ Ready: 'False' }), true, ['not-ready:NoSchedule', 'not-ready:NoExecute']],
    ['unreachable', node({ Ready: 'Unknown' }), true, ['unreachable:NoSchedule', 'unreachable:NoExecute']],
    ['no node is ready', node({ Ready: 'Unknown' }), false, ['unreachable:NoSchedule']],
    ['ready again', node({ Ready: 'True' }, { taints: [...notReady, mine] }), true, ['dedicated:NoSchedule']],
    [
      'pressure',
      node({ Ready: 'True', MemoryPressure: 'True', DiskPressure: 'True', PIDPressure: 'True' }),
      true,
      ['memory-pressure:NoSchedule', 'disk-pressure:NoSchedule', 'pid-pressure:NoSchedule'],
    ],
    ['cordoned', node({ Ready: 'True' }, { unschedulable: true }), true, ['unschedulable:NoSchedule']],
    [
      'uncordoned',
      node({ Ready: 'True' }, { taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] }),
      true,
      [],
    ],
    ['never reported', node({}, { taints: notReady }), true, undefined],
    ['as it should be', node({ Ready: 'False' }, { taints: notReady }), false, undefined],
  ]
  for (const [name, subject, evict, expected] of cases) {
    assert.deepEqual(texts(wantedTaints(subject, evict, NOW)), expected, name)
  }
})

test('tolerations match by key, value, operator and effect', () => {
  const taint = { key: 'a', value: 'x', effect: 'NoExecute' }
  const cases: [Partial<Toleration>, boolean][] = [
    [{ key: 'a', value: 'x' }, true],
    [{ key: 'a', operator: 'Equal', value: 'y' }, false],
    [{ key: 'a', operator: 'Exists' }, true],
    [{ operator: 'Exists' }, true],
    [{ key: 'b', operator: 'Exists' }, false],
    [{ key: 'a', operator: 'Exists', effect: 'NoSchedule' }, false],
    [{ key: 'a', operator: 'Exists', effect: 'NoExecute' }, true],
  ]
  for (const [toleration, expected] of cases) {
    assert.equal(tolerates(toleration as Toleration, taint as Taint), expected, JSON.stringify(toleration))
  }
})

test('a pod goes at once, after the shortest toleration, or never', () => {
  const pod = (tolerations: object[], started = '2026-01-01T00:00:00Z') =>
    ({ metadata: { creationTimestamp: started }, spec: { tolerations }, status: {} }) as unknown as Pod
  const taint = (extra: object = {}): Taint => ({ key: 'a', effect: 'NoExecute', ...extra }) as Taint
  const all = (seconds?: number) => ({
    operator: 'Exists',
    ...(seconds === undefined ? {} : { tolerationSeconds: seconds }),
  })
  const at = (p: Pod, taints: Taint[]) => evictAtMs(p, taints, NOW + 1000)
  assert.equal(at(pod([]), [taint()]), Number.NEGATIVE_INFINITY)
  assert.equal(at(pod([all()]), [taint()]), undefined)
  assert.equal(at(pod([all(300)]), [taint({ timeAdded: '2026-01-01T00:01:00Z' })]), NOW + 360_000)
  assert.equal(at(pod([all(300), all(10)]), [taint()]), NOW + 11_000)
  assert.equal(
    at(pod([all(5)], '2026-01-01T01:00:00Z'), [taint({ timeAdded: '2026-01-01T00:00:00Z' })]),
    NOW + 3_605_000,
  )
  assert.equal(at(pod([all(-5)]), [taint()]), NOW + 1000)
  assert.equal(at(pod([]), [taint({ effect: 'NoSchedule' })]), undefined)
})
