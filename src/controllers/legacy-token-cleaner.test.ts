import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Secret } from '../api/kinds/secret.ts'
import { plan } from './legacy-token-cleaner.ts'

describe('tokens in Secrets', () => {
  const DAY = 24 * 3600_000
  const now = Date.UTC(2026, 5, 15)
  const secret = (creationTimestamp: string, labels: Record<string, string> = {}) =>
    ({ metadata: { name: 's', creationTimestamp, labels } }) as unknown as Secret
  const used = (day: string) => ({ 'kubernetes.io/legacy-token-last-used': day })
  const invalid = (day: string) => ({ 'kubernetes.io/legacy-token-invalid-since': day })
  const wait = (ms: number) => ({ do: 'wait', ms })

  it('are marked when nobody has used them for a year, and removed when nobody has minded for another', () => {
    const old = '2020-01-01T00:00:00Z'
    assert.deepEqual(plan(secret(old), '2020-01-01', now), { do: 'mark' })
    assert.deepEqual(plan(secret(old, used('2025-06-15')), '2020-01-01', now), { do: 'mark' })
    assert.deepEqual(plan(secret(old, used('2025-06-16')), '2020-01-01', now), wait(DAY))
    assert.deepEqual(plan(secret(old, invalid('2025-06-16')), '2020-01-01', now), wait(DAY))
    assert.deepEqual(plan(secret(old, invalid('2025-06-15')), '2020-01-01', now), { do: 'remove' })
    const revived = { ...used('2026-01-01'), ...invalid('2024-01-01') }
    assert.deepEqual(plan(secret(old, revived), '2020-01-01', now), wait(200 * DAY), 'used since')
    assert.deepEqual(plan(secret(old, invalid('soon')), '2020-01-01', now), { do: 'mark' })
  })

  it('stay while they are young, or their use is not known for long enough', () => {
    assert.deepEqual(plan(secret('2025-06-15T12:00:00Z'), '2020-01-01', now), wait(DAY / 2))
    assert.deepEqual(plan(secret('2020-01-01T00:00:00Z'), '2025-07-01', now), wait(16 * DAY))
    assert.deepEqual(plan(secret('2020-01-01T00:00:00Z'), undefined, now), wait(DAY))
    assert.deepEqual(plan(secret('2020-01-01T00:00:00Z'), 'lately', now), wait(DAY))
    assert.deepEqual(plan(secret('2020-01-01T00:00:00Z', used('lately')), '2020-01-01', now), wait(DAY))
  })
})
