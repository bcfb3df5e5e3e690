// What Helm 3 and Helm 4 ask of the server in the life of a release, request by request, as an audit log has them: for machines where
// no helm can be had. Helm 3 creates and patches, looks up schemas and watches from lists; Helm 4 applies and streams its lists.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { conformanceServer, type Json } from './server.ts'

const api = await conformanceServer()
after(() => api.close())

const gadgets = (group: string) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `gadgets.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural: 'gadgets', kind: 'Gadget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', properties: { size: { type: 'integer', maximum: 5 } } } },
          },
        },
      },
    ],
  },
})
const gadget = (group: string, size: number) => ({
  apiVersion: `${group}/v1`,
  kind: 'Gadget',
  metadata: { name: 'web-gadget' },
  spec: { size },
})
const page = (text: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'web-page', labels: { 'app.kubernetes.io/managed-by': 'Helm' } },
  data: { 'index.html': text },
})
const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
}
/** A release as Helm records it: gzip in base64, that once more in base64 as every Secret's value. */
const release = (version: number, status: string) => {
  const text = gzipSync(JSON.stringify({ name: 'web', version, info: { status } })).toString('base64')
  return {
    metadata: {
      name: `sh.helm.release.v1.web.v${version}`,
      labels: { name: 'web', owner: 'helm', status, version: String(version), createdAt: '1763708796' },
    },
    type: 'helm.sh/release.v1',
    data: { release: Buffer.from(text).toString('base64') },
  }
}
const selected = async (ns: string, ...terms: string[]) => {
  const selector = encodeURIComponent(['name=web', 'owner=helm', ...terms].join())
  const { body } = await api.get(`/api/v1/namespaces/${ns}/secrets?labelSelector=${selector}`)
  return (body.items as Json[]).map((secret) => secret.metadata.labels.version)
}

test('before it begins, Helm learns version, groups, kinds and schemas, and keeps them by their tags', async () => {
  const aggregated = {
    accept:
      'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json',
  }
  assert.match((await api.get('/version')).body.gitVersion, /^v1\.36\./)
  for (const path of ['/api', '/apis']) {
    const first = await api.get(`${path}?timeout=32s`, { headers: aggregated })
    assert.equal(first.body.kind, 'APIGroupDiscoveryList')
    assert.match(first.headers['content-type']!, /;as=APIGroupDiscoveryList$/)
    const again = await api.get(`${path}?timeout=32s`, {
      headers: { ...aggregated, 'if-none-match': first.headers.etag! },
    })
    assert.equal(again.status, 304)
  }
  const index = await api.get('/openapi/v3?timeout=32s')
  const { serverRelativeURL } = index.body.paths['apis/apps/v1']
  const schemas = await api.get(serverRelativeURL)
  assert.match(schemas.headers['cache-control']!, /immutable/)
  assert.ok(schemas.body.components.schemas['io.k8s.api.apps.v1.Deployment'])
  const unchanged = await api.get(serverRelativeURL, { headers: { 'if-none-match': schemas.headers.etag! } })
  assert.equal(unchanged.status, 304)
  // `lookup` in a template
  assert.equal((await api.get('/api/v1/namespaces/kube-system')).body.kind, 'Namespace')
})

describe('the record of releases', () => {
  const SECRETS = '/api/v1/namespaces/records/secrets'
  before(() => api.post('/api/v1/namespaces', { metadata: { name: 'records' } }))

  test('is a Secret per revision, found by labels, changed as a whole', async () => {
    assert.equal((await api.post(SECRETS, release(1, 'pending-install'))).status, 201)
    assert.equal((await api.post(SECRETS, release(1, 'pending-install'))).status, 409)
    // Helm writes what it has, without a resourceVersion.
    assert.equal((await api.put(`${SECRETS}/sh.helm.release.v1.web.v1`, release(1, 'deployed'))).status, 200)
    assert.equal((await api.post(SECRETS, release(2, 'pending-upgrade'))).status, 201)
    assert.deepEqual(await selected('records'), ['1', '2'])
    assert.deepEqual(await selected('records', 'status=deployed'), ['1'])
    const { body } = await api.get(`${SECRETS}/sh.helm.release.v1.web.v1`)
    const stored = gunzipSync(Buffer.from(Buffer.from(body.data.release, 'base64').toString(), 'base64'))
    assert.equal(JSON.parse(stored.toString()).info.status, 'deployed')
    const retyped = await api.put(`${SECRETS}/sh.helm.release.v1.web.v1`, { ...release(1, 'deployed'), type: 'Opaque' })
    assert.match(retyped.body.message, /type: Invalid value: "Opaque": field is immutable/)
  })

  test('may be near a mebibyte, and not more', async () => {
    const large = (bytes: number) => {
      const { metadata, type } = release(9, 'deployed')
      return { metadata, type, data: { release: Buffer.alloc(bytes, 'x').toString('base64') } }
    }
    assert.equal((await api.post(SECRETS, large(1_000_000))).status, 201)
    assert.equal((await api.delete(`${SECRETS}/sh.helm.release.v1.web.v9`)).status, 200)
    const { status, body } = await api.post(SECRETS, large(1_048_577))
    assert.equal(status, 422)
    assert.match(body.message, /data: Too long: may not be more than 1048576 bytes/)
  })
})

describe('Helm 3', () => {
  const [ns, group] = ['helm3', 'three.example.com']
  const NS = `/api/v1/namespaces/${ns}`
  const GADGETS = `/apis/${group}/v1/namespaces/${ns}/gadgets`

  test('creates: definitions first, used at once, then its objects', async () => {
    const manager = '?fieldManager=helm'
    const crd = await api.post(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions${manager}`, gadgets(group))
    assert.equal(crd.status, 201)
    const definition = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.${group}`
    const established = async () =>
      (await api.get(definition)).body.status?.conditions?.some(
        (c: Json) => c.type === 'Established' && c.status === 'True',
      )
    const watch = await api.watch(
      `${definition.replace(/\/[^/]*$/, '')}?fieldSelector=metadata.name%3Dgadgets.${group}`,
    )
    while (!(await established())) await watch.next()
    watch.stop()
    assert.ok((await api.get('/openapi/v3')).body.paths[`apis/${group}/v1`])
    assert.equal(
      (await api.post(`/api/v1/namespaces${manager}`, { metadata: { name: ns, labels: { name: ns } } })).status,
      201,
    )
    for (const [path, object] of [
      [`${NS}/configmaps`, page('one')],
      [`${NS}/services`, service],
      [GADGETS, gadget(group, 1)],
    ] as const) {
      const name = object.metadata.name
      assert.equal((await api.get(`${path}/${name}`)).status, 404)
      assert.equal((await api.post(path + manager, object)).status, 201)
      const { body } = await api.get(`${path}/${name}`)
      assert.deepEqual(
        [body.metadata.managedFields[0].manager, body.metadata.managedFields[0].operation],
        ['helm', 'Update'],
      )
    }
  })

  test('follows a hook with a list and a watch by name, and deletes it', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web-prepare', annotations: { 'helm.sh/hook': 'pre-install' } },
      spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox' }] },
    }
    await api.post(`${NS}/serviceaccounts`, { metadata: { name: 'default' } })
    const gone = await api.delete(`${NS}/pods/web-prepare`, { propagationPolicy: 'Background' })
    assert.deepEqual([gone.status, gone.body.reason], [404, 'NotFound'])
    assert.equal((await api.post(`${NS}/pods?fieldManager=helm`, pod)).status, 201)
    const byName = 'fieldSelector=metadata.name%3Dweb-prepare'
    const { body } = await api.get(`${NS}/pods?${byName}&limit=500&resourceVersion=0`)
    assert.equal(body.items.length, 1)
    const watch = await api.watch(
      `${NS}/pods?allowWatchBookmarks=true&${byName}&resourceVersion=${body.metadata.resourceVersion}&timeoutSeconds=400`,
    )
    await api.patch('merge', `${NS}/pods/web-prepare/status`, { status: { phase: 'Succeeded' } })
    assert.equal((await watch.next()).object.status.phase, 'Succeeded')
    assert.equal((await api.delete(`${NS}/pods/web-prepare`, { propagationPolicy: 'Background' })).status, 200)
    assert.equal((await watch.next()).type, 'DELETED')
    watch.stop()
  })

  test('upgrades with strategic patches for built-in kinds and merge patches for custom ones', async () => {
    const patched = await api.patch('strategic', `${NS}/configmaps/web-page?fieldManager=helm`, {
      data: { 'index.html': 'two' },
    })
    assert.equal(patched.body.data['index.html'], 'two')
    assert.equal(
      (await api.patch('merge', `${GADGETS}/web-gadget?fieldManager=helm`, { spec: { size: 2 } })).status,
      200,
    )
    const refused = await api.patch('merge', `${GADGETS}/web-gadget?fieldManager=helm`, { spec: { size: 9 } })
    assert.equal(refused.status, 422)
    assert.match(
      refused.body.message,
      /^Gadget\.three\.example\.com "web-gadget" is invalid: spec\.size: Invalid value: 9/,
    )
    const strategic = await api.patch('strategic', `${GADGETS}/web-gadget?fieldManager=helm`, { spec: { size: 3 } })
    assert.equal(strategic.status, 415)
  })

  test('deletes in the background', async () => {
    for (const path of [`${NS}/services/web`, `${NS}/configmaps/web-page`, `${GADGETS}/web-gadget`]) {
      assert.equal((await api.delete(path, { propagationPolicy: 'Background' })).status, 200)
      assert.equal((await api.get(path)).status, 404)
    }
  })
})

describe('Helm 4', () => {
  const [ns, group] = ['helm4', 'four.example.com']
  const NS = `/api/v1/namespaces/${ns}`
  const GADGETS = `/apis/${group}/v1/namespaces/${ns}/gadgets`
  const OPTIONS = '?fieldManager=helm&fieldValidation=Strict&force=false'
  const apply = (path: string, object: object) => api.patch('apply', path + OPTIONS, object)
  const STREAM = 'allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&sendInitialEvents=true&timeoutSeconds=400'

  test('applies everything, the namespace too, and streams what it waits for', async () => {
    const crd = await apply(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.${group}`, gadgets(group))
    assert.equal(crd.status, 201)
    const watch = await api.watch(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions?${STREAM}`)
    let accepted = false
    let complete = false
    while (!accepted || !complete) {
      const { type, object } = await watch.next()
      if (type === 'BOOKMARK') complete = object.metadata.annotations['k8s.io/initial-events-end'] === 'true'
      else if (object.metadata.name === crd.body.metadata.name)
        accepted =
          object.status?.conditions?.some((c: Json) => c.type === 'Established' && c.status === 'True') ?? false
    }
    watch.stop()
    const space = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: ns, labels: { name: ns } } }
    assert.equal((await apply(NS, space)).status, 201)
    assert.equal((await apply(`${NS}/configmaps/web-page`, page('one'))).status, 201)
    assert.equal((await apply(`${NS}/services/web`, service)).status, 201)
    assert.equal((await apply(`${GADGETS}/web-gadget`, gadget(group, 1))).status, 201)
    for (const path of [`${NS}/configmaps`, `${NS}/services`, GADGETS]) {
      const stream = await api.watch(`${path}?${STREAM}`)
      const [first, end] = [await stream.next(), await stream.next()]
      assert.deepEqual([first.type, end.type], ['ADDED', 'BOOKMARK'])
      stream.stop()
    }
  })

  test('is told of what it may not change, and of what it wrote wrong', async () => {
    assert.equal((await apply(`${GADGETS}/web-gadget`, gadget(group, 2))).status, 200)
    assert.equal((await apply(`${GADGETS}/web-gadget`, gadget(group, 9))).status, 422)
    const misspelt = await apply(`${NS}/configmaps/web-page`, { ...page('two'), dta: {} })
    assert.deepEqual([misspelt.status, /dta.*field not declared in schema/.test(misspelt.body.message)], [400, true])
    await api.patch('merge', `${GADGETS}/web-gadget?fieldManager=somebody`, { spec: { size: 4 } })
    const conflict = await apply(`${GADGETS}/web-gadget`, gadget(group, 3))
    assert.equal(conflict.status, 409)
    assert.equal(
      conflict.body.message,
      `Apply failed with 1 conflict: conflict with "somebody" using ${group}/v1: .spec.size`,
    )
  })

  test('reads with parameters that the server does not know', async () => {
    assert.equal((await api.get(`${NS}/services/web?includeObject=Object`)).body.kind, 'Service')
    assert.equal((await api.get(`${NS}/pods?includeObject=Object&labelSelector=app%3Dweb`)).body.kind, 'PodList')
  })
})
