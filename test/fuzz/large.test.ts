// Requests as large as they may be, made to cost as much as they can: long lists, many keys, many errors, deep expressions, patterns that explode. None of
// them takes the server's processor for long, is answered with many times its own size, or ends in a fault.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { cronTab, cronTabs, cronTabVersion, establish, SPEC } from '../../src/apiserver/crd/crd-fixtures.ts'
import { encodeBody, standardEncoders } from '../../src/apiserver/http/encode.ts'
import { ADMIN, testApi, withDefaultAccount } from '../../src/apiserver/test-api.ts'

/** Of processor time. Wide: the machine has other things to do, and what grows with the square of the length takes many times as long. */
const LONGEST_MS = 2000
/** Full size takes most of a minute: on demand. */
const SCALE = process.env['SKIFF_FUZZ_ROUNDS'] ? 1 : 0.2
/** Of an answer, in relation to the request: an object's fields are listed once more for their manager, and defaults are added. */
const MOST_TIMES = 25

const api = await testApi()
after(() => api.close())
await withDefaultAccount(api)
const list = (type: string, more: object = {}) => ({ type: 'array', 'x-kubernetes-list-type': type, ...more })
const ITEM = { type: 'object', required: ['name'], properties: { name: { type: 'string' }, v: { type: 'integer' } } }
const LONG = {
  evil: { type: 'string', pattern: '^(a+)+$' },
  members: list('set', { items: { type: 'string' } }),
  items: list('map', { 'x-kubernetes-list-map-keys': ['name'], items: ITEM }),
}
const spec = { ...SPEC, properties: { ...SPEC.properties, ...LONG } }
const openAPIV3Schema = { type: 'object', properties: { spec } }
await establish(api, cronTabs([cronTabVersion({ schema: { openAPIV3Schema } })]))

const MAPS = '/api/v1/namespaces/default/configmaps'
const PODS = '/api/v1/namespaces/default/pods'
const TABS = '/apis/stable.example.com/v1/namespaces/default/crontabs'
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All'
await api.post(MAPS, { metadata: { name: 'm' }, data: { a: 'b' } })

const many = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: Math.max(20, count * SCALE) }, (_, i) => make(i))
const keys = (count: number, key: (i: number) => string, value: (i: number) => unknown = () => '') =>
  Object.fromEntries(many(count, (i) => [key(i), value(i)]))

async function send(
  note: string,
  method: 'POST' | 'PATCH' | 'PUT' | 'GET',
  url: string,
  body: unknown,
  type = 'application/json',
) {
  const [path = '', query = ''] = url.split('?')
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const began = process.threadCpuUsage()
  const signal = new AbortController().signal
  const headers = { 'content-type': type }
  const request = { method, path, query: new URLSearchParams(query), headers, body: bytes, user: ADMIN, signal }
  const response = await api.server.handler(request)
  const whole = response.body.kind === 'object' || response.body.kind === 'list' ? response.body : undefined
  const answer = whole ? (await encodeBody(whole, 'application/json', standardEncoders)).byteLength : 0
  const { user, system } = process.threadCpuUsage(began)
  assert.ok(response.status < 500, `${note}: ${response.status} ${JSON.stringify(whole).slice(0, 300)}`)
  assert.ok((user + system) / 1000 < LONGEST_MS, `${note} took ${Math.round((user + system) / 1000)} ms`)
  assert.ok(answer < 200_000 + bytes.length * MOST_TIMES, `${note}: ${answer} bytes for ${bytes.length}`)
}

test('many fields, good and bad, in metadata and data', async () => {
  const meta = (more: object, data: object = {}) => ({ metadata: { name: 'a', ...more }, data })
  await send(
    'keys',
    'POST',
    MAPS,
    meta(
      {},
      keys(100_000, (i) => `k${i}`),
    ),
  )
  await send(
    'bad keys',
    'POST',
    MAPS,
    meta(
      {},
      keys(150_000, (i) => `k ${i}`),
    ),
  )
  await send(
    'labels',
    'POST',
    MAPS,
    meta({
      labels: keys(
        100_000,
        (i) => `k ${i}`,
        () => '/',
      ),
    }),
  )
  await send('annotations', 'POST', MAPS, meta({ annotations: keys(100_000, (i) => `k${i}`) }))
  const owner = (i: number) => ({ apiVersion: 'v1', kind: 'Pod', name: `p${i}`, uid: `u${i}`, controller: true })
  await send('owners', 'POST', MAPS, meta({ ownerReferences: many(25_000, owner) }))
  await send('finalizers', 'POST', MAPS, meta({ finalizers: many(100_000, (i) => `f${i}`) }))
  const entry = (i: number) => ({
    manager: `m${i}`,
    operation: 'Apply',
    apiVersion: 'v1',
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:data': {} },
  })
  await send('managers', 'POST', MAPS, meta({ managedFields: many(20_000, entry) }))
  await send(
    'unknown fields',
    'POST',
    `${MAPS}?fieldValidation=Strict`,
    keys(150_000, (i) => `u${i}`),
  )
})

test('long lists in pods', async () => {
  const pod = (container: object, more: object = {}) => ({
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'x', ...container }], ...more },
  })
  const dry = `${PODS}?dryRun=All`
  await send('containers', 'POST', dry, pod({}, { containers: many(20_000, (i) => ({ name: `c${i}`, image: 'x' })) }))
  await send(
    'the same container',
    'POST',
    dry,
    pod({}, { containers: many(40_000, () => ({ name: 'c', image: 'x' })) }),
  )
  const ports = many(40_000, (i) => ({ containerPort: i + 1, hostPort: i + 1 }))
  await send('ports', 'POST', dry, pod({ ports }))
  const volumes = many(20_000, (i) => ({ name: `v${i}`, emptyDir: {} }))
  const volumeMounts = many(20_000, (i) => ({ name: `v${i}`, mountPath: `/m${i}` }))
  await send('volumes', 'POST', dry, pod({ volumeMounts }, { volumes }))
  await send('env', 'POST', dry, pod({ env: many(40_000, (i) => ({ name: `E${i}`, value: `$(E${i - 1})` })) }))
  await send('a quantity', 'POST', dry, pod({ resources: { limits: { cpu: '9'.repeat(2_000_000) } } }))
  await send('a power', 'POST', dry, pod({ resources: { limits: { cpu: '1e999999999' } } }))
})

test('patches of long lists', async () => {
  const env = (count: number, value: string) => many(count, (i) => ({ name: `E${i}`, value }))
  const deployment = (value: string) => ({
    metadata: { name: 'd' },
    spec: {
      selector: { matchLabels: { a: 'b' } },
      template: {
        metadata: { labels: { a: 'b' } },
        spec: { containers: [{ name: 'c', image: 'x', env: env(20_000, value) }] },
      },
    },
  })
  const strategic = 'application/strategic-merge-patch+json'
  await send('create', 'POST', DEPLOYMENTS, deployment('a'))
  await send('strategic merge', 'PATCH', `${DEPLOYMENTS}/d`, deployment('b'), strategic)
  const backwards = env(20_000, 'c').reverse()
  const container = { name: 'c', env: backwards, '$setElementOrder/env': backwards.map(({ name }) => ({ name })) }
  const ordered = { spec: { template: { spec: { containers: [container] } } } }
  await send('strategic merge with order', 'PATCH', `${DEPLOYMENTS}/d`, ordered, strategic)
  const operations = [
    { op: 'add', path: '/metadata/annotations', value: { a: 'x' } },
    ...many(5000, (i) => ({ op: 'copy', from: '/metadata', path: `/metadata/annotations/k${i}` })),
  ]
  await send('copies of copies', 'PATCH', `${MAPS}/m`, operations, 'application/json-patch+json')
  const items = (value: number) => many(20_000, (i) => ({ name: `i${i}`, v: value }))
  const apply = 'application/apply-patch+yaml'
  await send('apply', 'PATCH', `${TABS}/l?fieldManager=x`, cronTab('l', { items: items(1) }), apply)
  await send('conflicts', 'PATCH', `${TABS}/l?fieldManager=y`, cronTab('l', { items: items(2) }), apply)
  await send('by force', 'PATCH', `${TABS}/l?fieldManager=y&force=true`, cronTab('l', { items: items(2) }), apply)
})

test('custom resources, their patterns and their expressions', async () => {
  await send('a pattern', 'POST', TABS, cronTab('e', { evil: `${'a'.repeat(5000)}!` }))
  await send('a long set', 'POST', TABS, cronTab('s', { members: many(60_000, (i) => `i${i}`) }))
  const crd = (a: object) => ({
    metadata: { name: 'boats.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'boats', kind: 'Boat' },
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { a } } } },
      ],
    },
  })
  const ruled = (...rules: string[]) =>
    crd({ type: 'string', maxLength: 10, 'x-kubernetes-validations': rules.map((rule) => ({ rule })) })
  await send(
    'patterns',
    'POST',
    CRDS,
    crd({
      type: 'object',
      properties: keys(
        10_000,
        (i) => `p${i}`,
        (i) => ({ type: 'string', pattern: `^(a|b){1,100}x${i}$` }),
      ),
    }),
  )
  await send('a default', 'POST', CRDS, crd({ type: 'string', pattern: '^(a+)+$', default: `${'a'.repeat(60)}!` }))
  await send('repeats', 'POST', CRDS, crd({ type: 'string', pattern: '(((a{1000}){1000}){1000})', default: 'a' }))
  await send('rules', 'POST', CRDS, ruled(...many(5000, (i) => `self != "x${i}"`)))
  await send('a long rule', 'POST', CRDS, ruled(`${'self == "x" || '.repeat(80_000)}true`))
  await send('parentheses', 'POST', CRDS, ruled(`${'('.repeat(80_000)}true${')'.repeat(80_000)}`))
  await send('negations', 'POST', CRDS, ruled(`${'!'.repeat(900_000)}true`))
  const nested = many(20, (i) => `[1,2,3,4,5,6,7,8,9,10].map(x${i}, `).join('')
  await send('lists of lists', 'POST', CRDS, ruled(`${nested}1${')'.repeat(20)}.size() > 0`))
})

test('texts that parsers stumble over', async () => {
  const yaml = 'application/yaml'
  for (const text of [
    '- ',
    '? ',
    'a: ',
    '[',
    '{a: ',
    '---\n',
    '# x\n',
    '"\\x41',
    '&a ',
    '!!x ',
    '| ',
    '\t',
    '%a\n',
    '*a,',
    '- - - ',
  ]) {
    await send(JSON.stringify(text), 'POST', MAPS, text.repeat(Math.floor((1_000_000 * SCALE) / text.length)), yaml)
  }
  await send('lines', 'POST', MAPS, `metadata: {name: y}\ndata:\n${many(100_000, (i) => ` k${i}: v`).join('\n')}`, yaml)
  for (const text of ['[', '{"a":', '"', '9', '\\u0041', '[[],', '1e9', ' ']) {
    await send(JSON.stringify(text), 'POST', MAPS, text.repeat(Math.floor((2_000_000 * SCALE) / text.length)))
  }
})
