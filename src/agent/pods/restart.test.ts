import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../api/kinds/pod.ts'
import { type Backoff, raise, restarts, retryAtMs } from './restart.ts'

test('the back-off starts at 10 s, doubles and stops at 5 min', () => {
  let backoff: Backoff | undefined
  const delays: number[] = []
  for (let n = 0; n < 7; n++) {
    backoff = raise(backoff, n * 1000)
    delays.push(backoff.delayMs / 1000)
  }
  assert.deepEqual(delays, [10, 20, 40, 80, 160, 300, 300])
})

test('the first failure is retried at once, later ones after the delay, and ten quiet minutes forgive', () => {
  assert.equal(retryAtMs(undefined, 5000), undefined)
  const backoff = { delayMs: 20_000, raisedAtMs: 1000 }
  assert.equal(retryAtMs(backoff, 5000), 25_000)
  assert.equal(retryAtMs(backoff, 1000 + 600_001), undefined)
  assert.equal(raise(backoff, 1000 + 600_001).delayMs, 10_000)
})

test('the restart policy decides by role and exit code', () => {
  const pod = (restartPolicy: string) => ({ spec: { restartPolicy, containers: [] } }) as unknown as Pod
  const spec = { name: 'a' }
  const table: [string, 'init' | 'sidecar' | 'app' | 'ephemeral', number, boolean][] = [
    ['Always', 'app', 0, true],
    ['Always', 'app', 1, true],
    ['OnFailure', 'app', 0, false],
    ['OnFailure', 'app', 1, true],
    ['Never', 'app', 1, false],
    ['Always', 'init', 0, false],
    ['Always', 'init', 1, true],
    ['Never', 'init', 1, false],
    ['Never', 'sidecar', 0, true],
    ['Always', 'ephemeral', 1, false],
  ]
  for (const [policy, role, code, expected] of table)
    assert.equal(restarts(pod(policy), spec, role, code), expected, `${policy} ${role} ${code}`)
  const rules = { name: 'a', restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] }
  assert.equal(restarts(pod('Never'), rules, 'app', 42), true)
  assert.equal(restarts(pod('Never'), rules, 'app', 41), false)
})
