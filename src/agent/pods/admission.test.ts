import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../api/kinds/pod.ts'
import { admit } from './admission.ts'

const node = { name: 'n1', labels: { disk: 'ssd' }, allocatable: { cpu: '2', memory: '1Gi', pods: '3' } }
const pod = (requests: object, spec: object = {}) =>
  ({
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'a', resources: { requests } }], ...spec },
  }) as unknown as Pod
const reason = (p: Pod, others: Pod[] = []) => admit(p, others, node)?.reason

test('a pod that fits beside the others is admitted', () => {
  assert.equal(reason(pod({ cpu: '1', memory: '512Mi' }), [pod({ cpu: '1' })]), undefined)
})

test('a pod that does not fit is refused with the resource and the figures', () => {
  assert.equal(reason(pod({ cpu: '1500m' }), [pod({ cpu: '1' })]), 'OutOfcpu')
  assert.equal(reason(pod({ memory: '2Gi' })), 'OutOfmemory')
  assert.equal(reason(pod({ 'example.com/gpu': '1' })), 'OutOfexample.com/gpu')
  assert.equal(reason(pod({}), [pod({}), pod({}), pod({})]), 'OutOfpods')
})

test('a pod for another kind of node is refused', () => {
  assert.equal(reason(pod({}, { nodeSelector: { disk: 'hdd' } })), 'NodeAffinity')
  assert.equal(reason(pod({}, { nodeSelector: { disk: 'ssd' } })), undefined)
  const affinity = (values: string[]) => ({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator: 'In', values }] }],
        },
      },
    },
  })
  assert.equal(reason(pod({}, affinity(['ssd']))), undefined)
  assert.equal(reason(pod({}, affinity(['hdd']))), 'NodeAffinity')
})
