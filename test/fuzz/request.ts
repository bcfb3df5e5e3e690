// A random request: a route that exists or nearly does, any method, parameters and headers that mean something or nothing, and a
// body that is valid, changed in a few places, or noise.
import { stringify } from 'yaml'
import type { Kind } from '../../src/api/kinds/kind.ts'
import { decodeObject } from '../../src/api/schema/decode.ts'
import { encodeProtobuf, PROTOBUF_MEDIA_TYPE } from '../../src/api/schema/protobuf.ts'
import type { ApiRequest } from '../../src/api/wire.ts'
import { fixturesOf, type Json, NOWHERE, WORDS } from './fixtures.ts'
import { deepTree, garbled, leaf, mutated, randomTree, type Tree, treeOf, write } from './json.ts'
import { PROTOTYPE_NAMES, type Random } from './random.ts'
import type { World } from './world.ts'

export type Asked = Pick<ApiRequest, 'method' | 'path' | 'headers'> & { search: string; body: Buffer | undefined }

const METHODS = ['GET', 'POST', 'POST', 'PUT', 'PUT', 'PATCH', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'] as const
const VERB = { GET: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete', HEAD: '', OPTIONS: '' }
const PATCH_TYPES = [
  'json-patch+json',
  'merge-patch+json',
  'strategic-merge-patch+json',
  'apply-patch+yaml',
  'apply-patch+cbor',
]
const SUBRESOURCES = [
  'status',
  'scale',
  'binding',
  'eviction',
  'token',
  'log',
  'exec',
  'attach',
  'portforward',
  'proxy',
  'ephemeralcontainers',
  'resize',
  'finalize',
  'approval',
]
export const OTHER_PATHS = [
  '/',
  '/api',
  '/api/v1',
  '/apis',
  '/apis/apps',
  '/apis/apps/v1',
  '/apis/stable.example.com/v1',
  '/openapi/v2',
  '/openapi/v3',
  '/openapi/v3/api/v1',
  '/openapi/v3/apis/apps/v1',
  '/version',
  '/healthz',
  '/livez',
  '/readyz',
  '/readyz/ping',
  '/metrics',
  '/logs',
  '/.well-known/openid-configuration',
  '/openid/v1/jwks',
  '/apis/metrics.k8s.io/v1beta1/nodes',
  '/apis/metrics.k8s.io/v1beta1',
  '/swagger.json',
] as const

export function randomRequest(random: Random, { kinds, objectsOf }: World): Asked {
  const kind = random.pick(kinds)
  const fitting = METHODS.filter((method) => kind.verbs.includes(VERB[method] as never))
  const method = random.chance(0.95) ? random.pick(fitting) : random.pick(METHODS)
  const objects = objectsOf(kind.plural)
  const path = random.chance(0.03) ? random.pick(OTHER_PATHS) : pathOf(random, kind, objects, method)
  const { body, contentType } = bodyFor(random, kind, method, path, objects)
  return {
    method,
    path: random.chance(0.04) ? bent(random, path) : path,
    search: searchFor(random, method),
    headers: headersFor(random, contentType),
    body,
  }
}

function pathOf(random: Random, kind: Kind, objects: readonly Json[], method: string): string {
  const root = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`
  const spaced = kind.scope === 'Namespaced' ? random.chance(0.95) : random.chance(0.03)
  const namespace = random.chance(0.93) ? 'default' : encodeURIComponent(wellFormed(random.text()))
  const base = `${random.chance(0.02) ? root.replace(/(v\d\w*)$/, '$1/watch') : root}${spaced ? `/namespaces/${namespace}` : ''}/${kind.plural}`
  const withName =
    method === 'POST'
      ? kind.subresources.length > 0 && random.chance(0.15)
      : method === 'PUT' || method === 'PATCH'
        ? random.chance(0.97)
        : random.chance(0.7)
  if (!withName) return base
  const name =
    objects.length > 0 && random.chance(0.9)
      ? random.pick(objects).metadata.name
      : random.pick(['new', 'other', wellFormed(random.text())])
  const own =
    kind.subresources.length > 0 && random.chance(method === 'POST' ? 1 : 0.4)
      ? `/${random.pick(kind.subresources)}`
      : ''
  const sub = own || (random.chance(0.05) ? `/${random.pick([...SUBRESOURCES, ...PROTOTYPE_NAMES])}` : '')
  const rest = sub && random.chance(sub === '/proxy' ? 0.5 : 0.03) ? `/${random.pick(['', 'a/b', '..', '%2e%2e'])}` : ''
  return `${base}/${encodeURIComponent(name)}${sub}${rest}`
}

const wellFormed = (text: string) => text.toWellFormed()

/** Tricks with paths. */
function bent(random: Random, path: string): string {
  const at = random.below(path.length)
  const put = random.pick([
    '/',
    '//',
    '/.',
    '/..',
    '/../',
    '%2f',
    '%2e%2e',
    '%00',
    '%',
    '%ff',
    ';',
    '\\',
    ' ',
    '?',
    '#',
    '\u00e9',
    ...PROTOTYPE_NAMES.map((name) => `/${name}`),
  ])
  return random.pick([
    path.slice(0, at) + put + path.slice(at),
    `${path}${put}`,
    `${path}/`,
    path.toUpperCase(),
    path.slice(0, at),
    `/${path}`,
    `${path}/${'a/'.repeat(random.below(200))}`,
  ])
}

const QUERY: Readonly<Record<string, readonly string[]>> = {
  limit: ['1', '0', '2', '500', '-1', '9999999999999999999', 'x'],
  continue: [
    '',
    'x',
    Buffer.from('{"v":"meta.k8s.io/v1","rv":-1,"start":"a\\u0000"}').toString('base64url'),
    Buffer.from('{"v":"meta.k8s.io/v1","rv":5,"start":"../x"}').toString('base64url'),
    Buffer.from('{"v":"meta.k8s.io/v1","rv":1e99,"start":"default/a"}').toString('base64url'),
    Buffer.from('{"v":1,"rv":"x"}').toString('base64url'),
  ],
  labelSelector: [
    'app=a',
    'app',
    '!app',
    'a in (b,c)',
    'a notin (b)',
    'a>1',
    'a<x',
    'a=b=c',
    ',',
    '(',
    'a in ()',
    '__proto__=1',
    'a,,b',
  ],
  fieldSelector: [
    'metadata.name=kept',
    'metadata.namespace!=default',
    'spec.nodeName=a',
    'status.phase=Running',
    'a=b',
    '__proto__=x',
    'constructor',
    'metadata.name=a,metadata.name=b',
    'spec.image=abc',
    'a\\=b=c',
    '\\',
  ],
  resourceVersion: ['', '0', '1', '5', '99999999', '9007199254740993', '-1', 'x', '1.5', '0x10'],
  resourceVersionMatch: ['', 'Exact', 'NotOlderThan', 'x'],
  timeoutSeconds: ['0', '1', '-1', 'x', '99999999999'],
  watch: ['true', '1', 'false', '0', ''],
  allowWatchBookmarks: ['true', 'x'],
  sendInitialEvents: ['true', 'false', 'x'],
  dryRun: ['All', 'all', '', 'None'],
  fieldValidation: ['Ignore', 'Warn', 'Strict', 'x'],
  fieldManager: ['kubectl', 'a', '', 'x'.repeat(129), '\u0000', '😀'],
  force: ['', 'true', 'false', 'x'],
  propagationPolicy: ['Foreground', 'Background', 'Orphan', 'x'],
  gracePeriodSeconds: ['0', '1', '30', '-1', 'x', '9223372036854775807'],
  orphanDependents: ['true', 'x'],
  ignoreStoreReadErrorWithClusterBreakingPotential: ['true', 'x'],
  pretty: ['true', 'x'],
  verbose: [''],
  exclude: ['etcd', '__proto__'],
  timeout: ['1s', 'x', '0', '-1s', '1000000h'],
  container: ['a', ''],
  follow: ['true'],
  tailLines: ['1', '-1', 'x'],
  sinceTime: ['x', '2026-01-01T00:00:00Z'],
  limitBytes: ['0', 'x'],
  command: ['sh', ''],
  ports: ['80', 'x'],
  path: ['/', '../..'],
  __proto__: ['1'],
}
const PARAMETERS = Object.keys(QUERY)
const FOR_WRITES = [
  'dryRun',
  'fieldValidation',
  'fieldManager',
  'force',
  'propagationPolicy',
  'gracePeriodSeconds',
  'orphanDependents',
  'pretty',
]
const FOR_READS = [
  'limit',
  'continue',
  'labelSelector',
  'fieldSelector',
  'resourceVersion',
  'resourceVersionMatch',
  'timeoutSeconds',
  'watch',
  'allowWatchBookmarks',
  'sendInitialEvents',
]

function searchFor(random: Random, method: string): string {
  const query = new URLSearchParams()
  const fitting = method === 'GET' || method === 'DELETE' ? FOR_READS : FOR_WRITES
  for (let i = random.pick([0, 0, 1, 1, 2, 4]); i > 0; i--) {
    const name = random.chance(0.8) ? random.pick(fitting) : random.pick(PARAMETERS)
    const values = QUERY[name] ?? ['']
    query.append(
      name,
      random.chance(0.7) ? values[0]! : random.chance(0.9) ? random.pick(values) : wellFormed(random.text()),
    )
  }
  if (method === 'PATCH' && random.chance(0.9)) query.set('fieldManager', random.pick(['m', 'n', 'kubectl']))
  return query.toString()
}

const ACCEPT = [
  'application/json',
  '*/*',
  'application/yaml',
  PROTOBUF_MEDIA_TYPE,
  `${PROTOBUF_MEDIA_TYPE},application/json`,
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json',
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json',
  `${PROTOBUF_MEDIA_TYPE};as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json`,
  `${PROTOBUF_MEDIA_TYPE};as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json`,
  'application/yaml;as=Table;v=v1;g=meta.k8s.io,application/yaml',
  'application/json;stream=watch',
  `${PROTOBUF_MEDIA_TYPE};stream=watch`,
  'application/cbor',
  'text/html',
  '',
  ';;;',
  'application/json;q=x',
  'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
  'application/json;as=__proto__;v=v1;g=meta.k8s.io',
]

function headersFor(random: Random, contentType: string | undefined): Record<string, string> {
  const headers: Record<string, string> = {
    'user-agent': random.pick(['fuzz/1.0', 'kubectl/v1.36.0', '', 'Mozilla/5.0', headerText(random)]),
  }
  if (random.chance(0.4)) headers['accept'] = random.pick(random.chance(0.8) ? ACCEPT.slice(0, 6) : ACCEPT)
  if (contentType !== undefined) headers['content-type'] = contentType
  if (random.chance(0.05)) headers['audit-id'] = headerText(random)
  if (random.chance(0.03)) headers['if-none-match'] = headerText(random)
  if (random.chance(0.03)) headers['upgrade'] = random.pick(['websocket', 'SPDY/3.1', 'h2c'])
  return headers
}

/** As it would come through HTTP. */
const headerText = (random: Random) =>
  Buffer.from(random.text())
    .toString('latin1')
    .replace(/[^\t\x20-\x7e\x80-\xff]/g, '')

interface Body {
  readonly body: Buffer | undefined
  readonly contentType: string | undefined
}

function bodyFor(random: Random, kind: Kind, method: string, path: string, objects: readonly Json[]): Body {
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS')
    return { body: random.chance(0.02) ? random.bytes(9) : undefined, contentType: undefined }
  if (method === 'DELETE') return deleteBody(random)
  if (method === 'PATCH' && random.chance(0.97)) return patchBody(random, kind)
  const fixture =
    method === 'PUT' && random.chance(0.9) ? liveAt(random, path, objects) : fixtureFor(random, kind, path, objects)
  if (random.chance(0.04))
    return {
      body: random.bytes(random.below(60)),
      contentType: random.pick(['application/json', 'application/yaml', PROTOBUF_MEDIA_TYPE]),
    }
  if (random.chance(0.15)) return { body: protobufBody(random, kind, fixture), contentType: PROTOBUF_MEDIA_TYPE }
  const tree = random.chance(0.06)
    ? randomTree(random)
    : mutated(random, fixture, random.pick([0, 1, 1, 1, 2, 3, 8]), WORDS)
  return textBody(random, tree)
}

/** The object that a path leads to, for a change of it. */
function liveAt(random: Random, path: string, objects: readonly Json[]): Tree {
  if (path.endsWith('/scale')) return treeOf(OF_SUBRESOURCES[0])
  const found = objects.find(({ metadata }) => path.includes(`/${encodeURIComponent(metadata.name)}`)) ?? {}
  const object = structuredClone(found)
  if (object.metadata && random.chance(0.8)) delete object.metadata.resourceVersion
  return safe(random, treeOf(object))
}

function fixtureFor(random: Random, kind: Kind, path: string, objects: readonly Json[]): Tree {
  const subresource = random.chance(/\/(binding|eviction|token|scale)$/.test(path) ? 0.8 : 0.01)
  const object = structuredClone(
    subresource ? random.pick(OF_SUBRESOURCES) : (random.pick(fixturesOf(kind)) ?? { metadata: { name: 'x' } }),
  ) as Json
  object.metadata ??= {}
  if (random.chance(0.4))
    object.metadata.name = random.pick(['new', 'other', ...objects.map(({ metadata }) => metadata.name)])
  else if (random.chance(0.3)) {
    object.metadata.generateName = object.metadata.name ?? 'x'
    delete object.metadata.name
  }
  if (random.chance(0.15))
    Object.assign(object.metadata, { labels: { a: 'b', app: 'c' }, annotations: { 'example.com/a': 'x' } })
  if (random.chance(0.1)) object.metadata.finalizers = ['example.com/wait', 'foregroundDeletion'].slice(random.below(2))
  if (random.chance(0.1))
    object.metadata.ownerReferences = [
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'page', uid: 'u', controller: true },
    ]
  if (random.chance(0.1))
    object.metadata.managedFields = [
      {
        manager: 'm',
        operation: 'Update',
        apiVersion: object.apiVersion,
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:metadata': { 'f:labels': { '.': {}, 'f:a': {} } } },
      },
    ]
  return safe(random, treeOf(object))
}

const OF_SUBRESOURCES: readonly object[] = [
  { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: {}, spec: { replicas: 3 } },
  { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'x' }, target: { kind: 'Node', name: 'n' } },
  { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'x' }, deleteOptions: { gracePeriodSeconds: 0 } },
  {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: ['a'], expirationSeconds: 600, boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'x' } },
  },
  { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Foreground' },
]

/** Nothing that would have the server talk to strangers. */
function safe(random: Random, tree: Tree): Tree {
  if (tree.kind === 'array') for (const item of tree.items) safe(random, item)
  if (tree.kind === 'object') {
    for (const field of tree.fields) {
      if (field[0] === 'url') field[1] = leaf(random.pick(NOWHERE))
      else safe(random, field[1])
    }
  }
  return tree
}

function textBody(random: Random, tree: Tree): Body {
  const text = write(safe(random, tree))
  const yaml = random.chance(0.15)
  const bytes = Buffer.from(yaml && random.chance(0.5) ? yamlOf(text) : text)
  return {
    body: random.chance(0.07) ? garbled(random, bytes) : bytes,
    contentType: random.chance(0.02)
      ? random.pick(['text/plain', '', 'application/cbor', 'application/json;charset=latin1', PROTOBUF_MEDIA_TYPE])
      : yaml
        ? 'application/yaml'
        : 'application/json',
  }
}

function yamlOf(text: string): string {
  try {
    return stringify(JSON.parse(text))
  } catch {
    return text
  }
}

/** What the types allow of the object, in protobuf; mostly with some bytes changed. */
function protobufBody(random: Random, kind: Kind, fixture: Tree): Buffer {
  if (kind.custom) return Buffer.concat([Buffer.from('k8s\0'), random.bytes(40)])
  const whole = Buffer.from(encodeProtobuf(kind.schema, decodedFixture(kind, fixture)))
  return random.chance(0.6) ? garbled(random, whole) : whole
}

function decodedFixture(kind: Kind, fixture: Tree): object {
  try {
    const value = JSON.parse(write(fixture)) as object
    return decodeObject(kind.schema, value).object
  } catch {
    return {}
  }
}

function deleteBody(random: Random): Body {
  if (random.chance(0.5)) return { body: undefined, contentType: undefined }
  const options = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    gracePeriodSeconds: random.pick([0, 1, 30]),
    propagationPolicy: random.pick(['Foreground', 'Background', 'Orphan']),
    ...(random.chance(0.3) ? { preconditions: { uid: 'x', resourceVersion: '1' } } : {}),
    ...(random.chance(0.2) ? { dryRun: ['All'] } : {}),
  }
  return textBody(random, mutated(random, treeOf(options), random.below(3), []))
}

const POINTERS = [
  '/metadata/labels',
  '/metadata/labels/a',
  '/metadata/annotations/example.com~1a',
  '/metadata/name',
  '/metadata/finalizers',
  '/metadata/finalizers/0',
  '/metadata/finalizers/-',
  '/spec',
  '/spec/replicas',
  '/data',
  '/data/a',
  '',
  '/',
  '/-',
  '/metadata/__proto__/x',
  '/__proto__',
  '/constructor/prototype/x',
  '/metadata/ownerReferences/0/controller',
  '/metadata/managedFields',
  '/status',
  '/~2',
  '/spec/containers/0/image',
  '/spec/containers/99',
  '/spec/containers/-1',
  '/spec/containers/00',
]

function patchBody(random: Random, kind: Kind): Body {
  const type = random.pick(PATCH_TYPES)
  const contentType = `application/${type}`
  if (random.chance(0.03)) return { body: random.bytes(random.below(40)), contentType }
  if (type === 'json-patch+json') {
    const operations = Array.from({ length: random.pick([0, 1, 1, 2, 5, 300]) }, () => ({
      op: random.pick(['add', 'replace', 'remove', 'test', 'copy', 'move', 'add', 'x', '__proto__']),
      path: random.chance(0.9) ? random.pick(POINTERS) : random.text(),
      ...(random.chance(0.4) ? { from: random.pick(POINTERS) } : {}),
      ...(random.chance(0.8) ? { value: random.pick([{ a: 'b' }, 'x', 1, null, ['a'], { app: '' }, {}]) } : {}),
    }))
    return { ...textBody(random, mutated(random, treeOf(operations), random.pick([0, 0, 1]), [])), contentType }
  }
  const [fixture] = [random.pick(fixturesOf(kind)) ?? {}] as [Json]
  const tree = treeOf(structuredClone(fixture))
  if (tree.kind === 'object' && random.chance(0.8))
    tree.fields = tree.fields.filter(([name]) => name !== 'metadata' || random.chance(0.3))
  if (type === 'strategic-merge-patch+json' && tree.kind === 'object') sprinkle(random, tree)
  const changed = random.chance(0.02)
    ? deepTree(random, random.pick([100, 9000]))
    : mutated(random, tree, random.pick([0, 1, 2, 4]), WORDS)
  return { ...textBody(random, changed), contentType }
}

/** Directives, here and there. */
function sprinkle(random: Random, tree: Tree): void {
  if (tree.kind === 'array') for (const item of tree.items) sprinkle(random, item)
  if (tree.kind !== 'object') return
  for (const [, value] of tree.fields) sprinkle(random, value)
  if (random.chance(0.9)) return
  const name = tree.fields.length > 0 ? random.pick(tree.fields)[0] : 'x'
  tree.fields.push(
    random.pick<[string, Tree]>([
      ['$patch', leaf(random.pick(['delete', 'replace', 'merge', 'x', 1]))],
      ['$retainKeys', treeOf(random.pick([[name], [], 'x', [1]]))],
      [`$setElementOrder/${name}`, treeOf(random.pick([[{ name: 'a' }], ['a'], 'x', [], [1, {}]]))],
      [`$deleteFromPrimitiveList/${name}`, treeOf(random.pick([['a'], 'x', [{}], []]))],
    ]),
  )
}

export const describeRequest = ({ method, path, search, headers, body }: Asked) =>
  `${method} ${JSON.stringify(path)}${search ? `?${search}` : ''} ${JSON.stringify(headers)} ${
    body
      ? body.length < 3000
        ? JSON.stringify(body.toString('latin1'))
        : `${body.length} bytes: ${JSON.stringify(body.toString('latin1', 0, 600))}`
      : ''
  }`
