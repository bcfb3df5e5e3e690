import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Kind } from '../../api/kinds/kind.ts'
import { Pod } from '../../api/kinds/pod.ts'
import { configMap, deployment, pod, testApi, withDefaultAccount } from '../test-api.ts'
import type { Obj } from './call.ts'
import { completesDeletion, type DeleteOptions, planDelete } from './lifecycle.ts'

const api = await testApi()
after(() => api.close())
await withDefaultAccount(api)
const MAPS = '/api/v1/namespaces/default/configmaps'
const PODS = '/api/v1/namespaces/default/pods'

test('deleting answers with a Status that says what went', async () => {
  const { body: made } = await api.post('/apis/apps/v1/namespaces/default/deployments', deployment('gone'))
  const { status, body } = await api.delete('/apis/apps/v1/namespaces/default/deployments/gone')
  assert.equal(status, 200)
  assert.deepEqual(body, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name: 'gone', group: 'apps', kind: 'deployments', uid: made.metadata.uid },
  })
  assert.equal((await api.delete('/apis/apps/v1/namespaces/default/deployments/gone')).status, 404)
})

test('preconditions guard against deleting something else', async () => {
  await api.post(MAPS, configMap('guarded'))
  const wrong = await api.delete(`${MAPS}/guarded`, { preconditions: { uid: 'other' } })
  assert.equal(wrong.status, 409)
  assert.match(
    wrong.body.message,
    /on ConfigMap "guarded": the UID in the precondition \(other\) does not match the UID in record \(.*\)\. The object might have been deleted and then recreated$/,
  )
  const stale = await api.delete(`${MAPS}/guarded`, { preconditions: { resourceVersion: '1' } })
  assert.equal(stale.status, 409)
  assert.match(stale.body.message, /the ResourceVersion in the precondition \(1\) does not match .* modified$/)
})

test('an object with finalizers is marked, and goes when the last one is taken off', async () => {
  await api.post(MAPS, configMap('held', {}, { finalizers: ['example.com/a', 'example.com/b'] }))
  const marked = await api.delete(`${MAPS}/held`)
  assert.ok(marked.body.metadata.deletionTimestamp)
  assert.equal(marked.body.metadata.deletionGracePeriodSeconds, 0)
  const again = await api.delete(`${MAPS}/held`)
  assert.equal(again.body.metadata.resourceVersion, marked.body.metadata.resourceVersion)
  await api.patch('merge', `${MAPS}/held`, { metadata: { finalizers: ['example.com/b'] } })
  assert.equal((await api.get(`${MAPS}/held`)).status, 200)
  const added = await api.patch('merge', `${MAPS}/held`, {
    metadata: { finalizers: ['example.com/b', 'example.com/c'] },
  })
  assert.equal(added.status, 422)
  const last = await api.patch('merge', `${MAPS}/held`, { metadata: { finalizers: null } })
  assert.equal(last.status, 200)
  assert.equal((await api.get(`${MAPS}/held`)).status, 404)
})

test('propagation policies become finalizers for the garbage collector', async () => {
  for (const [policy, finalizer] of [
    ['Foreground', 'foregroundDeletion'],
    ['Orphan', 'orphan'],
  ]) {
    await api.post(MAPS, configMap(`owner-${finalizer?.toLowerCase()}`))
    const { body } = await api.delete(`${MAPS}/owner-${finalizer?.toLowerCase()}`, { propagationPolicy: policy })
    assert.deepEqual(body.metadata.finalizers, [finalizer])
  }
  await api.post(MAPS, configMap('owner-background'))
  const background = await api.delete(`${MAPS}/owner-background`, { propagationPolicy: 'Background' })
  assert.equal(background.body.kind, 'Status')
  assert.equal((await api.delete(`${MAPS}/guarded`, { propagationPolicy: 'Sideways' })).status, 422)
})

test('a pod without a node goes at once, one on a node gets its grace period', async () => {
  await api.post(PODS, pod('homeless'))
  const gone = await api.delete(`${PODS}/homeless`)
  assert.equal(gone.body.kind, 'Pod')
  assert.equal((await api.get(`${PODS}/homeless`)).status, 404)

  await api.post(PODS, pod('running', { nodeName: 'n1', terminationGracePeriodSeconds: 30 }))
  const { body: marked } = await api.delete(`${PODS}/running`)
  assert.equal(marked.metadata.deletionGracePeriodSeconds, 30)
  assert.equal(marked.metadata.deletionTimestamp, '2026-01-01T00:00:30Z')
  const { body: sooner } = await api.delete(`${PODS}/running`, { gracePeriodSeconds: 5 })
  assert.equal(sooner.metadata.deletionTimestamp, '2026-01-01T00:00:05Z')
  const { body: longer } = await api.delete(`${PODS}/running`, { gracePeriodSeconds: 60 })
  assert.equal(longer.metadata.deletionGracePeriodSeconds, 5)
  await api.delete(`${PODS}/running?gracePeriodSeconds=0`)
  assert.equal((await api.get(`${PODS}/running`)).status, 404)
})

test('deletecollection deletes what the selectors choose and answers with it', async () => {
  for (const name of ['c1', 'c2', 'c3']) {
    await api.post(MAPS, configMap(name, {}, { labels: { set: name === 'c3' ? 'b' : 'a' } }))
  }
  const { body } = await api.delete(`${MAPS}?labelSelector=set%3Da`)
  assert.equal(body.kind, 'ConfigMapList')
  assert.equal(body.items.length, 2)
  assert.equal((await api.get(`${MAPS}/c1`)).status, 404)
  assert.equal((await api.get(`${MAPS}/c3`)).status, 200)
})

test('a namespace terminates, takes nothing new, and goes when it is finalized', async () => {
  await api.post('/api/v1/namespaces', { metadata: { name: 'blue' } })
  const { body: marked } = await api.delete('/api/v1/namespaces/blue')
  assert.equal(marked.status.phase, 'Terminating')
  assert.deepEqual(marked.spec.finalizers, ['kubernetes'])
  const refused = await api.post('/api/v1/namespaces/blue/configmaps', configMap('late'))
  assert.equal(refused.status, 403)
  assert.match(refused.body.message, /unable to create new content in namespace blue because it is being terminated/)
  assert.equal(refused.body.details.causes[0].reason, 'NamespaceTerminating')
  const done = await api.put('/api/v1/namespaces/blue/finalize', { ...marked, spec: { finalizers: [] } })
  assert.equal(done.status, 200)
  assert.equal((await api.get('/api/v1/namespaces/blue')).status, 404)
})

test('the namespaces that the cluster needs are not deleted', async () => {
  for (const name of ['default', 'kube-system', 'kube-public']) {
    const { status, body } = await api.delete(`/api/v1/namespaces/${name}`)
    assert.equal(status, 403)
    assert.equal(body.message, `namespaces "${name}" is forbidden: this namespace may not be deleted`)
  }
})

const kind = Pod as unknown as Kind
const options: DeleteOptions = {
  gracePeriodSeconds: undefined,
  propagation: undefined,
  uid: undefined,
  resourceVersion: undefined,
  dryRun: false,
}
const running = (metadata: object) =>
  ({
    ...pod('p', { nodeName: 'n', terminationGracePeriodSeconds: 30 }, metadata),
    status: { phase: 'Running' },
  }) as unknown as Obj

test('what a delete does follows from the object and the options', () => {
  const action = (metadata: object, asked: Partial<DeleteOptions>) =>
    planDelete(kind, running(metadata), { ...options, ...asked }, 0).action
  assert.equal(action({}, {}), 'mark')
  assert.equal(action({}, { gracePeriodSeconds: 0 }), 'remove')
  assert.equal(action({ finalizers: ['a/b'] }, { gracePeriodSeconds: 0 }), 'mark')
  const dying = { deletionTimestamp: '1970-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 }
  assert.equal(action(dying, {}), 'none')
  assert.equal(action(dying, { gracePeriodSeconds: 10 }), 'mark')
  assert.equal(action(dying, { propagation: 'Foreground' }), 'mark')
  assert.equal(action({}, { gracePeriodSeconds: -1 }), 'mark')
})

test('deletion is complete when neither finalizers nor a grace period are left', () => {
  const done = (metadata: object) => completesDeletion(running(metadata))
  const deletionTimestamp = '1970-01-01T00:00:30Z'
  assert.equal(done({}), false)
  assert.equal(done({ deletionTimestamp }), true)
  assert.equal(done({ deletionTimestamp, deletionGracePeriodSeconds: 30 }), false)
  assert.equal(done({ deletionTimestamp, finalizers: ['a/b'] }), false)
})
