import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../api/kinds/pod.ts'
import { containerResources, oomScoreAdj } from './resources.ts'

const pod = (...resources: object[]) =>
  ({ spec: { containers: resources.map((r, i) => ({ name: `c${i}`, resources: r })) } }) as unknown as Pod
const GiB = 2 ** 30

test('requests become shares and limits become quota and memory', () => {
  const p = pod({ requests: { cpu: '250m', memory: '64Mi' }, limits: { cpu: '500m', memory: '128Mi' } })
  const spec = p.spec!.containers[0]!
  assert.deepEqual(containerResources(p, spec, 4 * GiB), {
    cpuShares: 256,
    cpuQuotaUs: 50_000,
    cpuPeriodUs: 100_000,
    memoryLimitBytes: 128 * 2 ** 20,
    oomScoreAdj: 985,
  })
  assert.deepEqual(containerResources(pod({}), { name: 'x' }, GiB), { cpuShares: 2, oomScoreAdj: 1000 })
})

test('a tiny cpu limit still gets the smallest quota', () => {
  const p = pod({ limits: { cpu: '1m' } })
  assert.equal(containerResources(p, p.spec!.containers[0]!, GiB).cpuQuotaUs, 1000)
})

test('burstable containers are killed before guaranteed and after best-effort ones', () => {
  const small = pod({ requests: { memory: '1Ki' } })
  const huge = pod({ requests: { memory: '100Gi' } })
  assert.equal(oomScoreAdj(small, small.spec!.containers[0]!, GiB), 999)
  assert.equal(oomScoreAdj(huge, huge.spec!.containers[0]!, GiB), 3)
})
