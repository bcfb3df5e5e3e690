import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyRuntimeClass } from './runtime-class.ts'

const spec = (more: object = {}) => ({ containers: [{ name: 'c', image: 'i' }], ...more })
const toleration = { key: 'kvm', operator: 'Exists' as const }
const heavy = {
  apiVersion: 'node.k8s.io/v1',
  kind: 'RuntimeClass',
  metadata: { name: 'heavy' },
  handler: 'h',
  overhead: { podFixed: { cpu: '10m' } },
  scheduling: { nodeSelector: { kind: 'kvm' }, tolerations: [toleration] },
} as never

test('a pod gets the overhead, the node labels and the tolerations of its class, each once', () => {
  const pod = spec({ nodeSelector: { zone: 'a' }, tolerations: [toleration] })
  assert.equal(applyRuntimeClass(pod, heavy), undefined)
  assert.deepEqual(
    pod,
    spec({ overhead: { cpu: '10m' }, nodeSelector: { zone: 'a', kind: 'kvm' }, tolerations: [toleration] }),
  )
})

test('a pod that contradicts its class is refused', () => {
  const table: [object, unknown, RegExp][] = [
    [{ overhead: { cpu: '1' } }, heavy, /Pod's Overhead doesn't match RuntimeClass's defined Overhead/],
    [{ overhead: { cpu: '1' } }, undefined, /Pod Overhead set without corresponding RuntimeClass defined Overhead/],
    [{ nodeSelector: { kind: 'other' } }, heavy, /nodeSelector\[kind\] = kvm; pod\.spec\.nodeSelector\[kind\] = other/],
  ]
  for (const [more, found, why] of table) assert.match(applyRuntimeClass(spec(more), found as never)!, why)
  assert.equal(applyRuntimeClass(spec(), undefined), undefined)
})
