import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builtinKinds } from '../../api/kinds/builtin.ts'
import { ConfigMap } from '../../api/kinds/config-map.ts'
import type { Kind } from '../../api/kinds/kind.ts'
import type { FieldSchema, StructSchema } from '../../api/schema/schema.ts'
import { structNamed } from '../../api/schema/tables.ts'
import type { Json } from './definitions.ts'
import { OpenApi } from './documents.ts'

const builtin = builtinKinds as unknown as readonly Kind[]
const V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'
const openApi = () => new OpenApi({ generation: 1, kinds: builtin }, 'v1.36.0')

function get(api: OpenApi, path: string, accept = 'application/json', headers: Record<string, string> = {}) {
  const url = new URL(path, 'https://x')
  return api.respond(url.pathname, url.searchParams, { accept, ...headers })
}
function json(api: OpenApi, path: string): Json {
  const { status, body } = get(api, path)
  assert.equal(status, 200)
  assert.equal(body.kind, 'bytes')
  return JSON.parse(Buffer.from(body.kind === 'bytes' ? body.bytes : []).toString())
}
const at = (value: unknown, ...path: string[]) => path.reduce((inside, key) => (inside as Json)?.[key], value)
const schemasOf = (api: OpenApi, path: string) => at(json(api, path), 'components', 'schemas') as Json

test('the v3 index names every group-version with the hash of its document', () => {
  const api = openApi()
  const paths = json(api, '/openapi/v3')['paths'] as Record<string, { serverRelativeURL: string }>
  assert.ok(paths['api/v1'] && paths['apis/apps/v1'] && paths['apis/rbac.authorization.k8s.io/v1'])
  const url = paths['apis/apps/v1'].serverRelativeURL
  assert.match(url, /^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{128}$/)
  assert.equal(get(api, url).headers['cache-control'], 'public, immutable')
  const stale = get(api, '/openapi/v3/apis/apps/v1?hash=ABC')
  assert.equal(stale.status, 301)
  assert.equal(stale.headers['location'], url)
})

test('a document that did not change is not sent again', () => {
  const api = openApi()
  const { etag = '' } = get(api, '/openapi/v2').headers
  assert.equal(get(api, '/openapi/v2', '', { 'if-none-match': etag }).status, 304)
})

test('unknown group-versions and media types are refused', () => {
  assert.throws(() => get(openApi(), '/openapi/v3/apis/nope/v1'), { code: 404 })
  assert.throws(() => get(openApi(), '/openapi/v2', 'text/html'), { code: 406 })
})

test('every reference leads somewhere, in both versions', () => {
  const api = openApi()
  const check = (document: Json, known: Json, prefix: string) => {
    for (const [, name] of JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)) {
      assert.ok(name!.startsWith(prefix) && Object.hasOwn(known, name!.slice(prefix.length)), name)
    }
  }
  const v2 = json(api, '/openapi/v2')
  check(v2, v2['definitions'] as Json, '#/definitions/')
  for (const key of Object.keys(json(api, '/openapi/v3')['paths'] as Json)) {
    const document = json(api, `/openapi/v3/${key}`)
    check(document, at(document, 'components', 'schemas') as Json, '#/components/schemas/')
  }
})

test('operation ids are unique', () => {
  const ids = [...JSON.stringify(json(openApi(), '/openapi/v2')).matchAll(/"operationId":"([^"]+)"/g)].map((m) => m[1]!)
  assert.equal(new Set(ids).size, ids.length)
  for (const id of [
    'createAppsV1NamespacedDeployment',
    'listCoreV1PodForAllNamespaces',
    'deleteCoreV1CollectionNamespacedPod',
    'readCoreV1Node',
    'patchAppsV1NamespacedDeploymentScale',
    'connectCoreV1GetNamespacedPodExec',
    'replaceRbacAuthorizationV1ClusterRole',
  ]) {
    assert.ok(ids.includes(id), id)
  }
})

test('writes say that they take fieldValidation, as kubectl asks', () => {
  const item = at(
    json(openApi(), '/openapi/v3/apis/apps/v1'),
    'paths',
    '/apis/apps/v1/namespaces/{namespace}/deployments/{name}',
  )
  const patch = at(item, 'patch') as { parameters: { name: string; in: string }[] }
  const names = patch.parameters.map((p) => `${p.in}:${p.name}`)
  for (const name of ['fieldValidation', 'fieldManager', 'force', 'dryRun'])
    assert.ok(names.includes(`query:${name}`), name)
  assert.deepEqual(at(patch, 'x-kubernetes-group-version-kind'), { group: 'apps', version: 'v1', kind: 'Deployment' })
  assert.equal(at(patch, 'x-kubernetes-action'), 'patch')
  assert.ok(at(patch, 'requestBody', 'content', 'application/apply-patch+yaml'))
})

test('schemas carry what clients merge, validate and explain by', () => {
  const api = openApi()
  const core = schemasOf(api, '/openapi/v3/api/v1')
  const container = at(core, 'io.k8s.api.core.v1.Container', 'properties')
  const { items: _, description: __, ...ports } = at(container, 'ports') as Json
  assert.deepEqual(ports, {
    'x-kubernetes-patch-merge-key': 'containerPort',
    'x-kubernetes-patch-strategy': 'merge',
    type: 'array',
    'x-kubernetes-list-map-keys': ['containerPort', 'protocol'],
    'x-kubernetes-list-type': 'map',
  })
  assert.deepEqual(at(container, 'imagePullPolicy', 'enum'), ['Always', 'IfNotPresent', 'Never'])
  assert.equal(at(core, 'io.k8s.api.core.v1.ContainerPort', 'properties', 'protocol', 'default'), 'TCP')
  assert.deepEqual(at(core, 'io.k8s.api.core.v1.PodSpec', 'required'), ['containers'])
  assert.deepEqual(at(core, 'io.k8s.api.core.v1.Pod', 'x-kubernetes-group-version-kind'), [
    { group: '', version: 'v1', kind: 'Pod' },
  ])
  assert.equal(at(core, 'io.k8s.api.core.v1.ObjectReference', 'x-kubernetes-map-type'), 'atomic')
  const claimRef = at(
    core,
    'io.k8s.api.core.v1.PersistentVolumeSpec',
    'properties',
    'claimRef',
    'x-kubernetes-map-type',
  )
  assert.equal(claimRef, 'granular')
  assert.deepEqual(at(core, 'io.k8s.apimachinery.pkg.util.intstr.IntOrString', 'oneOf'), [
    { type: 'integer' },
    { type: 'string' },
  ])
})

test('a custom kind is described under its reversed group, beside its list', () => {
  const field = (name: string, schema: FieldSchema['schema']): [string, FieldSchema] => [
    name,
    { ...structNamed('core.v1.ConfigMap').fields.get('data')!, name, schema },
  ]
  const schema: StructSchema = {
    type: 'struct',
    name: '',
    fields: new Map([
      ...structNamed('core.v1.ConfigMap').fields,
      field('spec', {
        type: 'struct',
        name: '',
        fields: new Map([field('size', { type: 'int32' })]),
        embedded: [],
        structType: 'granular',
        preserveUnknown: true,
      }),
    ]),
    embedded: [],
    structType: 'granular',
    preserveUnknown: false,
  }
  const custom = {
    ...ConfigMap,
    group: 'example.com',
    version: 'v1',
    kind: 'Widget',
    plural: 'widgets',
    listKind: 'WidgetList',
    apiVersion: 'example.com/v1',
    description: 'A widget.',
    schema,
  } as unknown as Kind
  const served = { generation: 1, kinds: builtin }
  const api = new OpenApi(served, 'v1.36.0')
  assert.throws(() => get(api, '/openapi/v3/apis/example.com/v1'), { code: 404 })
  served.kinds = [...builtin, custom]
  served.generation++
  const schemas = schemasOf(api, '/openapi/v3/apis/example.com/v1')
  assert.equal(at(schemas, 'com.example.v1.Widget', 'description'), 'A widget.')
  const spec = at(schemas, 'com.example.v1.Widget', 'properties', 'spec')
  assert.equal(at(spec, 'x-kubernetes-preserve-unknown-fields'), true)
  assert.deepEqual(at(spec, 'properties', 'size', 'format'), 'int32')
  const items = at(schemas, 'com.example.v1.WidgetList', 'properties', 'items', 'items', 'allOf')
  assert.deepEqual(items, [{ $ref: '#/components/schemas/com.example.v1.Widget' }])
})

test('the protobuf form is well-formed and has every definition', () => {
  const api = openApi()
  const answer = get(api, '/openapi/v2', V2_PROTOBUF)
  assert.equal(answer.headers['content-type'], 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf')
  const bytes = answer.body.kind === 'bytes' ? Buffer.from(answer.body.bytes) : Buffer.alloc(0)
  const names: string[] = []
  for (const [number, value] of messageFields(bytes)) {
    if (number === 9) for (const [, entry] of messageFields(value)) names.push(messageFields(entry)[0]![1].toString())
  }
  assert.deepEqual(names, Object.keys(json(api, '/openapi/v2')['definitions'] as Json))
})

/** The length-delimited fields of a message; throws when it is cut off or overlong. */
function messageFields(bytes: Buffer): [number, Buffer][] {
  const out: [number, Buffer][] = []
  let i = 0
  const varint = () => {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      assert.ok(i < bytes.length)
      const byte = bytes[i++]!
      value += (byte & 0x7f) * shift
      if (byte < 0x80) return value
    }
  }
  while (i < bytes.length) {
    const tag = varint()
    if (tag % 8 === 0) varint()
    else {
      assert.equal(tag % 8, 2)
      const size = varint()
      assert.ok(i + size <= bytes.length)
      out.push([Math.floor(tag / 8), bytes.subarray(i, i + size)])
      i += size
    }
  }
  return out
}
