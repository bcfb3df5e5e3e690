import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClusterRole } from '../api/kinds/cluster-role.ts'
import { CRON_TABS, cronTab, cronTabs, establish } from '../apiserver/crd/crd-fixtures.ts'
import { testApi } from '../apiserver/test-api.ts'
import { systemClock } from '../base/clock.ts'
import { silentLogger } from '../base/log.ts'
import { createClient } from '../client/api-client.ts'
import { createEventRecorder } from '../client/event-recorder.ts'
import { inProcessTransport } from '../client/in-process-transport.ts'
import { createCache } from '../client/informer-cache.ts'
import { clusterRoleAggregation } from './cluster-role-aggregation.ts'
import { runControllers } from './runner.ts'

const RBAC = '/apis/rbac.authorization.k8s.io/v1'

test('a role with the label of edit lets editors of a namespace work with custom resources', {
  timeout: 20_000,
}, async () => {
  const api = await testApi()
  await establish(api, cronTabs())
  const stop = new AbortController()
  const ctx = { signal: stop.signal, log: silentLogger }
  const manager = { name: 'system:kube-controller-manager', groups: ['system:masters', 'system:authenticated'] }
  const client = createClient(inProcessTransport(api.server.handler, { user: manager }))
  const cache = createCache(ctx, client, systemClock)
  const events = createEventRecorder(ctx, client, systemClock, { component: 'test' })
  const running = runControllers(ctx, { client, cache, events, clock: systemClock }, [clusterRoleAggregation])
  const user = { name: 'jane', groups: ['system:authenticated'] }
  await api.post(`${RBAC}/namespaces/default/rolebindings`, {
    metadata: { name: 'jane' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' }],
  })
  assert.equal((await api.post(CRON_TABS, cronTab('a', { cronSpec: '* * * * *' }), { user })).status, 403)
  const aggregated = new Promise<void>((resolve) =>
    cache.watch(ClusterRole, ({ object }) => {
      if (object.metadata.name === 'edit' && object.rules?.some((rule) => rule.resources?.includes('crontabs')))
        resolve()
    }),
  )
  await api.post(`${RBAC}/clusterroles`, {
    metadata: { name: 'crontabs-edit', labels: { 'rbac.authorization.k8s.io/aggregate-to-edit': 'true' } },
    rules: [{ apiGroups: ['stable.example.com'], resources: ['crontabs'], verbs: ['get', 'list', 'create', 'delete'] }],
  })
  await aggregated
  assert.equal((await api.post(CRON_TABS, cronTab('a', { cronSpec: '* * * * *' }), { user })).status, 201)
  assert.equal((await api.get(`${CRON_TABS}/a`, { user })).status, 200)
  assert.equal((await api.patch('merge', `${CRON_TABS}/a`, { spec: {} }, { user })).status, 403)
  assert.equal((await api.get(CRON_TABS.replace('default', 'kube-system'), { user })).status, 403)
  stop.abort()
  await running
  await cache.stopped()
  await api.close()
})
