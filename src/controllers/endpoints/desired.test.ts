import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../api/kinds/pod.ts'
import type { Service } from '../../api/kinds/service.ts'
import { desiredEndpoints } from './desired.ts'
import { desiredSubsets } from './subsets.ts'

const service = (spec: object) =>
  ({ metadata: { name: 'web', namespace: 'blue' }, spec: { clusterIP: '10.96.0.5', ...spec } }) as unknown as Service
interface Traits {
  ready?: boolean
  deleting?: boolean
  phase?: string
  ip?: string | null
  port?: number
  hostname?: string
}
function pod(
  name: string,
  { ready = true, deleting = false, phase = 'Running', ip, port = 8080, hostname }: Traits = {},
): Pod {
  const podIP = ip === null ? undefined : (ip ?? `10.244.0.${name.charCodeAt(0)}`)
  return {
    metadata: { name, namespace: 'blue', uid: `u-${name}`, ...(deleting ? { deletionTimestamp: 't' } : {}) },
    spec: {
      nodeName: 'n1',
      containers: [{ name: 'c', ports: [{ name: 'http', containerPort: port }] }],
      ...(hostname ? { hostname, subdomain: 'web' } : {}),
    },
    status: {
      phase,
      ...(podIP ? { podIP, podIPs: [{ ip: podIP }] } : {}),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  } as unknown as Pod
}
const none = () => undefined
const HTTP = { ports: [{ port: 80, targetPort: 'http' }] }

test('conditions tell ready, serving and terminating apart', () => {
  const pods = [
    pod('a'),
    pod('b', { ready: false }),
    pod('c', { deleting: true }),
    pod('d', { deleting: true, ready: false }),
  ]
  const conditions = (spec: object) =>
    desiredEndpoints(service(spec), pods, 'IPv4', none)[0]?.endpoints.map((e) => Object.values(e.conditions ?? {}))
  assert.deepEqual(conditions(HTTP), [
    [true, true, false],
    [false, false, false],
    [false, true, true],
    [false, false, true],
  ])
  assert.deepEqual(
    conditions({ ...HTTP, publishNotReadyAddresses: true })?.map((c) => c[0]),
    [true, true, true, true],
  )
})

test('pods that have ended, have no address or not the port are left out', () => {
  const pods = [pod('a', { phase: 'Succeeded' }), pod('b', { ip: null }), pod('c', { ip: 'fd00::1' })]
  assert.deepEqual(desiredEndpoints(service(HTTP), pods, 'IPv4', none), [])
  assert.deepEqual(
    desiredEndpoints(service({ ports: [{ port: 80, targetPort: 'admin' }] }), [pod('a')], 'IPv4', none),
    [],
  )
})

test('named ports may differ between pods; each number makes a group', () => {
  const groups = desiredEndpoints(service(HTTP), [pod('a'), pod('b', { port: 9090 }), pod('c')], 'IPv4', none)
  assert.deepEqual(
    groups.map((g) => [g.ports[0]?.port, g.endpoints.length]),
    [
      [8080, 2],
      [9090, 1],
    ],
  )
})

test('endpoints name node, zone, host name and pod', () => {
  const [group] = desiredEndpoints(service({ clusterIP: 'None' }), [pod('a', { hostname: 'db-0' })], 'IPv4', () => 'z1')
  assert.deepEqual(group?.ports, [])
  assert.deepEqual(group?.endpoints[0], {
    addresses: ['10.244.0.97'],
    conditions: { ready: true, serving: true, terminating: false },
    hostname: 'db-0',
    targetRef: { kind: 'Pod', namespace: 'blue', name: 'a', uid: 'u-a' },
    nodeName: 'n1',
    zone: 'z1',
  })
})

test('subsets pack ports that the same addresses serve, ready and not ready apart', () => {
  const ports = {
    ports: [
      { name: 'b', port: 81, targetPort: 81 },
      { name: 'a', port: 80, targetPort: 'http' },
    ],
  }
  const { subsets } = desiredSubsets(service(ports), [
    pod('b'),
    pod('a'),
    pod('c', { ready: false }),
    pod('d', { deleting: true }),
  ])
  assert.equal(subsets.length, 1)
  assert.deepEqual(
    subsets[0]?.addresses?.map((a) => a.ip),
    ['10.244.0.97', '10.244.0.98'],
  )
  assert.deepEqual(
    subsets[0]?.notReadyAddresses?.map((a) => a.ip),
    ['10.244.0.99'],
  )
  assert.deepEqual(subsets[0]?.ports, [
    { name: 'a', port: 8080, protocol: 'TCP' },
    { name: 'b', port: 81, protocol: 'TCP' },
  ])
  const split = desiredSubsets(service(HTTP), [pod('a'), pod('b', { port: 9090 })])
  assert.equal(split.subsets.length, 2)
})

test('past a thousand addresses the rest is cut off, those not ready first', () => {
  const many = Array.from({ length: 1100 }, (_, i) =>
    pod(`p${i}`, { ip: `10.1.${i >> 8}.${i & 255}`, ready: i >= 600 }),
  )
  const { subsets, truncated } = desiredSubsets(service(HTTP), many)
  assert.equal(truncated, true)
  assert.deepEqual([subsets[0]?.addresses?.length, subsets[0]?.notReadyAddresses?.length], [500, 500])
})
