import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EndpointSlice } from '../../api/kinds/endpoint-slice.ts'
import type { Service } from '../../api/kinds/service.ts'
import { serviceRules } from './service-table.ts'

const node = { nodeName: 'here', overrides: new Map() }

function service(spec: object): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'blue' },
    spec: { clusterIP: '10.96.0.7', type: 'ClusterIP', ports: [{ port: 80 }], ...spec },
  } as unknown as Service
}
function slice(endpoints: object[], port = 8080, name = ''): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1', namespace: 'blue' },
    addressType: 'IPv4',
    ports: [{ name, port, protocol: 'TCP' }],
    endpoints,
  } as unknown as EndpointSlice
}
const endpoint = (ip: string, conditions: object = { ready: true }, nodeName = 'here') => ({
  addresses: [ip],
  conditions,
  nodeName,
})
const ips = (backends: readonly { ip: string }[]) => backends.map((b) => b.ip)

test('a ClusterIP Service leads to its ready endpoints on the target port, in a stable order', () => {
  const [rule] = serviceRules(
    service({}),
    [slice([endpoint('10.244.0.9'), endpoint('10.244.0.3'), endpoint('10.244.0.3')])],
    node,
  )
  assert.deepEqual(rule!.virtualIPs, [{ ip: '10.96.0.7', port: 80, external: false }])
  assert.deepEqual(
    rule!.backends.map((b) => `${b.ip}:${b.port}`),
    ['10.244.0.3:8080', '10.244.0.9:8080'],
  )
  assert.deepEqual(rule!.externalBackends, [])
  assert.equal(rule!.nodePort, 0)
})

test('headless and ExternalName Services need no rules', () => {
  assert.deepEqual(serviceRules(service({ clusterIP: 'None' }), [slice([endpoint('10.244.0.3')])], node), [])
  assert.deepEqual(serviceRules(service({ type: 'ExternalName', clusterIP: undefined }), [], node), [])
})

test('endpoints that terminate but serve are used only when none is ready', () => {
  const leaving = endpoint('10.244.0.5', { ready: false, serving: true, terminating: true })
  assert.deepEqual(ips(serviceRules(service({}), [slice([leaving, endpoint('10.244.0.3')])], node)[0]!.backends), [
    '10.244.0.3',
  ])
  assert.deepEqual(ips(serviceRules(service({}), [slice([leaving])], node)[0]!.backends), ['10.244.0.5'])
  assert.deepEqual(
    serviceRules(service({}), [slice([endpoint('10.244.0.5', { ready: false })])], node)[0]!.backends,
    [],
  )
})

test('Local policies keep to this node; the client address survives only externalTrafficPolicy Local', () => {
  const slices = [slice([endpoint('10.244.0.3'), endpoint('10.244.1.3', {}, 'there')])]
  const outside = serviceRules(
    service({ type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }], externalTrafficPolicy: 'Local' }),
    slices,
    node,
  )[0]!
  assert.deepEqual(ips(outside.externalBackends), ['10.244.0.3'])
  assert.deepEqual(ips(outside.backends), ['10.244.0.3', '10.244.1.3'])
  assert.equal(outside.preserveClientIP, true)
  const inside = serviceRules(service({ internalTrafficPolicy: 'Local' }), slices, node)[0]!
  assert.deepEqual(ips(inside.backends), ['10.244.0.3'])
  assert.equal(inside.preserveClientIP, false)
})

test('ports are matched by name and protocol', () => {
  const ports = [
    { name: 'http', port: 80 },
    { name: 'dns', port: 53, protocol: 'UDP' },
  ]
  const rules = serviceRules(service({ ports }), [slice([endpoint('10.244.0.3')], 8080, 'http')], node)
  assert.deepEqual(
    rules.map((r) => [r.id, r.protocol, r.backends.length]),
    [
      ['blue/web:http', 'TCP', 1],
      ['blue/web:dns', 'UDP', 0],
    ],
  )
})

test('an override stands for a Service’s own endpoints', () => {
  const backend = { ip: '10.244.0.1', port: 10053, local: true }
  const [rule] = serviceRules(service({}), [slice([endpoint('10.244.0.3')])], {
    ...node,
    overrides: new Map([['blue/web:', backend]]),
  })
  assert.deepEqual(rule!.backends, [backend])
})

test('ClientIP affinity defaults to three hours', () => {
  assert.equal(serviceRules(service({ sessionAffinity: 'ClientIP' }), [], node)[0]!.affinitySeconds, 10800)
  assert.equal(
    serviceRules(
      service({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } }),
      [],
      node,
    )[0]!.affinitySeconds,
    5,
  )
})
