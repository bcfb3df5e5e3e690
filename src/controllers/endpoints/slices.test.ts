import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EndpointSlice } from '../../api/kinds/endpoint-slice.ts'
import type { Service } from '../../api/kinds/service.ts'
import type { Endpoint } from '../../api/types/discovery.v1.ts'
import type { PortGroup } from './desired.ts'
import { planSlices, sliceLabels } from './slices.ts'

const PORTS = [{ name: 'http', protocol: 'TCP' as const, port: 80 }]
const LABELS = { 'kubernetes.io/service-name': 'web' }
const endpoint = (i: number, ready = true): Endpoint => ({
  addresses: [`10.0.0.${i}`],
  conditions: { ready, serving: ready, terminating: false },
  targetRef: { kind: 'Pod', name: `p${i}`, uid: `u${i}` },
})
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => endpoint(from + i))
const slice = (name: string, endpoints: Endpoint[], ports: object[] = PORTS) =>
  ({ metadata: { name, labels: LABELS }, addressType: 'IPv4', endpoints, ports }) as unknown as EndpointSlice
const group = (endpoints: Endpoint[], ports = PORTS): PortGroup => ({ ports, endpoints })
const shape = (plan: ReturnType<typeof planSlices>) => ({
  create: plan.create.map((s) => s.endpoints.length),
  update: Object.fromEntries(plan.update.map((s) => [s.slice.metadata.name, s.endpoints.length])),
  delete: plan.delete.map((s) => s.metadata.name),
})

test('endpoints are spread over slices with as few writes as possible', () => {
  const cases: [string, PortGroup[], EndpointSlice[], object][] = [
    ['a first slice', [group(range(0, 3))], [], { create: [3], update: {}, delete: [] }],
    ['full slices', [group(range(0, 25))], [], { create: [10, 10, 5], update: {}, delete: [] }],
    ['nothing changed', [group(range(0, 3))], [slice('a', range(0, 3))], { create: [], update: {}, delete: [] }],
    ['one more fits', [group(range(0, 4))], [slice('a', range(0, 3))], { create: [], update: { a: 4 }, delete: [] }],
    ['one gone', [group(range(1, 3))], [slice('a', range(0, 3))], { create: [], update: { a: 2 }, delete: [] }],
    ['one replaced', [group(range(1, 4))], [slice('a', range(0, 3))], { create: [], update: { a: 3 }, delete: [] }],
    [
      'a slice that changes anyway takes new ones',
      [group([...range(1, 12), endpoint(20)])],
      [slice('a', range(0, 5)), slice('b', range(5, 12))],
      { create: [], update: { a: 5 }, delete: [] },
    ],
    [
      'the fullest that has room',
      [group(range(0, 13))],
      [slice('a', range(0, 3)), slice('b', range(3, 12))],
      { create: [], update: { b: 10 }, delete: [] },
    ],
    [
      'no room anywhere',
      [group(range(0, 22))],
      [slice('a', range(0, 10)), slice('b', range(10, 20))],
      { create: [2], update: {}, delete: [] },
    ],
    [
      'an emptied slice goes',
      [group(range(0, 3))],
      [slice('a', range(0, 3)), slice('b', range(3, 5))],
      { create: [], update: {}, delete: ['b'] },
    ],
    ['no endpoints at all', [], [], { create: [0], update: {}, delete: [] }],
    [
      'the last one stays, empty',
      [],
      [slice('a', range(0, 3)), slice('b', range(3, 5))],
      { create: [], update: { a: 0 }, delete: ['b'] },
    ],
    ['an empty one is right', [], [slice('a', [], [])], { create: [], update: {}, delete: [] }],
    [
      'an empty one is replaced',
      [group(range(0, 2))],
      [slice('a', [], [])],
      { create: [2], update: {}, delete: ['a'] },
    ],
    [
      'other ports, other slice',
      [group(range(0, 2)), group(range(2, 3), [{ name: 'http', protocol: 'TCP', port: 81 }])],
      [slice('a', range(0, 3))],
      { create: [1], update: { a: 2 }, delete: [] },
    ],
  ]
  for (const [name, desired, existing, expected] of cases) {
    assert.deepEqual(shape(planSlices(desired, existing, LABELS, 10)), expected, name)
  }
})

test('changed conditions and changed labels are written', () => {
  const ready = planSlices([group([endpoint(1, true)])], [slice('a', [endpoint(1, false)])], LABELS, 10)
  assert.equal(ready.update[0]?.endpoints[0]?.conditions?.ready, true)
  const labelled = planSlices([group([endpoint(1)])], [slice('a', [endpoint(1)])], { ...LABELS, app: 'x' }, 10)
  assert.equal(labelled.update.length, 1)
})

test('labels are those of the Service but for reserved ones, and headless Services are marked', () => {
  const service = (clusterIP: string) =>
    ({
      metadata: { labels: { app: 'x', 'kubernetes.io/service-name': 'y' } },
      spec: { clusterIP },
    }) as unknown as Service
  assert.deepEqual(sliceLabels(service('10.0.0.1')), { app: 'x' })
  assert.deepEqual(sliceLabels(service('None')), { app: 'x', 'service.kubernetes.io/headless': '' })
})
