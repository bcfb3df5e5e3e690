import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CertificateSigningRequest } from '../../api/kinds/certificate-signing-request.ts'
import type { CertificateRequest } from '../../base/certificate-request.ts'
import { deadlineMs } from './csr-cleaner.ts'
import { lifetimeSeconds, refusal } from './signer-rules.ts'

const node: CertificateRequest = {
  commonName: 'system:node:n1',
  organizations: ['system:nodes'],
  dnsNames: [],
  addresses: [],
  emails: [],
  uris: [],
  subject: Buffer.alloc(0),
  publicKey: Buffer.alloc(0),
  alternativeNames: undefined,
}
const CLIENT = 'kubernetes.io/kube-apiserver-client'
const KUBELET = 'kubernetes.io/kube-apiserver-client-kubelet'
const SERVING = 'kubernetes.io/kubelet-serving'

describe('signers', () => {
  it('have their rules', () => {
    const client = ['digital signature', 'client auth']
    const server = ['server auth', 'digital signature']
    const table: [Parameters<typeof refusal>[0], Partial<CertificateRequest>, string[], string | undefined][] = [
      [CLIENT, { commonName: 'jane', organizations: [] }, ['client auth'], undefined],
      [CLIENT, {}, ['digital signature'], 'missing required usage for client certificate: client auth'],
      [CLIENT, {}, ['client auth', 'server auth'], 'invalid usage for client certificate: server auth'],
      [KUBELET, {}, client, undefined],
      [KUBELET, {}, [...client, 'key encipherment'], undefined],
      [KUBELET, {}, ['client auth'], 'usages did not match [client auth digital signature key encipherment]'],
      [KUBELET, { organizations: ['a'] }, client, 'subject organization is not system:nodes'],
      [KUBELET, { organizations: ['system:nodes', 'a'] }, client, 'subject organization is not system:nodes'],
      [KUBELET, { commonName: 'n1' }, client, 'subject common name does not begin with system:node:'],
      [KUBELET, { dnsNames: ['a'] }, client, 'DNS subjectAltNames are not allowed'],
      [KUBELET, { addresses: ['10.0.0.1'] }, client, 'IP subjectAltNames are not allowed'],
      [KUBELET, { emails: ['a@b'] }, client, 'Email subjectAltNames are not allowed'],
      [KUBELET, { uris: ['a:b'] }, client, 'URI subjectAltNames are not allowed'],
      [SERVING, {}, server, 'DNS or IP subjectAltName is required'],
      [SERVING, { dnsNames: ['n1'] }, server, undefined],
      [SERVING, { addresses: ['10.0.0.1'], uris: ['a:b'] }, server, 'URI subjectAltNames are not allowed'],
      [SERVING, { dnsNames: ['n1'] }, client, 'usages did not match [digital signature key encipherment server auth]'],
      ['kubernetes.io/legacy-unknown', { commonName: 'x', organizations: [] }, ['any'], undefined],
    ]
    for (const [signer, change, usages, expected] of table) {
      assert.equal(refusal(signer, { ...node, ...change }, usages), expected, `${signer} ${JSON.stringify(change)}`)
    }
  })

  it('give a year, or less where asked, but no less than ten minutes', () => {
    assert.deepEqual([undefined, 3600, 1, 10 ** 9].map(lifetimeSeconds), [31_536_000, 3600, 600, 31_536_000])
  })
})

describe('requests for certificates', () => {
  it('go an hour after their end, or after a day in which nobody decided', () => {
    const at = (time: string) => `2026-01-01T${time}Z`
    const csr = (status: object) =>
      ({ metadata: { name: 'a', creationTimestamp: at('00:00:00') }, status }) as unknown as CertificateSigningRequest
    const condition = (type: string) => ({ conditions: [{ type, status: 'True', lastUpdateTime: at('02:00:00') }] })
    const hours = (status: object) => (deadlineMs(csr(status)) - Date.parse(at('00:00:00'))) / 3600_000
    assert.equal(hours({}), 24)
    assert.equal(hours(condition('Denied')), 3)
    assert.equal(hours(condition('Failed')), 3)
    assert.equal(hours(condition('Approved')), Number.POSITIVE_INFINITY)
    assert.equal(hours({ ...condition('Approved'), certificate: 'bm8=' }), 3)
  })
})
