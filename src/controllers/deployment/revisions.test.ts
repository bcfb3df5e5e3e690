import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyDeployment, AnyReplicaSet } from './counts.ts'
import {
  newSetAnnotations,
  newSetFor,
  nextRevision,
  planCleanup,
  REVISION,
  REVISION_HISTORY,
  splitSets,
} from './revisions.ts'

const template = (image: string, labels = {}) => ({
  metadata: { labels: { app: 'web', ...labels } },
  spec: { containers: [{ name: 'c', image }] },
})
const deployment = (image: string, extra: object = {}) =>
  ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      namespace: 'blue',
      uid: 'u',
      annotations: {
        'kubernetes.io/change-cause': 'because',
        'kubectl.kubernetes.io/last-applied-configuration': '{}',
      },
    },
    spec: { replicas: 4, selector: { matchLabels: { app: 'web' } }, template: template(image), ...extra },
  }) as unknown as AnyDeployment
const set = (name: string, image: string, annotations: object = {}, extra: object = {}) =>
  ({
    metadata: { name, annotations, creationTimestamp: '2026-01-01T00:00:00Z', generation: 1, ...extra },
    spec: { replicas: 0, template: template(image, { 'pod-template-hash': name }) },
    status: { replicas: 0, observedGeneration: 1 },
  }) as unknown as AnyReplicaSet

test('the set of the current template is found in spite of its hash label', () => {
  const [a, b] = [set('a', 'nginx:1'), set('b', 'nginx:2')]
  assert.deepEqual(splitSets(deployment('nginx:2'), [a, b]), { newSet: b, oldSets: [a] })
  assert.equal(splitSets(deployment('nginx:3'), [a, b]).newSet, undefined)
})

test('a new set has the hash in name, labels and selector, the surge in its size, and the annotations of its sizes', () => {
  const made = newSetFor(deployment('nginx:2'), [set('a', 'nginx:1', { [REVISION]: '3' })])
  const hash = made.metadata.labels?.['pod-template-hash']
  assert.match(hash!, /^[bcdfghjklmnpqrstvwxz2456789]+$/)
  assert.equal(made.metadata.name, `web-${hash}`)
  assert.equal(made.spec.selector.matchLabels?.['pod-template-hash'], hash)
  assert.equal(made.spec.template?.metadata?.labels?.['pod-template-hash'], hash)
  assert.equal(made.spec.replicas, 4)
  assert.deepEqual(made.metadata.annotations, {
    'kubernetes.io/change-cause': 'because',
    'deployment.kubernetes.io/revision': '4',
    'deployment.kubernetes.io/desired-replicas': '4',
    'deployment.kubernetes.io/max-replicas': '5',
  })
  const collided = { ...deployment('nginx:2'), status: { collisionCount: 1 } } as AnyDeployment
  assert.notEqual(newSetFor(collided, []).metadata.name, made.metadata.name)
})

test('an old set that becomes the newest again gets a new revision and remembers the one it had', () => {
  const old = set('a', 'nginx:1', { [REVISION]: '1' })
  const revision = nextRevision([set('b', 'nginx:2', { [REVISION]: '2' })])
  const annotations = newSetAnnotations(deployment('nginx:1'), old, revision)
  assert.equal(annotations[REVISION], '3')
  assert.equal(annotations[REVISION_HISTORY], '1')
  const again = newSetAnnotations(deployment('nginx:1'), set('a', 'nginx:1', { ...annotations, [REVISION]: '3' }), 5)
  assert.equal(again[REVISION_HISTORY], '1,3')
  assert.equal(newSetAnnotations(deployment('nginx:1'), set('a', 'nginx:1', { [REVISION]: '7' }), 5)[REVISION], '7')
})

test('the revision history does not grow for ever', () => {
  const history = Array.from({ length: 900 }, (_, i) => i).join(',')
  const annotations = newSetAnnotations(
    deployment('x'),
    set('a', 'x', { [REVISION]: '900', [REVISION_HISTORY]: history }),
    901,
  )
  assert.ok(annotations[REVISION_HISTORY]!.length <= 2000)
  assert.ok(annotations[REVISION_HISTORY]!.endsWith(',899,900'))
})

test('only empty, observed sets past the limit are cleaned up, oldest revision first', () => {
  const sets = [
    set('r3', 'c', { [REVISION]: '3' }),
    set('r1', 'a', { [REVISION]: '1' }),
    set('r2', 'b', { [REVISION]: '2' }),
  ]
  const names = (limit: number | undefined, candidates = sets) =>
    planCleanup(deployment('d', { revisionHistoryLimit: limit }), candidates).map((s) => s.metadata.name)
  assert.deepEqual(names(1), ['r1', 'r2'])
  assert.deepEqual(names(0), ['r1', 'r2', 'r3'])
  assert.deepEqual(names(undefined), [])
  assert.deepEqual(names(2 ** 31 - 1), [])
  const unobserved = { ...sets[1]!, metadata: { ...sets[1]!.metadata, generation: 2 } } as AnyReplicaSet
  assert.deepEqual(names(1, [sets[0]!, unobserved, sets[2]!]), ['r2'])
})
