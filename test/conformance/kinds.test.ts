// Every kind that is served, through the official client and over HTTPS: the same life for each. It is created from its fixtures, read,
// listed, watched, shown as a table, written whole, patched in four ways, deleted alone and together; discovery and OpenAPI know it.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { after, describe, test } from 'node:test'
import { type KubernetesObject, KubernetesObjectApi, PatchStrategy } from '@kubernetes/client-node'
import { parse } from 'yaml'
import { builtinKinds } from '../../src/api/kinds/builtin.ts'
import { apiPath, type Kind } from '../../src/api/kinds/kind.ts'
import { subresourceFacts } from '../../src/apiserver/resources.ts'
import { conformanceServer, type Json } from './server.ts'

const FIXTURES = new URL('../fixtures/kinds/', import.meta.url)
const SOURCES = new URL('../../src/api/kinds/', import.meta.url)

const kinds = builtinKinds as unknown as Kind[]
const fixtures = new Map<Kind, Json>()
for (const file of readdirSync(FIXTURES)) {
  const module = (await import(new URL(`${basename(file, '.yaml')}.ts`, SOURCES).href)) as Record<string, unknown>
  const kind = Object.values(module).find((value) => kinds.includes(value as Kind)) as Kind
  fixtures.set(kind, Object.values(parse(readFileSync(new URL(file, FIXTURES), 'utf8')).valid)[0])
}

const api = await conformanceServer()
const official = KubernetesObjectApi.makeApiClient(api.config)
after(() => api.close())

const NAMESPACE = 'conformance'
await api.post('/api/v1/namespaces', { metadata: { name: NAMESPACE } })
await api.post(`/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, { metadata: { name: 'default' } })

/** Fixtures that name what the cluster itself has already, or the namespace they were written for. */
const ADAPTED: Readonly<Record<string, (obj: Json) => void>> = {
  Event(obj) {
    for (const about of [obj.involvedObject, obj.regarding]) if (about) about.namespace = NAMESPACE
  },
  Service: (obj) => delete obj.spec.clusterIP,
  ServiceAccount(obj) {
    obj.metadata.name = 'builder'
  },
  ServiceCIDR(obj) {
    obj.metadata.name = 'more'
    obj.spec.cidrs = ['10.97.0.0/16']
  },
}

function fresh(kind: Kind): Json {
  const obj = structuredClone(fixtures.get(kind))
  obj.apiVersion = kind.apiVersion
  obj.kind = kind.kind
  obj.metadata ??= {}
  if (kind.scope === 'Namespaced') obj.metadata.namespace = NAMESPACE
  ADAPTED[kind.kind]?.(obj)
  return obj
}

const isAction = (kind: Kind) => !kind.verbs.includes('get')
const isReadOnly = (kind: Kind) => !kind.verbs.includes('create')
const collection = (kind: Kind) => apiPath(kind as never, NAMESPACE)
const object = (kind: Kind, obj: Json) => apiPath(kind as never, NAMESPACE, obj.metadata.name)
/** k8s: annotations of Deployments count as a change of what is wanted. */
const annotated = ({ group, kind }: { group: string; kind: string }) =>
  group === 'apps' && kind === 'Deployment' ? 1 : 0
const annotations = (obj: Json) => obj.metadata.annotations ?? {}

/** Ends what a delete only began: the finalizers of the fixture, and those that namespaces have. */
async function removed(kind: Kind, obj: Json): Promise<void> {
  await api.delete(object(kind, obj), { gracePeriodSeconds: 0, propagationPolicy: 'Background' })
  const left = await api.get(object(kind, obj))
  if (left.status !== 200) return
  if (kind.kind === 'Namespace') {
    assert.equal(left.body.status.phase, 'Terminating')
    await api.put(`${object(kind, obj)}/finalize`, { ...left.body, spec: { finalizers: [] } })
  } else await api.patch('merge', object(kind, obj), { metadata: { finalizers: null } })
}

for (const [kind] of [...fixtures].filter(([k]) => !isAction(k) && !isReadOnly(k))) {
  describe(`${kind.apiVersion} ${kind.kind}`, () => {
    let stored: Json

    test('is created, read and listed, and a watch tells of it', async () => {
      const obj = fresh(kind)
      const { body: empty } = await api.get(`${collection(kind)}?limit=1`)
      const watch = await api.watch(`${collection(kind)}?resourceVersion=${empty.metadata.resourceVersion}`)
      stored = await official.create(obj as KubernetesObject)
      assert.equal(stored.kind, kind.kind)
      assert.equal(stored.apiVersion, kind.apiVersion)
      assert.match(stored.metadata.uid, /^[0-9a-f-]{36}$/)
      assert.equal(stored.metadata.managedFields.length, 1)
      const counted = kind.hasGeneration || kind.kind === 'PriorityClass' // k8s: it has one that never rises
      assert.equal(stored.metadata.generation, counted ? 1 : undefined)
      const { type, object: seen } = await watch.next()
      watch.stop()
      assert.equal(type, 'ADDED')
      assert.equal(seen.metadata.uid, stored.metadata.uid)
      assert.equal(seen.metadata.resourceVersion, stored.metadata.resourceVersion)
      const read = await official.read(stored)
      assert.equal(read.metadata?.uid, stored.metadata.uid)
      const listed = await official.list(kind.apiVersion, kind.kind, NAMESPACE)
      assert.ok(listed.items.some((item) => item.metadata?.uid === stored.metadata.uid))
      const { body } = await api.get(collection(kind))
      assert.equal(body.kind, kind.listKind)
      assert.equal(body.apiVersion, kind.apiVersion)
    })

    test('is refused a second time, with a stale version, and under another name', async () => {
      const again = await api.post(collection(kind), fresh(kind))
      assert.equal(again.status, 409)
      assert.equal(again.body.reason, 'AlreadyExists')
      const stale = await api.put(object(kind, stored), {
        ...stored,
        metadata: { ...stored.metadata, resourceVersion: '1', annotations: { a: 'stale' } },
      })
      assert.equal(stale.status, 409)
      assert.equal(stale.body.reason, 'Conflict')
      const other = await api.put(object(kind, stored), {
        ...stored,
        metadata: { ...stored.metadata, name: 'other-name' },
      })
      assert.equal(other.status, 400)
    })

    test('is written whole; the same again changes nothing', async () => {
      const { body: current } = await api.get(object(kind, stored))
      const changed = {
        ...current,
        metadata: { ...current.metadata, annotations: { ...annotations(current), whole: 'yes' } },
      }
      const { status, body } = await api.put(object(kind, stored), changed)
      assert.equal(status, 200, JSON.stringify(body))
      assert.equal(annotations(body)['whole'], 'yes')
      assert.notEqual(body.metadata.resourceVersion, current.metadata.resourceVersion)
      assert.equal(
        body.metadata.generation,
        current.metadata.generation && current.metadata.generation + annotated(kind),
      )
      const { body: same } = await api.put(object(kind, stored), body)
      assert.equal(same.metadata.resourceVersion, body.metadata.resourceVersion)
    })

    for (const type of ['merge', 'strategic', 'json', 'apply'] as const) {
      test(`takes a ${type} patch, and tells a watch`, async () => {
        const { body: current } = await api.get(object(kind, stored))
        const selector = encodeURIComponent(`metadata.name=${stored.metadata.name}`)
        const query = `fieldSelector=${selector}&resourceVersion=${current.metadata.resourceVersion}`
        const watch = await api.watch(`${collection(kind)}?${query}`)
        const patch =
          type === 'json'
            ? [{ op: 'add', path: '/metadata/annotations/json', value: 'yes' }]
            : {
                ...(type === 'apply' ? { apiVersion: kind.apiVersion, kind: kind.kind } : {}),
                metadata: { annotations: { [type]: 'yes' } },
              }
        const { status, body } = await api.patch(type, `${object(kind, stored)}?fieldManager=conformance`, patch)
        assert.equal(status, 200, JSON.stringify(body))
        assert.equal(annotations(body)[type], 'yes')
        assert.equal(annotations(body)['whole'], 'yes')
        assert.equal(
          body.metadata.generation,
          current.metadata.generation && current.metadata.generation + annotated(kind),
        )
        const event = await watch.next()
        watch.stop()
        assert.equal(event.type, 'MODIFIED')
        assert.equal(event.object.metadata.resourceVersion, body.metadata.resourceVersion)
        const managers = body.metadata.managedFields.map((m: Json) => `${m.manager} ${m.operation}`)
        assert.ok(managers.includes(type === 'apply' ? 'conformance Apply' : 'conformance Update'), managers.join())
      })
    }

    test('is patched by the official client too', async () => {
      const patch = { ...stored, metadata: { name: stored.metadata.name, namespace: stored.metadata.namespace } }
      patch.metadata.annotations = { official: 'yes' }
      for (const key of Object.keys(patch)) {
        if (!['apiVersion', 'kind', 'metadata'].includes(key)) delete patch[key]
      }
      const strategy = PatchStrategy.MergePatch
      const result = await official.patch(patch, undefined, undefined, undefined, undefined, strategy)
      assert.equal(annotations(result)['official'], 'yes')
    })

    test('is shown as a table and as its metadata', async () => {
      const asTable = { headers: { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' } }
      const { body } = await api.get(collection(kind), asTable)
      assert.equal(body.kind, 'Table')
      const row = body.rows.find((r: Json) => r.object.metadata.name === stored.metadata.name)
      assert.equal(row.cells.length, body.columnDefinitions.length)
      const one = await api.get(object(kind, stored), asTable)
      assert.equal(one.body.rows.length, 1)
      const asMetadata = { headers: { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' } }
      const partial = await api.get(collection(kind), asMetadata)
      assert.equal(partial.body.kind, 'PartialObjectMetadataList')
      assert.deepEqual(Object.keys(partial.body.items[0]).sort(), ['apiVersion', 'kind', 'metadata'])
    })

    test('survives in protobuf as it is in JSON', async () => {
      const path = object(kind, stored)
      const { body: before } = await api.get(path)
      const protobuf = 'application/vnd.kubernetes.protobuf'
      const { bytes, headers } = await api.get(path, { headers: { accept: protobuf } })
      assert.equal(headers['content-type'], protobuf)
      const written = await api.send('PUT', path, bytes, { headers: { 'content-type': protobuf } })
      assert.equal(written.status, 200, JSON.stringify(written.body))
      assert.deepEqual(written.body, before)
    })

    test('is only tried in a dry run', async () => {
      const { body: current } = await api.get(object(kind, stored))
      const patch = { metadata: { annotations: { dry: 'run' } } }
      const { status, body } = await api.patch('merge', `${object(kind, stored)}?dryRun=All`, patch)
      assert.equal(status, 200)
      assert.equal(annotations(body)['dry'], 'run')
      const { status: gone } = await api.delete(`${object(kind, stored)}?dryRun=All`)
      assert.ok(gone === 200 || gone === 202)
      const { body: still } = await api.get(object(kind, stored))
      assert.equal(still.metadata.resourceVersion, current.metadata.resourceVersion)
    })

    if (kind.subresources.includes('status')) {
      test('keeps its status apart from the rest', async () => {
        const path = `${object(kind, stored)}/status`
        const { status, body } = await api.get(path)
        assert.equal(status, 200)
        const { body: written } = await api.put(path, {
          ...body,
          spec: undefined,
          metadata: { ...body.metadata, annotations: { ...annotations(body), 'from-status': 'yes' } },
        })
        assert.equal(written.kind, kind.kind, JSON.stringify(written))
        assert.deepEqual(written.spec, body.spec)
        assert.equal(written.metadata.generation, body.metadata.generation)
        const { body: whole } = await api.put(object(kind, stored), { ...written, status: undefined })
        assert.deepEqual(whole.status, written.status)
      })
    }

    test('is deleted, and a watch tells of it', async () => {
      const { body: current } = await api.get(object(kind, stored))
      const watch = await api.watch(`${collection(kind)}?resourceVersion=${current.metadata.resourceVersion}`)
      const wrong = await api.delete(object(kind, stored), { preconditions: { uid: 'another' } })
      assert.equal(wrong.status, 409)
      await removed(kind, stored)
      let event = await watch.next()
      while (event.type === 'MODIFIED') event = await watch.next()
      watch.stop()
      assert.equal(event.type, 'DELETED')
      assert.ok(Number(event.object.metadata.resourceVersion) > Number(current.metadata.resourceVersion))
      const gone = await api.get(object(kind, stored))
      assert.equal(gone.status, 404)
      assert.deepEqual(gone.body.details, {
        name: stored.metadata.name,
        ...(kind.group ? { group: kind.group } : {}),
        kind: kind.plural,
      })
    })

    test('is deleted together with others of its label, and those only', async () => {
      const one = fresh(kind)
      one.metadata.labels = { ...one.metadata.labels, together: 'yes' }
      const made = await api.post(collection(kind), one)
      assert.equal(made.status, 201, JSON.stringify(made.body))
      if (!kind.verbs.includes('deletecollection')) {
        assert.equal((await api.delete(collection(kind))).status, 405)
        return removed(kind, one)
      }
      const none = await api.delete(`${collection(kind)}?labelSelector=together%3Dno`)
      assert.equal(none.status, 200)
      assert.equal((await api.get(object(kind, one))).status, 200)
      const options = { gracePeriodSeconds: 0, propagationPolicy: 'Background' }
      const all = await api.delete(`${collection(kind)}?labelSelector=together%3Dyes`, options)
      assert.equal(all.status, 200)
      const left = await api.get(object(kind, one))
      if (left.status === 200) {
        assert.ok(left.body.metadata.deletionTimestamp)
        await removed(kind, one)
      }
    })
  })
}

describe('discovery and OpenAPI', () => {
  const rootOf = (kind: Kind) => (kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`)

  test('the legacy documents list every kind with its verbs and subresources', async () => {
    for (const kind of kinds) {
      const { body } = await api.get(rootOf(kind))
      const found = body.resources.find((r: Json) => r.name === kind.plural)
      assert.equal(found?.kind, kind.kind, kind.plural)
      assert.deepEqual(found.verbs, [...kind.verbs].sort())
      for (const subresource of kind.subresources) {
        const sub = body.resources.find((r: Json) => r.name === `${kind.plural}/${subresource}`)
        assert.deepEqual(sub?.verbs, [...subresourceFacts(kind, subresource).verbs], `${kind.plural}/${subresource}`)
      }
    }
  })

  test('the aggregated documents list every kind', async () => {
    const headers = { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' }
    const found = new Set<string>()
    for (const path of ['/api', '/apis']) {
      const { body } = await api.get(path, { headers })
      assert.equal(body.kind, 'APIGroupDiscoveryList')
      for (const group of body.items) {
        for (const { version, resources } of group.versions) {
          for (const r of resources)
            found.add(`${group.metadata.name ?? ''}/${version}/${r.resource}/${r.responseKind.kind}`)
        }
      }
    }
    for (const k of kinds) assert.ok(found.has(`${k.group}/${k.version}/${k.plural}/${k.kind}`), k.plural)
  })

  test('every group has a preferred version that it serves', async () => {
    const { body } = await api.get('/apis')
    assert.ok(body.groups.length > 15)
    for (const group of body.groups) {
      assert.ok(group.versions.some((v: Json) => v.groupVersion === group.preferredVersion.groupVersion))
      assert.deepEqual((await api.get(`/apis/${group.name}`)).body.preferredVersion, group.preferredVersion)
    }
  })

  test('OpenAPI v3 has the paths and the schema of every kind', async () => {
    const { body: index } = await api.get('/openapi/v3')
    for (const kind of kinds) {
      const root = rootOf(kind)
      const { body } = await api.get(index.paths[root.slice(1)].serverRelativeURL)
      const scope = kind.scope === 'Namespaced' ? '/namespaces/{namespace}' : ''
      const path = body.paths[`${root}${scope}/${kind.plural}`] ?? body.paths[`${root}/${kind.plural}`]
      assert.ok(path, `${root} ${kind.plural}`)
      const schemas = Object.values(body.components.schemas) as Json[]
      const known = schemas.some((schema) =>
        schema['x-kubernetes-group-version-kind']?.some(
          (gvk: Json) => gvk.group === kind.group && gvk.version === kind.version && gvk.kind === kind.kind,
        ),
      )
      assert.ok(known, `${kind.kind} has a schema`)
    }
  })
})
