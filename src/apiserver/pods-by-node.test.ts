import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../api/meta/object.ts'
import { PodsByNode } from './pods-by-node.ts'
import { openMemoryStore } from './storage/memory.ts'
import { testApi, withDefaultAccount } from './test-api.ts'

const keyOf = (name: string) => `/registry/core/pods/blue/${name}`
const pod = (name: string, nodeName?: string, labels = {}) =>
  ({ metadata: { name, labels }, spec: nodeName === undefined ? {} : { nodeName } }) as unknown as KubeObject

test('pods are found by their node, in order, from the start and as they come, move and go', async () => {
  const store = openMemoryStore()
  const put = (object: KubeObject, expect = 0) =>
    store
      .write({ key: keyOf(object.metadata.name), expect, object })
      .then((result) => result.ok && result.entry.revision)
  await put(pod('b', 'n1'))
  const index = await PodsByNode.open(store)
  const names = (node: string) => index.on(node).map(({ object }) => object.metadata.name)
  assert.deepEqual(names('n1'), ['b'])
  await put(pod('a', 'n1'))
  const pending = await put(pod('pending'))
  await put(pod('odd', 'quote"and\\slash'))
  assert.deepEqual(names('n1'), ['a', 'b'])
  assert.deepEqual(names('quote"and\\slash'), ['odd'])
  assert.deepEqual(names('n2'), [])
  await put(pod('pending', 'n2'), pending as number)
  assert.deepEqual(names('n2'), ['pending'])
  const { revision } = (await store.get(keyOf('a')))!
  await store.write({ key: keyOf('a'), expect: revision, object: undefined })
  assert.deepEqual(names('n1'), ['b'])
  index.close()
})

test('a list by node says what a look at every pod would say', async (t) => {
  const api = await testApi()
  t.after(() => api.close())
  await withDefaultAccount(api)
  const PODS = '/api/v1/namespaces/default/pods'
  const body = (name: string, nodeName: string, labels = {}) => ({
    metadata: { name, labels },
    spec: { nodeName, containers: [{ name: 'c', image: 'i' }] },
  })
  await api.post(PODS, body('one', 'n1', { app: 'a' }))
  await api.post(PODS, body('two', 'n1', { app: 'b' }))
  await api.post(PODS, body('elsewhere', 'n2', { nodeName: 'n1' }))
  const listed = async (query: string, path = PODS) =>
    (await api.get(`${path}?${query}`)).body.items.map((item: KubeObject) => item.metadata.name)
  assert.deepEqual(await listed('fieldSelector=spec.nodeName%3Dn1'), ['one', 'two'])
  assert.deepEqual(await listed('fieldSelector=spec.nodeName%3Dn1', '/api/v1/pods'), ['one', 'two'])
  assert.deepEqual(await listed('fieldSelector=spec.nodeName%3Dn1', '/api/v1/namespaces/kube-system/pods'), [])
  assert.deepEqual(await listed('fieldSelector=spec.nodeName%3Dn1&labelSelector=app%3Db'), ['two'])
  assert.deepEqual(await listed('fieldSelector=spec.nodeName%3Dn1&limit=1'), ['one'])
  assert.deepEqual(await listed('fieldSelector=spec.nodeName%21%3Dn1'), ['elsewhere'])
})
