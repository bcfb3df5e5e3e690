import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node, Pod } from '../api/types/core.v1.ts'
import { feasibleNodesToFind, schedule } from './schedule.ts'
import type { ClusterState, Lookups } from './snapshot.ts'
import { makeCluster, makeNode, makePod } from './test-cluster.ts'
import { outlook } from './why-pending.ts'

function outcome(state: ClusterState, pod: Pod): string {
  const found = outlook(state, pod)
  if (found.node === undefined) return found.message
  return found.victims.length > 0 ? `${found.node} after ${found.victims.join(', ')}` : found.node
}

interface Case {
  title: string
  nodes: Node[]
  running?: Record<string, Pod[]>
  lookups?: Partial<Lookups>
  pod: Pod
  expect: string
}

const NOT_HELPFUL = (n: number) =>
  `preemption: 0/${n} nodes are available: ${n} Preemption is not helpful for scheduling.`
const NO_VICTIMS = (n: number) =>
  `preemption: 0/${n} nodes are available: ${n} No preemption victims found for incoming pod.`

const near = (labels: Record<string, string>, topologyKey = 'kubernetes.io/hostname') => ({
  labelSelector: { matchLabels: labels },
  topologyKey,
})
const antiAffinity = (labels: Record<string, string>, topologyKey?: string) => ({
  podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [near(labels, topologyKey)] },
})
const affinity = (labels: Record<string, string>, topologyKey?: string) => ({
  podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [near(labels, topologyKey)] },
})
const spread = (maxSkew: number, topologyKey: string, app: string) => ({
  maxSkew,
  topologyKey,
  whenUnsatisfiable: 'DoNotSchedule' as const,
  labelSelector: { matchLabels: { app } },
})
const zone = (name: string) => ({ 'topology.kubernetes.io/zone': name })
const claimVolume = { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] }
const claim = (spec: object, phase: string) => ({
  metadata: { name: 'data', namespace: 'blue' },
  spec,
  status: { phase },
})

const cases: Case[] = [
  {
    title: 'a cluster without nodes says so',
    nodes: [],
    pod: makePod('web'),
    expect: 'no nodes available to schedule pods',
  },
  {
    title: 'a gated pod waits for its gates',
    nodes: [makeNode('a')],
    pod: makePod('web', { spec: { schedulingGates: [{ name: 'example.com/quota' }] } }),
    expect: 'Scheduling is blocked due to non-empty scheduling gates',
  },
  { title: 'a pod goes to the only node', nodes: [makeNode('a')], pod: makePod('web'), expect: 'a' },
  {
    title: 'a request for what others hold is insufficient',
    nodes: [makeNode('a', { cpu: '2' })],
    running: { a: [makePod('busy', { cpu: '1500m' })] },
    pod: makePod('web', { cpu: '1' }),
    expect: `0/1 nodes are available: 1 Insufficient cpu. ${NO_VICTIMS(1)}`,
  },
  {
    title: 'a request larger than the node cannot be helped',
    nodes: [makeNode('a', { cpu: '2' })],
    pod: makePod('web', { cpu: '3', memory: '100Gi' }),
    expect: `0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory. ${NOT_HELPFUL(1)}`,
  },
  {
    title: 'a full node has too many pods',
    nodes: [makeNode('a', { pods: '1' })],
    running: { a: [makePod('busy')] },
    pod: makePod('web'),
    expect: `0/1 nodes are available: 1 Too many pods. ${NO_VICTIMS(1)}`,
  },
  {
    title: 'an extended resource is counted',
    nodes: [makeNode('a', { extended: { 'example.com/fpga': '1' } }), makeNode('b')],
    running: { a: [makePod('busy', { requests: { 'example.com/fpga': '1' } })] },
    pod: makePod('web', { requests: { 'example.com/fpga': '1' } }),
    expect:
      '0/2 nodes are available: 2 Insufficient example.com/fpga. preemption: 0/2 nodes are available: ' +
      '1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.',
  },
  {
    title: 'init containers count at their peak, not in sum',
    nodes: [makeNode('a', { cpu: '1' })],
    pod: makePod('web', {
      cpu: '400m',
      spec: {
        initContainers: [
          { name: 'one', resources: { requests: { cpu: '900m' } } },
          { name: 'two', resources: { requests: { cpu: '900m' } } },
        ],
      },
    }),
    expect: 'a',
  },
  {
    title: 'each reason is counted by node, in the order of text',
    nodes: [
      makeNode('a', { unschedulable: true }),
      makeNode('b', { taints: [{ key: 'dedicated', value: 'gpu', effect: 'NoSchedule' }] }),
      makeNode('c'),
      makeNode('d', { labels: { disk: 'ssd' }, cpu: '1' }),
    ],
    pod: makePod('web', { cpu: '2', spec: { nodeSelector: { disk: 'ssd' } } }),
    expect:
      '0/4 nodes are available: 1 Insufficient cpu, ' +
      "1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s), " +
      `1 node(s) were unschedulable. ${NOT_HELPFUL(4)}`,
  },
  {
    title: 'a toleration opens a tainted node',
    nodes: [makeNode('a', { taints: [{ key: 'dedicated', value: 'gpu', effect: 'NoSchedule' }] })],
    pod: makePod('web', { spec: { tolerations: [{ key: 'dedicated', operator: 'Exists' }] } }),
    expect: 'a',
  },
  {
    title: 'PreferNoSchedule only makes a node the second choice',
    nodes: [makeNode('a', { taints: [{ key: 'slow', effect: 'PreferNoSchedule' }] }), makeNode('b', { cpu: '3' })],
    pod: makePod('web'),
    expect: 'b',
  },
  {
    title: 'required node affinity takes any of its terms',
    nodes: [makeNode('a', { labels: { size: '5' } }), makeNode('b', { labels: { size: '20' } })],
    pod: makePod('web', {
      spec: {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                { matchExpressions: [{ key: 'gone', operator: 'Exists' }] },
                { matchExpressions: [{ key: 'size', operator: 'Gt', values: ['10'] }] },
              ],
            },
          },
        },
      },
    }),
    expect: 'b',
  },
  {
    title: 'a field term names the node, as DaemonSets do',
    nodes: [makeNode('a'), makeNode('b')],
    pod: makePod('web', {
      spec: {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] }],
            },
          },
        },
      },
    }),
    expect: 'b',
  },
  {
    title: 'preferred node affinity decides between equals',
    nodes: [makeNode('a'), makeNode('b', { labels: { disk: 'ssd' } })],
    pod: makePod('web', {
      spec: {
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 1, preference: { matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] } },
            ],
          },
        },
      },
    }),
    expect: 'b',
  },
  {
    title: 'a host port is taken once',
    nodes: [makeNode('a')],
    running: { a: [makePod('busy', { hostPorts: [{ hostPort: 80, hostIP: '127.0.0.1' }] })] },
    pod: makePod('web', { hostPorts: [{ hostPort: 80 }] }),
    expect: `0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. ${NO_VICTIMS(1)}`,
  },
  {
    title: 'the same host port on another address or protocol is free',
    nodes: [makeNode('a')],
    running: { a: [makePod('busy', { hostPorts: [{ hostPort: 80, hostIP: '127.0.0.1' }] })] },
    pod: makePod('web', {
      hostPorts: [
        { hostPort: 80, hostIP: '127.0.0.2' },
        { hostPort: 80, hostIP: '127.0.0.1', protocol: 'UDP' },
      ],
    }),
    expect: 'a',
  },
  {
    title: 'the emptier node is taken',
    nodes: [makeNode('a'), makeNode('b')],
    running: { a: [makePod('busy', { cpu: '1', memory: '2Gi' })] },
    pod: makePod('web', { cpu: '100m' }),
    expect: 'b',
  },
  {
    title: 'a node that has a large image is taken',
    nodes: [makeNode('a'), makeNode('b', { images: { 'nginx:latest': 900 * 1024 * 1024 } })],
    pod: makePod('web'),
    expect: 'b',
  },
  {
    title: 'anti-affinity keeps two apart',
    nodes: [makeNode('a')],
    running: { a: [makePod('one', { labels: { app: 'web' } })] },
    pod: makePod('two', { spec: { affinity: antiAffinity({ app: 'web' }) } }),
    expect: `0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules. ${NO_VICTIMS(1)}`,
  },
  {
    title: 'anti-affinity of a pod that is there already is kept',
    nodes: [makeNode('a', { labels: zone('x') }), makeNode('b', { labels: zone('x') })],
    running: {
      a: [makePod('one', { spec: { affinity: antiAffinity({ app: 'web' }, 'topology.kubernetes.io/zone') } })],
    },
    pod: makePod('two', { labels: { app: 'web' } }),
    expect: `0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules. ${NO_VICTIMS(2)}`,
  },
  {
    title: 'anti-affinity does not look into other namespaces unless told',
    nodes: [makeNode('a')],
    running: { a: [makePod('one', { namespace: 'red', labels: { app: 'web' } })] },
    pod: makePod('two', { spec: { affinity: antiAffinity({ app: 'web' }) } }),
    expect: 'a',
  },
  {
    title: 'affinity follows a pod into its zone',
    nodes: [makeNode('a', { labels: zone('x') }), makeNode('b', { labels: zone('y') })],
    running: { b: [makePod('db', { labels: { app: 'db' } })] },
    pod: makePod('web', { spec: { affinity: affinity({ app: 'db' }, 'topology.kubernetes.io/zone') } }),
    expect: 'b',
  },
  {
    title: 'affinity to nobody is not met',
    nodes: [makeNode('a')],
    pod: makePod('web', { spec: { affinity: affinity({ app: 'db' }) } }),
    expect: `0/1 nodes are available: 1 node(s) didn't match pod affinity rules. ${NOT_HELPFUL(1)}`,
  },
  {
    title: 'the first pod of a group that wants to be together may go anywhere',
    nodes: [makeNode('a')],
    pod: makePod('web', { labels: { app: 'web' }, spec: { affinity: affinity({ app: 'web' }) } }),
    expect: 'a',
  },
  {
    title: 'preferred anti-affinity only weighs',
    nodes: [makeNode('a'), makeNode('b')],
    running: { a: [makePod('one', { labels: { app: 'web' } })], b: [makePod('fat', { cpu: '200m', memory: '300Mi' })] },
    pod: makePod('two', {
      spec: {
        affinity: {
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: near({ app: 'web' }) }],
          },
        },
      },
    }),
    expect: 'b',
  },
  {
    title: 'hard spreading sends the third pod to the emptier zone',
    nodes: [makeNode('a', { labels: zone('x') }), makeNode('b', { labels: zone('y'), cpu: '1' })],
    running: { a: [makePod('one', { labels: { app: 'web' } })] },
    pod: makePod('two', {
      labels: { app: 'web' },
      spec: { topologySpreadConstraints: [spread(1, 'topology.kubernetes.io/zone', 'web')] },
    }),
    expect: 'b',
  },
  {
    title: 'hard spreading without an allowed zone says so',
    nodes: [
      makeNode('a', { labels: zone('x') }),
      makeNode('b', { labels: zone('y'), unschedulable: true }),
      makeNode('c'),
    ],
    running: { a: [makePod('one', { labels: { app: 'web' } })] },
    pod: makePod('two', {
      labels: { app: 'web' },
      spec: { topologySpreadConstraints: [spread(1, 'topology.kubernetes.io/zone', 'web')] },
    }),
    expect:
      "0/3 nodes are available: 1 node(s) didn't match pod topology spread constraints, " +
      "1 node(s) didn't match pod topology spread constraints (missing required label), 1 node(s) were unschedulable. " +
      'preemption: 0/3 nodes are available: ' +
      '1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.',
  },
  {
    title: 'a pod that says nothing is spread with the siblings that its Service selects',
    nodes: [makeNode('a', { cpu: '400', memory: '4000Gi' }), makeNode('b')],
    running: { a: Array.from({ length: 6 }, (_, i) => makePod(`w${i}`, { labels: { app: 'web' } })) },
    lookups: { ownSelectors: () => [{ matchLabels: { app: 'web' } }] },
    pod: makePod('web', { labels: { app: 'web' } }),
    expect: 'b',
  },
  {
    title: 'a claim that does not exist',
    nodes: [makeNode('a')],
    pod: makePod('web', { spec: claimVolume }),
    expect: `0/1 nodes are available: persistentvolumeclaim "data" not found. ${NOT_HELPFUL(1)}`,
  },
  {
    title: 'a claim that should have been bound at once',
    nodes: [makeNode('a')],
    lookups: { claim: () => claim({ storageClassName: 'fast' }, 'Pending') as never },
    pod: makePod('web', { spec: claimVolume }),
    expect: `0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. ${NOT_HELPFUL(1)}`,
  },
  {
    title: 'a claim whose class waits for the pod does not hold it up',
    nodes: [makeNode('a')],
    lookups: {
      claim: () => claim({ storageClassName: 'local' }, 'Pending') as never,
      storageClass: () => ({ volumeBindingMode: 'WaitForFirstConsumer' }) as never,
    },
    pod: makePod('web', { spec: claimVolume }),
    expect: 'a',
  },
  {
    title: 'a volume on another node',
    nodes: [makeNode('a')],
    lookups: {
      claim: () => claim({ volumeName: 'disk' }, 'Bound') as never,
      volume: () =>
        ({
          spec: {
            nodeAffinity: {
              required: {
                nodeSelectorTerms: [
                  { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['b'] }] },
                ],
              },
            },
          },
        }) as never,
    },
    pod: makePod('web', { spec: claimVolume }),
    expect: `0/1 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity. ${NOT_HELPFUL(1)}`,
  },
  {
    title: 'a pod of higher priority preempts as few as are needed, the least important first',
    nodes: [makeNode('a', { cpu: '2' })],
    running: {
      a: [
        makePod('low', { cpu: '1', priority: 1 }),
        makePod('lower', { cpu: '500m', priority: 0 }),
        makePod('peer', { cpu: '500m', priority: 10 }),
      ],
    },
    pod: makePod('urgent', { cpu: '500m', priority: 10 }),
    expect: 'a after blue/lower',
  },
  {
    title: 'of two nodes the one with the less important victim gives way',
    nodes: [makeNode('a', { cpu: '1' }), makeNode('b', { cpu: '1' })],
    running: { a: [makePod('five', { cpu: '1', priority: 5 })], b: [makePod('three', { cpu: '1', priority: 3 })] },
    pod: makePod('urgent', { cpu: '1', priority: 10 }),
    expect: 'b after blue/three',
  },
  {
    title: 'a disruption budget is broken only when there is no other way',
    nodes: [makeNode('a', { cpu: '1' }), makeNode('b', { cpu: '1' })],
    running: {
      a: [makePod('kept', { cpu: '1', priority: 0, labels: { app: 'db' } })],
      b: [makePod('free', { cpu: '1', priority: 3 })],
    },
    lookups: {
      budgets: () => [
        {
          metadata: { uid: 'budget' },
          spec: { selector: { matchLabels: { app: 'db' } } },
          status: { disruptionsAllowed: 0 },
        } as never,
      ],
    },
    pod: makePod('urgent', { cpu: '1', priority: 10 }),
    expect: 'b after blue/free',
  },
  {
    title: 'a pod that must not preempt waits',
    nodes: [makeNode('a', { cpu: '1' })],
    running: { a: [makePod('low', { cpu: '1', priority: 0 })] },
    pod: makePod('polite', { cpu: '1', priority: 10, spec: { preemptionPolicy: 'Never' } }),
    expect: '0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.',
  },
  {
    title: 'preemption that would not suffice says what is still missing',
    nodes: [makeNode('a', { cpu: '2' })],
    running: { a: [makePod('low', { cpu: '500m', priority: 0 }), makePod('high', { cpu: '1', priority: 20 })] },
    pod: makePod('urgent', { cpu: '1500m', priority: 10 }),
    expect: '0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 Insufficient cpu.',
  },
]

for (const { title, nodes, running, lookups, pod, expect } of cases) {
  test(title, () => assert.equal(outcome(makeCluster(nodes, running, lookups), pod), expect))
}

test('an assumed pod counts at once, a forgotten one no more', () => {
  const state = makeCluster([makeNode('a', { cpu: '1' })])
  const first = makePod('first', { cpu: '1' })
  state.assume(first, 'a')
  assert.equal(schedule(state, makePod('second', { cpu: '1' })).node, undefined)
  assert.equal(state.forget(first.metadata.uid), true)
  assert.equal(schedule(state, makePod('second', { cpu: '1' })).node, 'a')
  state.assume(first, 'a')
  state.setPod({ ...first, spec: { ...first.spec, nodeName: 'a' } })
  assert.equal(state.forget(first.metadata.uid), false, 'a confirmed pod is not forgotten')
  state.deletePod(first.metadata.uid)
  assert.equal(state.node('a')?.requested.get('cpu'), 0)
})

test('pods that came before their node are counted when it comes', () => {
  const state = makeCluster([], { a: [makePod('early', { cpu: '3' })] })
  state.setNode(makeNode('a', { cpu: '4' }))
  assert.equal(state.node('a')?.requested.get('cpu'), 3000)
  state.deleteNode('a')
  state.setNode(makeNode('a', { cpu: '4' }))
  assert.equal(state.node('a')?.requested.get('cpu'), 3000)
})

test('room that a more important pod was promised is not given away', () => {
  const state = makeCluster([makeNode('a', { cpu: '1' })])
  const promised = makePod('urgent', { cpu: '1', priority: 10, status: { nominatedNodeName: 'a' } })
  state.nominate(promised, 'a')
  assert.equal(schedule(state, makePod('web', { cpu: '1' })).node, undefined)
  assert.equal(schedule(state, makePod('vip', { cpu: '1', priority: 20 })).node, 'a')
  assert.equal(schedule(state, promised).node, 'a')
})

test('large clusters are searched only until enough nodes were found', () => {
  assert.deepEqual([1, 100, 101, 1000, 6000].map(feasibleNodesToFind), [1, 100, 100, 420, 300])
  const nodes = Array.from({ length: 300 }, (_, i) => makeNode(`n${i}`))
  const decision = schedule(makeCluster(nodes), makePod('web'), { startAt: 299 })
  assert.equal(decision.node !== undefined && decision.feasible, 144)
})

test('a thousand decisions over ten nodes leave the nodes evenly filled', () => {
  const state = makeCluster(
    Array.from({ length: 10 }, (_, i) => makeNode(`n${i}`, { cpu: '64', memory: '256Gi', pods: '200' })),
  )
  for (let i = 0; i < 1000; i++) {
    const pod = makePod(`p${i}`, { cpu: '100m', memory: '64Mi' })
    const { node } = schedule(state, pod, { pick: (count) => i % count })
    state.assume(pod, node!)
  }
  assert.deepEqual(new Set(state.nodes.map((node) => node.pods.size)), new Set([100]))
})
