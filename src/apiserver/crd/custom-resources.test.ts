// Custom resources through the whole API: reading, pruning, defaults, validation, patches, status, scale, tables, selectors, rules.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { testApi } from '../test-api.ts'
import { CRDS, CRON_TABS, cronTab, cronTabs, cronTabVersion, establish, SPEC } from './crd-fixtures.ts'

const api = await testApi()
after(() => api.close())
const NAME = `${CRDS}/crontabs.stable.example.com`
const columns = [
  { name: 'Spec', type: 'string', jsonPath: '.spec.cronSpec' },
  { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' },
  { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status', priority: 1 },
]
const full = cronTabVersion({
  subresources: {
    status: {},
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.selector',
    },
  },
  additionalPrinterColumns: columns,
  selectableFields: [{ jsonPath: '.spec.policy' }],
})
const old = {
  ...cronTabVersion({ name: 'v1beta1', storage: false, deprecated: true }),
  schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
}
await establish(api, cronTabs([full, old]))

test('an object of another version than the path’s is refused', async () => {
  const { status, body } = await api.post(CRON_TABS, { ...cronTab('other'), apiVersion: 'x/v1' })
  const why = 'the API version in the data (x/v1) does not match the expected API version (stable.example.com/v1)'
  assert.deepEqual([status, body.message], [400, why])
})

test('unknown fields are pruned with a warning, refused, or ignored; what is preserved stays', async () => {
  const { status, body, headers } = await api.post(
    CRON_TABS,
    cronTab(
      'a',
      { bogus: 1, free: { x: { y: null } }, steps: [{ name: 'one', more: 1 }] },
      { status: { replicas: 3 } },
    ),
  )
  assert.equal(status, 201)
  assert.match(headers['warning']!, /unknown field \\"spec.bogus\\"/)
  assert.match(headers['warning']!, /unknown field \\"spec.steps\[0\].more\\"/)
  assert.deepEqual(body.spec, {
    cronSpec: '* * * * */5',
    free: { x: { y: null } },
    steps: [{ name: 'one', run: 'true' }],
    replicas: 1,
    policy: 'Allow',
  })
  assert.equal(body.status, undefined)
  assert.equal(body.metadata.generation, 1)
  const strict = await api.post(`${CRON_TABS}?fieldValidation=Strict`, cronTab('strict', { bogus: 1 }))
  assert.equal(strict.status, 400)
  assert.match(strict.body.message, /strict decoding error: unknown field "spec.bogus"$/)
  const ignored = await api.post(`${CRON_TABS}?fieldValidation=Ignore&dryRun=All`, cronTab('i', { bogus: 1 }))
  assert.equal(ignored.headers['warning'], undefined)
})

const REFUSED: readonly [object, string][] = [
  [{ replicas: 11 }, 'spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10'],
  [{ image: 'a' }, 'spec.image: Invalid value: "a": spec.image in body should be at least 2 chars long'],
  [{ image: 'a'.repeat(30) }, 'spec.image: Too long: may not be more than 20 bytes'],
  [{ policy: 'No' }, 'spec.policy: Unsupported value: "No": supported values: "Allow", "Forbid"'],
  [{ cronSpec: null }, 'spec.cronSpec: Required value'],
  [{ port: 1.5 }, 'spec.port: Invalid value: "number": spec.port in body must be of type integer,string: "number"'],
  [{ tags: ['a', 'a'] }, 'spec.tags[1]: Duplicate value: "a"'],
  [{ steps: [{ name: 'a' }, { name: 'a' }] }, 'spec.steps[1]: Duplicate value: {"name":"a"}'],
  [{ steps: [{}, { name: 'b' }] }, 'spec.steps[0].name: Required value'],
  [{ steps: 'abcd'.split('').map((name) => ({ name })) }, 'spec.steps: Too many: 4: must have at most 3 items'],
  [{ env: { A: 1 } }, 'spec.env.A: Invalid value: "integer": spec.env.A in body must be of type string: "integer"'],
  [{ template: { kind: 'Pod' } }, 'spec.template.apiVersion: Required value'],
]
for (const [spec, message] of REFUSED) {
  test(`refuses ${JSON.stringify(spec)}`, async () => {
    const { status, body } = await api.post(CRON_TABS, cronTab('refused', spec))
    assert.equal(status, 422)
    assert.equal(body.message, `CronTab.stable.example.com "refused" is invalid: ${message}`)
  })
}

test('an update is not blamed for what was wrong before and stays as it was', async () => {
  await api.post(CRON_TABS, cronTab('ratchet', { replicas: 9 }))
  const narrower = structuredClone(full) as typeof full & {
    schema: { openAPIV3Schema: { properties: { spec: object } } }
  }
  const { properties } = SPEC
  narrower.schema.openAPIV3Schema.properties.spec = {
    ...SPEC,
    properties: { ...properties, replicas: { ...properties.replicas, maximum: 5 } },
  } as never
  await api.patch('merge', NAME, { spec: { versions: [narrower, old] } })
  const kept = await api.patch('merge', `${CRON_TABS}/ratchet`, { spec: { image: 'nginx' } })
  assert.equal(kept.status, 200)
  assert.equal((await api.patch('merge', `${CRON_TABS}/ratchet`, { spec: { replicas: 8 } })).status, 422)
  await api.patch('merge', NAME, { spec: { versions: [full, old] } })
})

test('defaults are there when an object is read that was stored without them', async () => {
  const { properties } = SPEC
  const spec = { ...SPEC, properties: { ...properties, later: { type: 'string', default: 'now' } } }
  const next = { ...full, schema: { openAPIV3Schema: { type: 'object', properties: { spec } } } }
  await api.patch('merge', NAME, { spec: { versions: [next, old] } })
  const { body } = await api.get(`${CRON_TABS}/a`)
  assert.equal(body.spec.later, 'now')
  const list = await api.get(CRON_TABS)
  assert.ok(list.body.items.every((item: { spec: { later: string } }) => item.spec.later === 'now'))
  await api.patch('merge', NAME, { spec: { versions: [full, old] } })
  assert.equal((await api.get(`${CRON_TABS}/a`)).body.spec.later, undefined)
})

test('status and scale are endpoints of their own; generation follows the spec', async () => {
  const status = await api.patch('merge', `${CRON_TABS}/a/status`, {
    status: { replicas: 4, selector: 'app=x', conditions: [{ type: 'Ready', status: 'True' }] },
    spec: { replicas: 9 },
    metadata: { labels: { not: 'taken' } },
  })
  assert.equal(status.body.spec.replicas, 1)
  assert.equal(status.body.metadata.labels, undefined)
  assert.equal(status.body.metadata.generation, 1)
  const scale = await api.get(`${CRON_TABS}/a/scale`)
  assert.deepEqual(scale.body.spec, { replicas: 1 })
  assert.deepEqual(scale.body.status, { replicas: 4, selector: 'app=x' })
  assert.deepEqual((await api.patch('merge', `${CRON_TABS}/a/scale`, { spec: { replicas: 3 } })).body.spec, {
    replicas: 3,
  })
  assert.equal((await api.get(`${CRON_TABS}/a`)).body.metadata.generation, 2)
  const wrong = await api.patch('merge', `${CRON_TABS}/a/scale`, { spec: { replicas: 30 } })
  assert.match(wrong.body.message, /^CronTab.stable.example.com "a" is invalid: spec.replicas: Invalid value: 30/)
  const ignored = await api.patch('merge', `${CRON_TABS}/a`, { status: { replicas: 99 } })
  assert.equal(ignored.body.status.replicas, 4)
})

test('tables have the columns of the definition', async () => {
  const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }
  const { body } = await api.get(`${CRON_TABS}/a`, { headers })
  assert.deepEqual(
    body.columnDefinitions.map((c: { name: string; type: string; priority: number }) => [c.name, c.type, c.priority]),
    [
      ['Name', 'string', 0],
      ['Spec', 'string', 0],
      ['Replicas', 'integer', 0],
      ['Ready', 'string', 1],
    ],
  )
  assert.deepEqual(body.rows[0].cells, ['a', '* * * * */5', 3, 'True'])
  const beta = await api.get(`${CRON_TABS.replace('/v1/', '/v1beta1/')}/a`, { headers })
  assert.deepEqual(beta.body.rows[0].cells, ['a', '0s'])
})

test('selectors name the fields that the definition offers', async () => {
  await api.post(CRON_TABS, cronTab('forbids', { policy: 'Forbid' }))
  const { body } = await api.get(`${CRON_TABS}?fieldSelector=spec.policy=Forbid`)
  assert.deepEqual(
    body.items.map((item: { metadata: { name: string } }) => item.metadata.name),
    ['forbids'],
  )
  const unknown = await api.get(`${CRON_TABS}?fieldSelector=spec.image=x`)
  assert.deepEqual([unknown.status, unknown.body.message], [400, 'field label not supported: spec.image'])
})

test('JSON and merge patches work, strategic ones are not understood', async () => {
  const json = [{ op: 'add', path: '/spec/image', value: 'nginx' }]
  assert.equal((await api.patch('json', `${CRON_TABS}/a`, json)).body.spec.image, 'nginx')
  assert.equal((await api.patch('merge', `${CRON_TABS}/a`, { spec: { image: null } })).body.spec.image, undefined)
  assert.equal((await api.patch('strategic', `${CRON_TABS}/a`, { spec: {} })).status, 415)
})

test('server-side apply follows the list and map types of the schema', async () => {
  const apply = (manager: string, spec: object) =>
    api.patch('apply', `${CRON_TABS}/applied?fieldManager=${manager}`, cronTab('applied', spec))
  const one = await apply('one', {
    tags: ['a'],
    steps: [{ name: 'x', run: '1' }],
    place: { room: '1' },
    env: { A: '1' },
  })
  assert.equal(one.status, 201)
  const two = await apply('two', { tags: ['b'], steps: [{ name: 'y' }], env: { B: '1' } })
  assert.deepEqual(two.body.spec.tags, ['a', 'b'])
  assert.deepEqual(
    two.body.spec.steps.map((s: { name: string }) => s.name),
    ['x', 'y'],
  )
  assert.deepEqual(two.body.spec.env, { A: '1', B: '1' })
  const conflict = await apply('two', { place: { floor: 2 } })
  assert.equal(conflict.status, 409)
  assert.match(conflict.body.message, /conflict with "one": .spec.place$/)
  const gone = await apply('one', {})
  assert.deepEqual(gone.body.spec.tags, ['b'])
  assert.equal(gone.body.spec.place, undefined)
})

test('a deprecated version warns of itself and names a better one', async () => {
  const { headers } = await api.get(CRON_TABS.replace('/v1/', '/v1beta1/'))
  assert.equal(
    headers['warning'],
    '299 - "stable.example.com/v1beta1 CronTab is deprecated; use stable.example.com/v1 CronTab"',
  )
})

test('rules are compiled with the definition and hold for what is written', async () => {
  const rules = (list: object[]) => ({
    ...full,
    schema: {
      openAPIV3Schema: { type: 'object', properties: { spec: { ...SPEC, 'x-kubernetes-validations': list } } },
    },
  })
  const wrong = await api.patch('merge', NAME, { spec: { versions: [rules([{ rule: 'self.nope' }]), old] } })
  assert.match(wrong.body.message, /properties\[spec\].x-kubernetes-validations\[0\].rule: .*undefined field 'nope'/s)
  const list = [
    { rule: 'self.replicas < 5', message: 'too many' },
    { rule: 'self.cronSpec == oldSelf.cronSpec', message: 'is immutable' },
  ]
  assert.equal((await api.patch('merge', NAME, { spec: { versions: [rules(list), old] } })).status, 200)
  assert.match((await api.post(CRON_TABS, cronTab('ruled', { replicas: 7 }))).body.message, /too many$/)
  assert.equal((await api.post(CRON_TABS, cronTab('ruled', { replicas: 2 }))).status, 201)
  const changed = await api.patch('merge', `${CRON_TABS}/ruled`, { spec: { cronSpec: '1 1 1 1 1' } })
  assert.match(changed.body.message, /is immutable$/)
  await api.patch('merge', NAME, { spec: { versions: [full, old] } })
})

test('a namespaced user edits custom resources through the aggregated roles', async () => {
  await api.post('/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles', {
    metadata: { name: 'crontabs' },
    rules: [{ apiGroups: ['stable.example.com'], resources: ['crontabs'], verbs: ['get', 'create'] }],
  })
  await api.post('/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings', {
    metadata: { name: 'crontabs' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'crontabs' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'jane' }],
  })
  const user = { name: 'jane', groups: ['system:authenticated'] }
  assert.equal((await api.post(CRON_TABS, cronTab('janes'), { user })).status, 201)
  assert.equal((await api.delete(`${CRON_TABS}/janes`, undefined, { user })).status, 403)
})

test('discovery and OpenAPI show the kind, and change only when it does', async () => {
  const before = await api.get('/openapi/v3/apis/stable.example.com/v1')
  const document = JSON.parse(before.body)
  const schema = document.components.schemas['com.example.stable.v1.CronTab']
  assert.deepEqual(schema['x-kubernetes-group-version-kind'], [
    { group: 'stable.example.com', version: 'v1', kind: 'CronTab' },
  ])
  assert.equal(schema.properties.spec.properties.free['x-kubernetes-preserve-unknown-fields'], true)
  assert.ok(schema.properties.metadata.allOf)
  const { patch } = document.paths['/apis/stable.example.com/v1/namespaces/{namespace}/crontabs/{name}']
  assert.ok(!Object.keys(patch.requestBody.content).some((type) => type.includes('strategic')))
  const v2 = JSON.parse((await api.get('/openapi/v2')).body)
  const older = v2.definitions['com.example.stable.v1.CronTab']
  assert.equal(older.properties.spec.properties.replicas.default, undefined)
  assert.equal(older.properties.spec.properties.suspend.type, undefined)
  const etag = before.headers['etag']!
  await api.patch('merge', NAME, { metadata: { labels: { x: 'y' } } })
  const same = await api.get('/openapi/v3/apis/stable.example.com/v1', { headers: { 'if-none-match': etag } })
  assert.equal(same.status, 304)
  const { body } = await api.get('/apis/stable.example.com')
  assert.deepEqual(
    body.versions.map((v: { version: string }) => v.version),
    ['v1', 'v1beta1'],
  )
})
