// A random request: a route that exists or nearly does, any method, parameters and headers that mean something or nothing, and a
// body that is valid, changed in a few places, or noise.
import type { Kind } from '../../src/api/kinds/kind.ts'
import { PROTOBUF_MEDIA_TYPE } from '../../src/api/schema/protobuf.ts'
import type { ApiRequest } from '../../src/api/wire.ts'
import { bodyFor } from './body.ts'
import type { Json } from './fixtures.ts'
import { PROTOTYPE_NAMES, type Random } from './random.ts'
import type { World } from './world.ts'

export type Asked = Pick<ApiRequest, 'method' | 'path' | 'headers'> & { search: string; body: Buffer | undefined }

const METHODS = ['GET', 'POST', 'POST', 'PUT', 'PUT', 'PATCH', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'] as const
const VERB = { GET: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete', HEAD: '', OPTIONS: '' }
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

export const describeRequest = ({ method, path, search, headers, body }: Asked) =>
  `${method} ${JSON.stringify(path)}${search ? `?${search}` : ''} ${JSON.stringify(headers)} ${
    body
      ? body.length < 3000
        ? JSON.stringify(body.toString('latin1'))
        : `${body.length} bytes: ${JSON.stringify(body.toString('latin1', 0, 600))}`
      : ''
  }`
