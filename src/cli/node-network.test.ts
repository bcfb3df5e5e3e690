import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Config } from './config.ts'
import { nodeNetwork } from './node-network.ts'

const network = (name: string) => nodeNetwork({ name, podCIDR: '10.244.0.0/16', serviceCIDR: '10.96.0.0/16' } as Config)

test('names and addresses follow from the settings', () => {
  const { podCIDR, podNetwork, clusterDNS, nftTable } = network('home')
  assert.equal(podCIDR, '10.244.0.0/24')
  assert.deepEqual(podNetwork, {
    name: 'skiff-home',
    subnet: '10.244.0.0/24',
    bridge: 'skiff-home',
    gateway: '10.244.0.1',
  })
  assert.equal(clusterDNS, '10.96.0.10')
  assert.equal(nftTable, 'skiff-home')
})

test('bridges of clusters with long names fit the kernel and differ', () => {
  const bridges = ['development-a', 'development-b', 'a'.repeat(20)].map((name) => network(name).podNetwork.bridge)
  assert.equal(new Set(bridges).size, 3)
  for (const bridge of bridges) assert.ok(bridge.length <= 15 && bridge.startsWith('skiff-'), bridge)
})
