// A random body for a request: an object of the kind that is valid or changed in a few places, a patch of any type, or noise; in JSON, YAML or protobuf.
import { stringify } from 'yaml'
import type { Kind } from '../../src/api/kinds/kind.ts'
import { decodeObject } from '../../src/api/schema/decode.ts'
import { encodeProtobuf, PROTOBUF_MEDIA_TYPE } from '../../src/api/schema/protobuf.ts'
import { fixturesOf, type Json, NOWHERE, WORDS } from './fixtures.ts'
import { deepTree, garbled, leaf, mutated, randomTree, type Tree, treeOf, write } from './json.ts'
import type { Random } from './random.ts'

const PATCH_TYPES = [
  'json-patch+json',
  'merge-patch+json',
  'strategic-merge-patch+json',
  'apply-patch+yaml',
  'apply-patch+cbor',
]

export interface Body {
  readonly body: Buffer | undefined
  readonly contentType: string | undefined
}

export function bodyFor(random: Random, kind: Kind, method: string, path: string, objects: readonly Json[]): Body {
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
