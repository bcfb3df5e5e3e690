import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Service } from '../types/core.v1.ts'
import { serviceWarnings } from './service-warnings.ts'

const table: [spec: object, warnings: RegExp[]][] = [
  [{ type: 'ClusterIP', clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'] }, []],
  [
    { type: 'ClusterIP', clusterIP: 'None', sessionAffinity: 'ClientIP' },
    [/^spec\.SessionAffinity is ignored for headless/],
  ],
  [
    { type: 'ClusterIP', clusterIP: 'None', externalIPs: ['192.0.2.1'], loadBalancerIP: '192.0.2.2' },
    [/^spec\.loadBalancerIP is ignored for headless/, /^spec\.externalIPs is ignored for headless/],
  ],
  [
    { type: 'ClusterIP', externalName: 'a.example.com' },
    [/^spec\.externalName is ignored when spec\.type is not "ExternalName"$/],
  ],
  [
    { type: 'ExternalName', externalIPs: ['192.0.2.1'] },
    [/^spec\.externalIPs is ignored when spec\.type is "ExternalName"$/],
  ],
  [{ type: 'ClusterIP', externalIPs: ['192.0.2.1'] }, [/^spec\.externalIPs is deprecated/]],
  [{ type: 'LoadBalancer', loadBalancerIP: '2001:DB8:0::1' }, [/^spec\.loadBalancerIP: IPv6 address "2001:DB8:0::1"/]],
  [
    { type: 'ClusterIP', trafficDistribution: 'PreferClose' },
    [/^spec\.trafficDistribution: "PreferClose" is deprecated/],
  ],
]

for (const [spec, wanted] of table) {
  test(`a Service with ${JSON.stringify(spec)}`, () => {
    const service = { metadata: { name: 's' }, spec: { sessionAffinity: 'None', ...spec } } as unknown as Service
    const warnings = serviceWarnings(service)
    assert.equal(warnings.length, wanted.length, warnings.join('\n'))
    for (const [i, pattern] of wanted.entries()) assert.match(warnings[i] ?? '', pattern)
  })
}
