import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/log.ts'
import { ensurePki } from '../../base/pki.ts'
import { openMemoryStore } from '../storage/memory.ts'
import { testApi } from '../test-api.ts'

test('a new cluster has its namespaces, Services, priority classes and roles', async () => {
  const api = await testApi()
  const names = async (url: string) =>
    (await api.get(url)).body.items.map((item: { metadata: { name: string } }) => item.metadata.name)
  assert.deepEqual(await names('/api/v1/namespaces'), ['default', 'kube-node-lease', 'kube-public', 'kube-system'])
  assert.deepEqual(await names('/api/v1/services'), ['kubernetes', 'kube-dns'])
  assert.deepEqual(await names('/apis/scheduling.k8s.io/v1/priorityclasses'), [
    'system-cluster-critical',
    'system-node-critical',
  ])
  assert.ok((await names('/apis/rbac.authorization.k8s.io/v1/clusterroles')).includes('cluster-admin'))
  const { body: dns } = await api.get('/api/v1/namespaces/kube-system/services/kube-dns')
  assert.deepEqual(
    dns.spec.ports.map((p: { name: string; port: number; protocol: string }) => [p.name, p.port, p.protocol]),
    [
      ['dns', 53, 'UDP'],
      ['dns-tcp', 53, 'TCP'],
      ['metrics', 9153, 'TCP'],
    ],
  )
  await api.close()
})

test('a second start on the same store writes nothing; a new address is published', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'skiff-bootstrap-'))
  const ctx = { signal: new AbortController().signal, log: silentLogger }
  const pki = await ensurePki(ctx, directory, { addresses: [], dnsNames: [], clock: systemClock })
  const store = openMemoryStore()
  const start = async (advertiseAddress: string, port: number) => {
    const api = await testApi({ store, pki, advertiseAddress })
    const at = await api.server.listen({ host: '127.0.0.1', port })
    return { api, port: at.port }
  }
  const first = await start('192.0.2.1', 0)
  const { body: endpoints } = await first.api.get('/api/v1/namespaces/default/endpoints/kubernetes')
  assert.deepEqual(endpoints.subsets[0].addresses, [{ ip: '192.0.2.1' }])
  assert.equal(endpoints.subsets[0].ports[0].port, first.port)
  await first.api.server.close()
  const { revision } = store
  const second = await start('192.0.2.1', first.port)
  assert.equal(store.revision, revision)
  await second.api.server.close()
  const moved = await start('192.0.2.7', first.port)
  const { body: slice } = await moved.api.get('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes')
  assert.deepEqual(slice.endpoints[0].addresses, ['192.0.2.7'])
  await moved.api.close()
  await rm(directory, { recursive: true, force: true })
})
