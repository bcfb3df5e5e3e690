import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeLabels } from '../agent/node/node-status.ts'
import { Node } from '../api/kinds/node.ts'
import { testApi } from '../apiserver/test-api.ts'
import { silentLogger } from '../base/log.ts'
import { createClient } from '../client/api-client.ts'
import { createEventRecorder } from '../client/event-recorder.ts'
import { inProcessTransport } from '../client/in-process-transport.ts'
import { createCache } from '../client/informer-cache.ts'
import { controlPlaneRole } from './control-plane-role.ts'
import { runControllers } from './runner.ts'

test('a node registers with labels that it may give itself, and is given the role of the control plane', async () => {
  const api = await testApi()
  const stop = new AbortController()
  const ctx = { signal: stop.signal, log: silentLogger }
  const clientOf = (name: string, group: string) => {
    const user = { name, groups: [group, 'system:authenticated'] }
    return createClient(inProcessTransport(api.server.handler, { user, userAgent: name }), { fieldManager: name })
  }
  const client = clientOf('system:kube-controller-manager', 'system:masters')
  const cache = createCache(ctx, client, api.clock)
  const events = createEventRecorder(ctx, client, api.clock, { component: 'test' })
  const marked = new Promise<void>((resolve) =>
    cache.watch(Node, ({ type, object }) => {
      if (type === 'updated' && object.metadata.name === 'node1') resolve()
    }),
  )
  const running = runControllers(ctx, { client, cache, events, clock: api.clock }, [controlPlaneRole('node1')])
  const labels = nodeLabels('node1', 'amd64', {})
  const node = (name: string) => ({
    metadata: { name, labels: { ...labels, 'kubernetes.io/hostname': name } },
    spec: {},
  })
  await clientOf('system:node:other', 'system:nodes').create(ctx, Node, node('other'))
  await clientOf('system:node:node1', 'system:nodes').create(ctx, Node, node('node1'))
  await marked
  const labelsOf = async (name: string) => (await api.get(`/api/v1/nodes/${name}`)).body.metadata.labels
  assert.equal((await labelsOf('node1'))['node-role.kubernetes.io/control-plane'], '')
  assert.equal((await labelsOf('other'))['node-role.kubernetes.io/control-plane'], undefined)
  stop.abort()
  await running
  await cache.stopped()
  await api.close()
})
