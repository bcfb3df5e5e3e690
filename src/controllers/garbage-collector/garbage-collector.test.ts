import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Kind } from '../../api/kinds/kind.ts'
import { Pod } from '../../api/kinds/pod.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { decide, type OwnerState } from './decide.ts'
import { OwnerGraph } from './graph.ts'

const kind = Pod as unknown as Kind<never>
const object = (uid: string, owners: string[] = [], meta: object = {}) =>
  ({
    metadata: {
      uid,
      name: uid,
      namespace: 'blue',
      ownerReferences: owners.map((o) => ({ uid: o, name: o, kind: 'Pod', apiVersion: 'v1' })),
      ...meta,
    },
  }) as unknown as KubeObject
const uids = (nodes: Iterable<{ uid: string }>) => [...nodes].map((n) => n.uid).sort()

test('objects without owners cost nothing', () => {
  const graph = new OwnerGraph()
  assert.deepEqual(graph.put(kind, object('a')), [])
  assert.equal(graph.get('a'), undefined)
})

test('when an owner goes, its dependents are looked at', () => {
  const graph = new OwnerGraph()
  graph.put(kind, object('b', ['a']))
  graph.put(kind, object('c', ['a', 'b']))
  assert.deepEqual(uids(graph.remove('a')), ['b', 'c'])
  assert.deepEqual(uids(graph.remove('b')), ['c'])
  assert.deepEqual(uids(graph.remove('c')), [])
  assert.equal([...graph.nodes()].length, 0)
})

test('a foreground delete makes its dependents worth a look, and each that goes the owner', () => {
  const graph = new OwnerGraph()
  graph.put(kind, object('b', ['a']))
  const deleting = object('a', [], { deletionTimestamp: 't', finalizers: ['foregroundDeletion'] })
  assert.deepEqual(uids(graph.put(kind, deleting)), ['a', 'b'])
  assert.deepEqual(uids(graph.put(kind, deleting)), [])
  assert.deepEqual(uids(graph.remove('b')), ['a'])
})

test('references that change are followed', () => {
  const graph = new OwnerGraph()
  graph.put(kind, object('b', ['a']))
  graph.put(kind, object('b', ['c']))
  assert.deepEqual(uids(graph.dependentsOf('a')), [])
  assert.deepEqual(uids(graph.dependentsOf('c')), ['b'])
  graph.put(kind, object('b'))
  assert.deepEqual(uids(graph.dependentsOf('c')), [])
})

test('an object is kept, unlinked or deleted by the state of its owners', () => {
  const cases: [OwnerState[], boolean, object, object][] = [
    [[], false, {}, { action: 'keep' }],
    [['solid'], false, {}, { action: 'keep' }],
    [['solid', 'absent'], false, {}, { action: 'unlink', uids: ['o1'] }],
    [['solid', 'waiting'], true, {}, { action: 'unlink', uids: ['o1'] }],
    [['absent'], true, {}, { action: 'delete', propagationPolicy: 'Background' }],
    [['absent', 'absent'], false, {}, { action: 'delete', propagationPolicy: 'Background' }],
    [['waiting'], false, {}, { action: 'delete', propagationPolicy: 'Background' }],
    [['waiting', 'absent'], true, {}, { action: 'delete', propagationPolicy: 'Foreground' }],
    [['absent'], false, { finalizers: ['orphan'] }, { action: 'delete', propagationPolicy: 'Orphan' }],
    [['absent'], false, { finalizers: ['foregroundDeletion'] }, { action: 'delete', propagationPolicy: 'Foreground' }],
    [['absent'], false, { deletionTimestamp: 't' }, { action: 'keep' }],
  ]
  for (const [states, hasDependents, meta, expected] of cases) {
    const owners = states.map((state, i) => ({ owner: { uid: `o${i}`, name: '', kind: '', apiVersion: '' }, state }))
    assert.deepEqual(decide(object('x', [], meta), owners, hasDependents), expected, JSON.stringify([states, meta]))
  }
})
