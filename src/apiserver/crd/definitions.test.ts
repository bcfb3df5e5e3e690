// Definitions: when they are served, what their conditions say, and how they end.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { testApi } from '../test-api.ts'
import { CRDS, CRON_TABS, cronTab, cronTabs, cronTabVersion, establish } from './crd-fixtures.ts'

const api = await testApi()
after(() => api.close())
const NAME = `${CRDS}/crontabs.stable.example.com`
const conditionsOf = (object: { status: { conditions: { type: string; status: string; reason: string }[] } }) =>
  Object.fromEntries(object.status.conditions.map((c) => [c.type, `${c.status} ${c.reason}`]))

/** The next state of a definition, as a watch tells it, for which `test` holds; undefined when it is deleted. */
async function until(name: string, test: (object: never) => boolean, from = '') {
  const since = from && `&resourceVersion=${from}`
  const watch = await api.watch(`${CRDS}?fieldSelector=metadata.name=${name}${since}`)
  try {
    for (;;) {
      const { type, object } = await watch.next()
      if (type === 'DELETED') return undefined
      if (test(object as never)) return object
    }
  } finally {
    watch.stop()
  }
}

const other = (name: string, names: object) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${name}.stable.example.com` },
  spec: {
    group: 'stable.example.com',
    scope: 'Namespaced',
    names: { plural: name, kind: 'Other', ...names },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
})

test('a definition is established with its names, and its objects can be made at once', async () => {
  const crd = await establish(api, cronTabs())
  assert.deepEqual(conditionsOf(crd), { NamesAccepted: 'True NoConflicts', Established: 'True InitialNamesAccepted' })
  assert.deepEqual(crd.status.acceptedNames, {
    plural: 'crontabs',
    singular: 'crontab',
    kind: 'CronTab',
    listKind: 'CronTabList',
    shortNames: ['ct'],
    categories: ['all'],
  })
  assert.deepEqual(crd.status.storedVersions, ['v1'])
  assert.equal((await api.post(CRON_TABS, cronTab('first'))).status, 201)
})

test('names that another definition has are refused one by one, and are given when they become free', async () => {
  const { status } = await api.post(CRDS, other('others', { kind: 'CronTab', shortNames: ['ct'] }))
  assert.equal(status, 201)
  const refused = await until('others.stable.example.com', (o: never) => 'NamesAccepted' in conditionsOf(o))
  assert.deepEqual(conditionsOf(refused), { NamesAccepted: 'False ListKindConflict', Established: 'False NotAccepted' })
  assert.equal(refused.status.acceptedNames.plural, 'others')
  assert.equal(refused.status.acceptedNames.kind, '')
  assert.equal((await api.get('/apis/stable.example.com/v1/namespaces/default/others')).status, 404)
  await api.delete(`${CRDS}/crontabs.stable.example.com`)
  const given = await until(
    'others.stable.example.com',
    (o: never) => conditionsOf(o)['Established'] === 'True InitialNamesAccepted',
  )
  assert.equal(given.status.acceptedNames.kind, 'CronTab')
  const { body } = await api.delete(`${CRDS}/others.stable.example.com`)
  assert.equal(await until('others.stable.example.com', () => false, body.metadata.resourceVersion), undefined)
})

test('a definition that is deleted waits for its objects and their finalizers, and takes nothing new', async () => {
  await establish(api, cronTabs())
  await api.post(CRON_TABS, cronTab('free'))
  await api.post(CRON_TABS, cronTab('held', {}, { metadata: { name: 'held', finalizers: ['example.com/hold'] } }))
  const instances = await api.watch(CRON_TABS)
  assert.deepEqual([(await instances.next()).type, (await instances.next()).type], ['ADDED', 'ADDED'])
  const deleted = await api.delete(NAME)
  assert.deepEqual(deleted.body.metadata.finalizers, ['customresourcecleanup.apiextensions.k8s.io'])
  assert.equal(conditionsOf(deleted.body)['Terminating'], 'True InstanceDeletionPending')
  await until(
    'crontabs.stable.example.com',
    (o: never) => conditionsOf(o)['Terminating'] === 'True InstanceDeletionInProgress',
  )
  const late = await api.post(CRON_TABS, cronTab('late'))
  assert.equal(late.status, 403)
  assert.match(late.body.message, /create not allowed while custom resource definition is terminating/)
  const gone = until('crontabs.stable.example.com', () => false)
  await api.patch('merge', `${CRON_TABS}/held`, { metadata: { finalizers: null } })
  assert.equal(await gone, undefined)
  assert.equal((await api.get(CRON_TABS)).status, 404)
})

test('a version that is served no more is gone at once, and ends the watches on it', async () => {
  const beta = cronTabVersion({ name: 'v1beta1', storage: false })
  await establish(api, cronTabs([cronTabVersion(), beta]))
  const betaPath = CRON_TABS.replace('/v1/', '/v1beta1/')
  await api.post(CRON_TABS, cronTab('a'))
  assert.equal((await api.get(`${betaPath}/a`)).body.apiVersion, 'stable.example.com/v1beta1')
  const watch = await api.watch(betaPath)
  await watch.next()
  await api.patch('json', NAME, [{ op: 'replace', path: '/spec/versions/1/served', value: false }])
  assert.equal(await watch.ended(), true)
  assert.equal((await api.get(`${betaPath}/a`)).status, 404)
  assert.equal((await api.get(`${CRON_TABS}/a`)).status, 200)
})

test('a version in which objects may be stored cannot be taken away before somebody says that there are none', async () => {
  const { body } = await api.get(NAME)
  const versions = [{ ...body.spec.versions[0], name: 'v2' }]
  const refused = await api.patch('merge', NAME, { spec: { versions } })
  assert.equal(refused.status, 422)
  assert.match(
    refused.body.message,
    /status.storedVersions\[0\]: Invalid value: "v1": missing from spec.versions; v1 was previously/,
  )
  const both = [{ ...versions[0] }, { ...body.spec.versions[0], storage: false }]
  const moved = await api.patch('merge', NAME, { spec: { versions: both } })
  assert.deepEqual(moved.body.status.storedVersions, ['v1', 'v2'])
  // A write that changes nothing brings the object into the new version, as storage migration does.
  const before = await api.get(`${CRON_TABS.replace('/v1/', '/v2/')}/a`)
  const touched = await api.put(`${CRON_TABS.replace('/v1/', '/v2/')}/a`, before.body)
  assert.notEqual(touched.body.metadata.resourceVersion, before.body.metadata.resourceVersion)
  await api.patch('merge', `${NAME}/status`, { status: { storedVersions: ['v2'] } })
  assert.equal((await api.patch('merge', NAME, { spec: { versions } })).status, 200)
})

test('definitions are there again after a restart, together with their objects', async () => {
  const again = await testApi({ store: api.store })
  try {
    assert.equal((await again.get(`${CRON_TABS.replace('/v1/', '/v2/')}/a`)).status, 200)
  } finally {
    await again.server.close()
  }
})

test('a definition answers at first with no conditions and its stored version, in every format', async () => {
  const made = await api.post(`${CRDS}?dryRun=All`, other('news', { kind: 'New' }))
  assert.deepEqual(made.body.status, {
    conditions: null,
    acceptedNames: { plural: '', kind: '' },
    storedVersions: ['v1'],
  })
  const headers = { accept: 'application/vnd.kubernetes.protobuf' }
  assert.equal((await api.post(`${CRDS}?dryRun=All`, other('news', { kind: 'New' }), { headers })).status, 201)
  const table = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }
  assert.equal((await api.post(`${CRDS}?dryRun=All`, other('news', { kind: 'New' }), { headers: table })).status, 201)
})

test('discovery names the verbs and subresources of a custom resource as they are installed', async () => {
  const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }
  const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' }
  const definition = {
    ...other('dials', { kind: 'Dial' }),
    metadata: { name: 'dials.panel.example.com' },
    spec: {
      group: 'panel.example.com',
      scope: 'Namespaced',
      names: { plural: 'dials', kind: 'Dial' },
      versions: [{ ...version, subresources: { scale, status: {} } }],
    },
  }
  await establish(api, definition)
  const { body } = await api.get('/apis/panel.example.com/v1')
  assert.deepEqual(
    body.resources.map(({ name }: { name: string }) => name),
    ['dials', 'dials/status', 'dials/scale'],
  )
  const verbs = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch']
  assert.deepEqual(body.resources[0].verbs, verbs)
})
