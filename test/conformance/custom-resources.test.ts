// Custom resources over the wire, with the official client and with plain HTTP: definitions, their objects, conversion by a web service
// that runs as a Service of the cluster, and what is published about them.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ApiextensionsV1Api, CustomObjectsApi } from '@kubernetes/client-node'
import { conformanceServer, type Json } from './server.ts'

const api = await conformanceServer()
after(() => api.close())
const definitions = api.config.makeApiClient(ApiextensionsV1Api)
const objects = api.config.makeApiClient(CustomObjectsApi)
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const AT = { group: 'conf.example.com', version: 'v1', namespace: 'default', plural: 'widgets' }
const WIDGETS = '/apis/conf.example.com/v1/namespaces/default/widgets'

const definition = (plural: string, kind: string, more: object = {}, spec: object = {}) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.conf.example.com`, labels: { test: 'yes' } },
  spec: {
    group: 'conf.example.com',
    scope: 'Namespaced' as const,
    names: { plural, kind },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: { size: { type: 'integer', maximum: 9 }, color: { type: 'string' } },
              },
              status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
          },
        },
        ...more,
      },
    ],
    ...spec,
  },
})
const widget = (name: string, spec: object = { size: 1 }) => ({
  apiVersion: 'conf.example.com/v1',
  kind: 'Widget',
  metadata: { name },
  spec,
})

async function established(body: Json): Promise<Json> {
  // Not by the official client: it knows the schema's extensions by other names.
  const { body: made } = await api.post(CRDS, body)
  const { name, resourceVersion } = made.metadata
  const watch = await api.watch(`${CRDS}?fieldSelector=metadata.name=${name}&resourceVersion=${resourceVersion}`)
  try {
    for (;;) {
      const { object } = await watch.next()
      if (object.status.conditions?.some((c: Json) => c.type === 'Established' && c.status === 'True')) return object
    }
  } finally {
    watch.stop()
  }
}

test('discovery documents show the definitions themselves', async () => {
  const { body: groups } = await api.get('/apis')
  assert.ok(groups.groups.some((g: Json) => g.name === 'apiextensions.k8s.io'))
  const { body } = await api.get('/apis/apiextensions.k8s.io/v1')
  assert.ok(body.resources.some((r: Json) => r.name === 'customresourcedefinitions'))
})

test('a definition is made, watched, changed and deleted', async () => {
  const watch = await api.watch(`${CRDS}?labelSelector=test=yes`)
  await established(definition('gadgets', 'Gadget'))
  assert.equal((await watch.next()).type, 'ADDED')
  assert.equal((await watch.next()).type, 'MODIFIED')
  await definitions.deleteCustomResourceDefinition({ name: 'gadgets.conf.example.com' })
  for (;;) if ((await watch.next()).type === 'DELETED') break
  watch.stop()
})

test('the status of a definition is read, replaced and patched', async () => {
  const name = 'widgets.conf.example.com'
  await established(definition('widgets', 'Widget'))
  const read = await definitions.readCustomResourceDefinitionStatus({ name })
  const condition = { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from a test' }
  read.status!.conditions = [...read.status!.conditions!, condition as never]
  const body = await definitions.replaceCustomResourceDefinitionStatus({ name, body: read })
  assert.ok(body.status!.conditions!.some(({ type }) => type === 'StatusUpdate'))
})

test('definitions are listed by label and deleted as a collection', async () => {
  for (const i of ['a', 'b', 'c']) {
    const body = definition(`bulk${i}s`, `Bulk${i}`)
    await established({ ...body, metadata: { ...body.metadata, labels: { bulk: 'yes' } } })
  }
  const list = () => definitions.listCustomResourceDefinition({ labelSelector: 'bulk=yes' })
  const { items, metadata } = await list()
  assert.equal(items.length, 3)
  const watch = await api.watch(`${CRDS}?labelSelector=bulk=yes&resourceVersion=${metadata!.resourceVersion}`)
  await definitions.deleteCollectionCustomResourceDefinition({ labelSelector: 'bulk=yes' })
  let gone = 0
  while (gone < 3) if ((await watch.next()).type === 'DELETED') gone++
  watch.stop()
  assert.equal((await list()).items.length, 0)
})

test('the official client makes, reads, changes and deletes custom objects', async () => {
  const made: Json = await objects.createNamespacedCustomObject({ ...AT, body: widget('one') })
  assert.equal(made.metadata.generation, 1)
  made.spec.size = 2
  const replaced: Json = await objects.replaceNamespacedCustomObject({ ...AT, name: 'one', body: made })
  assert.equal(replaced.metadata.generation, 2)
  const status: Json = await objects.replaceNamespacedCustomObjectStatus({
    ...AT,
    name: 'one',
    body: { ...replaced, status: { any: { thing: true } } },
  })
  assert.deepEqual([status.status, status.metadata.generation], [{ any: { thing: true } }, 2])
  const list: Json = await objects.listNamespacedCustomObject(AT)
  assert.equal(list.kind, 'WidgetList')
  await assert.rejects(
    objects.createNamespacedCustomObject({ ...AT, body: widget('big', { size: 10 }) }),
    (err: Json) => {
      assert.equal(err.code, 422)
      assert.match(String(err.body), /spec.size in body should be less than or equal to 9/)
      return true
    },
  )
  await objects.deleteNamespacedCustomObject({ ...AT, name: 'one' })
  await assert.rejects(objects.getNamespacedCustomObject({ ...AT, name: 'one' }), (err: Json) => err.code === 404)
})

test('a default appears on what is read, and stays on what was written with it', async () => {
  await api.post(WIDGETS, widget('old', {}))
  const at = '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties'
  const withDefault = (field: string, value: unknown) =>
    api.patch('json', `${CRDS}/widgets.conf.example.com`, [
      {
        op: value === undefined ? 'remove' : 'add',
        path: `${at}/${field}/default`,
        ...(value === undefined ? {} : { value }),
      },
    ])
  assert.equal((await withDefault('color', 'red')).status, 200)
  assert.equal((await api.get(`${WIDGETS}/old`)).body.spec.color, 'red')
  await api.post(WIDGETS, widget('new', {}))
  await withDefault('color', undefined)
  await withDefault('size', 5)
  const read = (await api.get(`${WIDGETS}/new`)).body.spec
  assert.deepEqual(read, { color: 'red', size: 5 })
  assert.deepEqual((await api.get(`${WIDGETS}/old`)).body.spec, { size: 5 })
})

test('protobuf is not spoken for custom resources, tables and metadata are', async () => {
  const protobuf = await api.get(WIDGETS, { headers: { accept: 'application/vnd.kubernetes.protobuf' } })
  assert.equal(protobuf.status, 406)
  const both = { accept: 'application/vnd.kubernetes.protobuf,application/json' }
  assert.equal((await api.get(WIDGETS, { headers: both })).body.kind, 'WidgetList')
  const table = await api.get(WIDGETS, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } })
  assert.deepEqual(
    table.body.columnDefinitions.map((c: Json) => c.name),
    ['Name', 'Age'],
  )
  const metadata = { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' }
  assert.equal((await api.get(WIDGETS, { headers: metadata })).body.items[0].kind, 'PartialObjectMetadata')
})

test('OpenAPI follows: versions renamed or no longer served are gone, the new ones there', async () => {
  const has = async (version: string) =>
    Object.hasOwn((await api.get('/openapi/v3')).body.paths, `apis/conf.example.com/${version}`)
  const inV2 = async (version: string) =>
    Object.hasOwn((await api.get('/openapi/v2')).body.definitions, `com.example.conf.${version}.Widget`)
  const { body } = await api.get(`${CRDS}/widgets.conf.example.com`)
  const [v1] = body.spec.versions
  const versions = [v1, { ...v1, name: 'v2', storage: false }]
  await api.patch('merge', `${CRDS}/widgets.conf.example.com`, { spec: { versions } })
  assert.deepEqual([await has('v2'), await inV2('v2')], [true, true])
  const renamed = [v1, { ...v1, name: 'v3', storage: false }]
  await api.patch('merge', `${CRDS}/widgets.conf.example.com`, { spec: { versions: renamed } })
  assert.deepEqual([await has('v2'), await has('v3'), await inV2('v2'), await inV2('v3')], [false, true, false, true])
  await api.patch('merge', `${CRDS}/widgets.conf.example.com`, {
    spec: { versions: [v1, { ...renamed[1], served: false }] },
  })
  assert.deepEqual([await has('v3'), await inV2('v3')], [false, false])
  const protobuf = await api.get('/openapi/v2', {
    headers: { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' },
  })
  assert.equal(protobuf.status, 200)
})

test('aggregated discovery has the kind with its subresources', async () => {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
  const { body } = await api.get('/apis', { headers: { accept } })
  const group = body.items.find((item: Json) => item.metadata.name === 'conf.example.com')
  const [resource] = group.versions[0].resources
  assert.equal(resource.resource, 'widgets')
  assert.deepEqual(
    resource.subresources.map((s: Json) => s.subresource),
    ['status'],
  )
})
