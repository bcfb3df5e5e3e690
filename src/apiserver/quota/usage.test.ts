import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pod } from '../test-api.ts'
import { formatAmounts } from './amounts.ts'
import { unspecified } from './pod-usage.ts'
import { covers, sourceOfBound, usageOf } from './usage.ts'

const text = (source: string, object: object, nowMs = 0) => {
  const usage = usageOf(source, object as never, nowMs)
  return formatAmounts(usage, [...usage.keys()])
}
const container = (resources: object) => ({ containers: [{ name: 'app', image: 'i', resources }] })

test('pods count for themselves and for what they ask for, as long as they run', () => {
  const asks = pod(
    'p',
    container({ requests: { cpu: '500m', 'hugepages-2Mi': '4Mi', 'example.com/gpu': '2' }, limits: { cpu: '1' } }),
  )
  const running =
    'count/pods=1,cpu=500m,hugepages-2Mi=4Mi,limits.cpu=1,pods=1,requests.cpu=500m,requests.example.com/gpu=2,requests.hugepages-2Mi=4Mi'
  assert.equal(text('/pods', asks), running)
  assert.equal(text('/pods', { ...asks, status: { phase: 'Succeeded' } }), 'count/pods=1')
  const ending = {
    ...asks,
    metadata: { name: 'p', deletionTimestamp: '1970-01-01T00:00:10Z', deletionGracePeriodSeconds: 10 },
  }
  assert.equal(text('/pods', ending, 20_000), running)
  assert.equal(text('/pods', ending, 20_001), 'count/pods=1')
})

test('other kinds count by number, and some by what they hold', () => {
  const ports = [{ port: 1, nodePort: 30_001 }, { port: 2 }]
  const service = (spec: object) => text('/services', { metadata: {}, spec: { ports, ...spec } })
  assert.equal(service({ type: 'ClusterIP' }), 'count/services=1,services=1')
  assert.equal(service({ type: 'NodePort' }), 'count/services=1,services=1,services.nodeports=2')
  assert.equal(
    service({ type: 'LoadBalancer' }),
    'count/services=1,services=1,services.loadbalancers=1,services.nodeports=2',
  )
  assert.equal(
    service({ type: 'LoadBalancer', allocateLoadBalancerNodePorts: false }),
    'count/services=1,services=1,services.loadbalancers=1,services.nodeports=1',
  )
  const claim = { metadata: {}, spec: { storageClassName: 'gold', resources: { requests: { storage: '2Gi' } } } }
  assert.equal(
    text('/persistentvolumeclaims', claim),
    'count/persistentvolumeclaims=1,gold.storageclass.storage.k8s.io/persistentvolumeclaims=1,gold.storageclass.storage.k8s.io/requests.storage=2Gi,persistentvolumeclaims=1,requests.storage=2Gi',
  )
  assert.equal(text('/secrets', { metadata: {} }), 'count/secrets=1,secrets=1')
  assert.equal(text('apps/deployments', { metadata: {} }), 'count/deployments.apps=1')
  assert.equal(text('example.com/widgets', { metadata: {} }), 'count/widgets.example.com=1')
  assert.equal(text('/events', { metadata: {} }), '')
  const devices = (requests: object[]) =>
    text('resource.k8s.io/resourceclaims', { metadata: {}, spec: { devices: { requests } } })
  assert.equal(
    devices([
      { name: 'a', exactly: { deviceClassName: 'gpu', count: 2 } },
      { name: 'b', exactly: { deviceClassName: 'gpu' } },
      { name: 'c', firstAvailable: [{ deviceClassName: 'big', count: 3 }, { deviceClassName: 'big' }] },
      { name: 'd', exactly: { deviceClassName: 'all', allocationMode: 'All' } },
    ]),
    'all.deviceclass.resource.k8s.io/devices=32,big.deviceclass.resource.k8s.io/devices=3,count/resourceclaims.resource.k8s.io=1,gpu.deviceclass.resource.k8s.io/devices=3',
  )
})

test('every name of a bound says what it counts', () => {
  const table: [string, string | undefined][] = [
    ['pods', '/pods'],
    ['requests.cpu', '/pods'],
    ['limits.memory', '/pods'],
    ['requests.example.com/gpu', '/pods'],
    ['requests.storage', '/persistentvolumeclaims'],
    ['gold.storageclass.storage.k8s.io/requests.storage', '/persistentvolumeclaims'],
    ['services.nodeports', '/services'],
    ['configmaps', '/configmaps'],
    ['count/pods', '/pods'],
    ['count/widgets.example.com', 'example.com/widgets'],
    ['gpu.deviceclass.resource.k8s.io/devices', 'resource.k8s.io/resourceclaims'],
    ['nonsense', undefined],
  ]
  for (const [name, source] of table) assert.equal(sourceOfBound(name), source, name)
})

test('scopes choose pods', () => {
  const inScopes = (spec: object, asked: object) => covers({ spec } as never, '/pods', pod('p', asked) as never)
  const term = { topologyKey: 'zone', namespaces: ['other'] }
  const crossing = { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } }
  const classes = (operator: string, values?: string[]) => ({
    scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator, values }] },
  })
  const table: [object, object, boolean][] = [
    [{}, {}, true],
    [{ scopes: ['BestEffort'] }, {}, true],
    [{ scopes: ['NotBestEffort'] }, container({ requests: { cpu: '1' } }), true],
    [{ scopes: ['BestEffort'] }, container({ requests: { cpu: '1' } }), false],
    [{ scopes: ['Terminating'] }, { activeDeadlineSeconds: 5 }, true],
    [{ scopes: ['NotTerminating', 'BestEffort'] }, { activeDeadlineSeconds: 5 }, false],
    [{ scopes: ['CrossNamespacePodAffinity'] }, crossing, true],
    [{ scopes: ['CrossNamespacePodAffinity'] }, {}, false],
    [{ scopes: ['PriorityClass'] }, { priorityClassName: 'high' }, true],
    [classes('In', ['high']), { priorityClassName: 'high' }, true],
    [classes('In', ['high']), { priorityClassName: 'low' }, false],
    [classes('NotIn', ['high']), {}, true],
    [classes('DoesNotExist'), {}, true],
  ]
  for (const [spec, asked, expected] of table) assert.equal(inScopes(spec, asked), expected, JSON.stringify(spec))
  assert.equal(covers({ spec: { scopes: ['BestEffort'] } } as never, '/services', { metadata: {} } as never), false)
})

test('pods that say too little for a quota are told what, and for which containers', () => {
  const spec = {
    containers: [
      { name: 'b', resources: { requests: { cpu: '1' } } },
      { name: 'a', resources: {} },
    ],
  }
  assert.equal(
    unspecified({ metadata: {}, spec } as never, { 'limits.cpu': '1', 'requests.cpu': '1', pods: '3' }),
    'must specify limits.cpu for: a,b; requests.cpu for: a',
  )
  assert.equal(unspecified({ metadata: {}, spec } as never, { pods: '3', 'requests.storage': '1' }), undefined)
})
