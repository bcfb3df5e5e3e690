import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Service } from './service.ts'

type Spec = NonNullable<Service['spec']>

const service = (spec: Spec): Service => {
  const obj = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec } as unknown as Service
  Service.default?.(obj)
  return obj
}
const updated = (spec: Spec, old: Service): Spec => {
  const obj = service(spec)
  Service.prepareForUpdate?.(obj, old)
  return obj.spec
}

test('the defaults depend on the type', () => {
  assert.deepEqual(service({ ports: [{ port: 80 }] }).spec, {
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    sessionAffinity: 'None',
    type: 'ClusterIP',
    internalTrafficPolicy: 'Cluster',
  })
  const balanced = service({ type: 'LoadBalancer', sessionAffinity: 'ClientIP' }).spec
  assert.equal(balanced.allocateLoadBalancerNodePorts, true)
  assert.equal(balanced.externalTrafficPolicy, 'Cluster')
  assert.deepEqual(balanced.sessionAffinityConfig, { clientIP: { timeoutSeconds: 10800 } })
  assert.equal(service({ type: 'ExternalName', externalName: 'a.b' }).spec.internalTrafficPolicy, undefined)
})

const old = service({
  type: 'NodePort',
  clusterIP: '10.96.0.5',
  clusterIPs: ['10.96.0.5'],
  ipFamilies: ['IPv4'],
  ipFamilyPolicy: 'SingleStack',
  ports: [{ port: 80, nodePort: 30080 }],
})

test('an update that leaves out what was allocated keeps it', () => {
  const spec = updated({ type: 'NodePort', ports: [{ port: 80 }, { name: 'b', port: 81 }] }, old)
  assert.equal(spec.clusterIP, '10.96.0.5')
  assert.deepEqual(spec.clusterIPs, ['10.96.0.5'])
  assert.deepEqual(
    spec.ports?.map((p) => p.nodePort),
    [30080, undefined],
  )
})

test('a change of type gives back what only the old type had', () => {
  const plain = updated({ type: 'ClusterIP', ports: [{ port: 80, nodePort: 30080 }] }, old)
  assert.equal(plain.ports?.[0]?.nodePort, undefined)
  assert.equal(plain.externalTrafficPolicy, undefined)
  const external = updated({ ...structuredClone(old.spec), type: 'ExternalName', externalName: 'a.b' }, old)
  assert.equal(external.clusterIP, undefined)
  assert.equal(external.clusterIPs, undefined)
})

test('a cluster IP cannot change', () => {
  const obj = service({ ...structuredClone(old.spec), clusterIP: '10.96.0.6' })
  Service.prepareForUpdate?.(obj, old)
  assert.deepEqual(
    Service.validateChange?.(obj, old).map((e) => `${e.field}: ${e.message}`),
    ['spec.clusterIPs[0]: Invalid value: ["10.96.0.6"]: may not change once set'],
  )
})
