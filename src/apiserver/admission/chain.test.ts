// The chain itself: who is asked, and in which order.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '../../api/kinds/config-map.ts'
import type { Kind } from '../../api/kinds/kind.ts'
import { Pod } from '../../api/kinds/pod.ts'
import { type AdmissionPlugin, type AdmissionRequest, admissionChain } from './admission.ts'

const request = (kind: unknown) =>
  ({ kind, rounds: { round: 0, again: false, touched: false, memory: new Map() } }) as unknown as AdmissionRequest

test('a plug-in is asked about the kinds that concern it, in its turn, and once per kind whether they do', async () => {
  const heard: string[] = []
  const asked: string[] = []
  const plugin = (name: string, only?: unknown): AdmissionPlugin => {
    const hear = (step: string) => (request: AdmissionRequest) => {
      heard.push(`${name} ${step} ${request.kind.kind}`)
    }
    const concerns = (kind: Kind) => {
      asked.push(`${name} ${kind.kind}`)
      return (kind as unknown) === only
    }
    return { name, mutate: hear('mutate'), validate: hear('validate'), ...(only ? { concerns } : {}) }
  }
  const chain = admissionChain([plugin('pods', Pod), plugin('all'), plugin('maps', ConfigMap)])
  for (const kind of [Pod, ConfigMap, Pod]) await chain.mutate(request(kind))
  await chain.validate(request(ConfigMap))
  assert.deepEqual(heard, [
    'pods mutate Pod',
    'all mutate Pod',
    'all mutate ConfigMap',
    'maps mutate ConfigMap',
    'pods mutate Pod',
    'all mutate Pod',
    'all validate ConfigMap',
    'maps validate ConfigMap',
  ])
  assert.deepEqual(asked, ['pods Pod', 'maps Pod', 'pods ConfigMap', 'maps ConfigMap'])
})
