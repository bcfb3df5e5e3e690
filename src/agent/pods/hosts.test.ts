import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../api/kinds/pod.ts'
import { hostsFile, podNames } from './hosts.ts'

const pod = (spec: object, name = 'web') =>
  ({ metadata: { name, namespace: 'blue' }, spec: { containers: [], ...spec } }) as unknown as Pod
const names = (spec: object, name?: string) => podNames(pod(spec, name), 'cluster.local', 'node-1')

test('a pod is named after itself unless it says otherwise', () => {
  assert.deepEqual(names({}), { hostname: 'web', domain: undefined })
  assert.deepEqual(names({ hostname: 'a', subdomain: 's' }), { hostname: 'a', domain: 'a.s.blue.svc.cluster.local' })
  assert.equal(names({ hostname: 'a', subdomain: 's', setHostnameAsFQDN: true }).hostname, 'a.s.blue.svc.cluster.local')
  assert.equal(names({ hostNetwork: true }).hostname, 'node-1')
  assert.equal(names({ hostnameOverride: 'x.example.com' }).hostname, 'x.example.com')
  assert.equal(names({}, `${'a'.repeat(62)}-b`).hostname, 'a'.repeat(62))
  assert.throws(() => names({ hostname: 'a'.repeat(60), subdomain: 's', setHostnameAsFQDN: true }), /too long/)
})

test('the hosts file has the pod, its domain and its aliases', () => {
  const p = pod({ subdomain: 's', hostAliases: [{ ip: '1.2.3.4', hostnames: ['a', 'b'] }] })
  const text = hostsFile(p, podNames(p, 'cluster.local', 'n'), ['10.0.0.5'], '')
  assert.match(text, /^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/)
  assert.match(
    text,
    /\n10\.0\.0\.5\tweb\.s\.blue\.svc\.cluster\.local\tweb\n\n# Entries added by HostAliases\.\n1\.2\.3\.4\ta\tb\n$/,
  )
})

test("a pod in the host's network sees the node's own file", () => {
  const p = pod({ hostNetwork: true })
  const text = hostsFile(p, podNames(p, 'cluster.local', 'n'), ['192.168.0.1'], '127.0.0.1 localhost\n')
  assert.equal(text, '# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n')
})
