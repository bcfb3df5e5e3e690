import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import type { Secret } from '../../api/kinds/secret.ts'
import { signedData } from './bootstrap-signer.ts'
import { bootstrapToken } from './bootstrap-token.ts'

const NOW = Date.UTC(2026, 0, 1)
const secret = (id: string, data: Record<string, string>) =>
  ({
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(
      Object.entries({ 'token-id': id, 'token-secret': 's'.repeat(16), ...data }).map(([key, value]) => [
        key,
        Buffer.from(value).toString('base64'),
      ]),
    ),
  }) as unknown as Secret

describe('cluster-info', () => {
  it('is signed with each token that signs, and with no other', () => {
    const signing = { 'usage-bootstrap-signing': 'true' }
    const tokens = [
      secret('aaaaaa', signing),
      secret('bbbbbb', { ...signing, expiration: '2026-01-01T00:00:00Z' }),
      secret('cccccc', {}),
    ].flatMap((one) => bootstrapToken(one) ?? [])
    const data = signedData({ kubeconfig: 'K', other: 'x', 'jws-kubeconfig-zzzzzz': 'old' }, tokens, NOW)
    assert.deepEqual(Object.keys(data), ['kubeconfig', 'other', 'jws-kubeconfig-aaaaaa'])
    const [head, middle, signature] = data['jws-kubeconfig-aaaaaa']!.split('.')
    assert.deepEqual(JSON.parse(Buffer.from(head!, 'base64url').toString()), { alg: 'HS256', kid: 'aaaaaa' })
    assert.equal(middle, '')
    const expected = createHmac('sha256', 's'.repeat(16)).update(`${head}.${Buffer.from('K').toString('base64url')}`)
    assert.equal(signature, expected.digest('base64url'))
  })

  it('tokens are Secrets of their type in kube-system; a time that cannot be read has passed', () => {
    assert.equal(bootstrapToken({ ...secret('aaaaaa', {}), type: 'Opaque' }), undefined)
    assert.equal(bootstrapToken(secret('aaaaaa', { expiration: 'soon' }))?.expiresMs, 0)
    assert.equal(bootstrapToken(secret('aaaaaa', {}))?.expiresMs, undefined)
  })
})
