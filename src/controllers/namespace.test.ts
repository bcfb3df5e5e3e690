import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builtinKinds } from '../api/kinds/builtin.ts'
import { deletableKinds, deletionConditions, isNamespaced } from './namespace.ts'

const shown = (conditions: ReturnType<typeof deletionConditions>) =>
  Object.fromEntries(conditions.map((c) => [c.type, `${c.status} ${c.reason}: ${c.message}`]))

test('an empty namespace says so in five conditions', () => {
  assert.deepEqual(shown(deletionConditions(undefined, { remaining: [], failures: [] }, 0)), {
    NamespaceDeletionDiscoveryFailure: 'False ResourcesDiscovered: All resources successfully discovered',
    NamespaceDeletionGroupVersionParsingFailure: 'False ParsedGroupVersions: All legacy kube types successfully parsed',
    NamespaceDeletionContentFailure:
      'False ContentDeleted: All content successfully deleted, may be waiting on finalization',
    NamespaceContentRemaining: 'False ContentRemoved: All content successfully removed',
    NamespaceFinalizersRemaining: 'False ContentHasNoFinalizers: All content-preserving finalizers finished',
  })
})

test('what is left is named with its finalizers', () => {
  const remaining = [
    { resource: 'pods.', count: 2, finalizers: new Map([['example.com/hold', 1]]) },
    { resource: 'jobs.batch', count: 1, finalizers: new Map([['example.com/hold', 1]]) },
  ]
  const conditions = shown(deletionConditions(undefined, { remaining, failures: [new Error('refused')] }, 0))
  assert.equal(
    conditions['NamespaceContentRemaining'],
    'True SomeResourcesRemain: Some resources are remaining: pods. has 2 resource instances, jobs.batch has 1 resource instances',
  )
  assert.equal(
    conditions['NamespaceFinalizersRemaining'],
    'True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/hold in 2 resource instances',
  )
  assert.equal(
    conditions['NamespaceDeletionContentFailure'],
    'True ContentDeletionFailed: Failed to delete all resource types, 1 remaining: refused',
  )
})

test('every stored namespaced kind is emptied, shown once', () => {
  const names = deletableKinds(builtinKinds)
    .filter(isNamespaced)
    .map((kind) => kind.kind)
  for (const kind of ['Pod', 'ConfigMap', 'Secret', 'Event', 'Deployment', 'Lease', 'EndpointSlice', 'RoleBinding']) {
    assert.equal(names.filter((name) => name === kind).length, 1, kind)
  }
  for (const kind of ['Node', 'LocalSubjectAccessReview']) assert.ok(!names.includes(kind), kind)
})

test('servers that can’t say what they serve are named', () => {
  const undiscovered = new Map([
    ['metrics.k8s.io/v1beta1', 'stale GroupVersion discovery: metrics.k8s.io/v1beta1'],
    ['a.example.com/v1', 'stale GroupVersion discovery: a.example.com/v1'],
  ])
  const conditions = shown(deletionConditions(undefined, { remaining: [], failures: [], undiscovered }, 0))
  assert.equal(
    conditions['NamespaceDeletionDiscoveryFailure'],
    'True DiscoveryFailed: Discovery failed for some groups, 2 failing: unable to retrieve the complete list of server APIs: ' +
      'a.example.com/v1: stale GroupVersion discovery: a.example.com/v1, ' +
      'metrics.k8s.io/v1beta1: stale GroupVersion discovery: metrics.k8s.io/v1beta1',
  )
})
