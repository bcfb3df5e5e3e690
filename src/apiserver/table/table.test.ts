import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '../../api/kinds/config-map.ts'
import type { Kind } from '../../api/kinds/kind.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { partialMetadataList, table } from './table.ts'

const kind = {
  ...ConfigMap,
  columns: [
    { name: 'Data', type: 'integer', value: (obj: { data?: object }) => Object.keys(obj.data ?? {}).length },
    { name: 'Age', type: 'date', value: (obj: KubeObject) => obj.metadata.creationTimestamp },
  ],
} as unknown as Kind
const obj = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: 'web',
    namespace: 'blue',
    uid: 'u',
    resourceVersion: '7',
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  data: { a: '1', b: '2' },
} as KubeObject

test('a table has the name first, the cells of every column, and as much of the object as was asked for', () => {
  const nowMs = Date.UTC(2026, 0, 1, 0, 0, 42)
  const made = table(kind, [obj], { include: 'Metadata', version: 'v1' }, nowMs, { resourceVersion: '9' }) as {
    columnDefinitions: { name: string; type: string }[]
    rows: { cells: unknown[]; object: { kind: string; metadata: object } | null }[]
  }
  assert.deepEqual(
    made.columnDefinitions.map((c) => [c.name, c.type]),
    [
      ['Name', 'string'],
      ['Data', 'integer'],
      ['Age', 'string'],
    ],
  )
  assert.deepEqual(made.rows[0]!.cells, ['web', 2, '42s'])
  assert.equal(made.rows[0]!.object!.kind, 'PartialObjectMetadata')
  const rowOf = (include: 'None' | 'Object') =>
    (table(kind, [obj], { include, version: 'v1beta1' }, nowMs, {}) as typeof made).rows[0]!.object as unknown
  assert.equal(rowOf('None'), null)
  assert.equal(rowOf('Object'), obj)
})

test('a metadata list leaves everything but the metadata away', () => {
  assert.deepEqual(partialMetadataList([obj], { resourceVersion: '9' }, 'v1'), {
    kind: 'PartialObjectMetadataList',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion: '9' },
    items: [{ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: obj.metadata }],
  })
})
