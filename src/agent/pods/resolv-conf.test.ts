import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DnsSettings, podResolvConf } from './resolv-conf.ts'

const settings: DnsSettings = {
  clusterDns: ['10.96.0.10'],
  clusterDomain: 'cluster.local',
  host: { nameservers: ['192.0.2.53'], searches: ['lan'], options: ['edns0'] },
}
const inCluster = {
  nameservers: ['10.96.0.10'],
  searches: ['blue.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'lan'],
  options: ['ndots:5'],
}

const cases: [string, Parameters<typeof podResolvConf>[0], object][] = [
  ['without a policy the cluster answers, the host’s search path comes last', {}, inCluster],
  ['on the host network ClusterFirst means the host’s settings', { hostNetwork: true }, settings.host],
  [
    'ClusterFirstWithHostNet means the cluster even there',
    { dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true },
    inCluster,
  ],
  ['Default is the host’s', { dnsPolicy: 'Default' }, settings.host],
  [
    'None takes only what the pod brings',
    {
      dnsPolicy: 'None',
      dnsConfig: {
        nameservers: ['1.1.1.1'],
        searches: ['my.org'],
        options: [{ name: 'ndots', value: '2' }, { name: 'rotate' }],
      },
    },
    { nameservers: ['1.1.1.1'], searches: ['my.org'], options: ['ndots:2', 'rotate'] },
  ],
  [
    'dnsConfig adds to the policy, its options replace those of the same name, nothing stands twice',
    {
      dnsConfig: {
        nameservers: ['10.96.0.10', '1.1.1.1'],
        searches: ['lan', 'my.org'],
        options: [{ name: 'ndots', value: '1' }],
      },
    },
    { nameservers: ['10.96.0.10', '1.1.1.1'], searches: [...inCluster.searches, 'my.org'], options: ['ndots:1'] },
  ],
]

for (const [title, spec, expected] of cases) {
  test(title, () => assert.deepEqual(podResolvConf(spec, 'blue', settings), expected))
}

test('without a cluster DNS pods resolve as the host does', () => {
  assert.deepEqual(podResolvConf({}, 'blue', { ...settings, clusterDns: [] }), settings.host)
})

test('three nameservers and 32 search domains are taken, and what was left out is said', () => {
  const conf = podResolvConf(
    {
      dnsPolicy: 'None',
      dnsConfig: {
        nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'],
        searches: Array.from({ length: 40 }, (_, i) => `d${i}.example`),
      },
    },
    'blue',
    settings,
  )
  assert.deepEqual([conf.nameservers.length, conf.searches.length], [3, 32])
  assert.match(conf.omitted ?? '', /applied nameserver line is: 1\.1\.1\.1 1\.1\.1\.2 1\.1\.1\.3; Search Line limits/)
})
