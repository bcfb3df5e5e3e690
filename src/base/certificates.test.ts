import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import {
  type CertificateSpec,
  createAuthority,
  inspectCertificate,
  issueCertificate,
  renewalAtMs,
  whyReplace,
} from './certificates.ts'

const NOW = Date.UTC(2026, 5, 1)
const DAY = 24 * 3600_000
const spec: CertificateSpec = {
  commonName: 'kubernetes-admin',
  organizations: ['kubeadm:cluster-admins', 'second'],
  dnsNames: ['localhost', 'a.example'],
  addresses: ['10.96.0.1', 'fd00:0:0::1'],
  usages: ['server', 'client'],
  lifetimeMs: 90 * DAY,
}
const authority = await createAuthority('kubernetes', 3650 * DAY, NOW)
const pair = await issueCertificate(authority, spec, NOW)

describe('certificates', () => {
  it('an issued certificate says what was asked for and is signed by the authority', () => {
    assert.deepEqual(inspectCertificate(pair.cert), {
      commonName: 'kubernetes-admin',
      organizations: ['kubeadm:cluster-admins', 'second'],
      dnsNames: ['localhost', 'a.example'],
      addresses: ['10.96.0.1', 'fd00::1'],
      notBeforeMs: NOW - 5 * 60_000,
      notAfterMs: NOW + 90 * DAY,
    })
    const [cert, ca] = [new X509Certificate(pair.cert), new X509Certificate(authority.cert)]
    assert.ok(cert.checkIssued(ca))
    assert.ok(cert.verify(ca.publicKey))
    assert.ok(ca.ca)
    assert.equal(cert.ca, false)
    assert.deepEqual(cert.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
    assert.equal(cert.issuer, ca.subject)
  })

  it('a certificate never outlives its authority, and no two have the same number', async () => {
    const brief = await createAuthority('brief', DAY, NOW)
    const one = await issueCertificate(brief, spec, NOW)
    const two = await issueCertificate(brief, spec, NOW)
    assert.equal(inspectCertificate(one.cert).notAfterMs, NOW + DAY)
    assert.notEqual(new X509Certificate(one.cert).serialNumber, new X509Certificate(two.cert).serialNumber)
  })

  it('a key of another authority is refused', async () => {
    const other = await createAuthority('kubernetes', DAY, NOW)
    await assert.rejects(issueCertificate({ cert: authority.cert, key: other.key }, spec, NOW), /does not belong/)
  })

  it('a pair is replaced exactly when it no longer fits', async () => {
    const why = (change: Partial<CertificateSpec> = {}, given = pair, nowMs = NOW) =>
      whyReplace(given, authority.cert, { ...spec, ...change }, nowMs)
    assert.equal(why(), undefined)
    assert.equal(why({ dnsNames: ['localhost'] }), undefined, 'names that are no longer wanted do no harm')
    assert.equal(why({ addresses: ['10.96.0.1', '192.0.2.7'] }), 'it lacks 192.0.2.7')
    assert.equal(why({ commonName: 'other' }), 'it names another subject')
    assert.equal(why({}, { ...pair, key: authority.key }), 'its key does not belong to it')
    assert.equal(why({}, { ...pair, cert: 'nonsense' }), 'it is unreadable')
    const foreign = await issueCertificate(await createAuthority('kubernetes', DAY * 99, NOW), spec, NOW)
    assert.equal(why({}, foreign), 'it was signed by another authority')
    const dueMs = renewalAtMs(inspectCertificate(pair.cert))
    assert.equal(why({}, pair, dueMs - 1), undefined)
    assert.equal(why({}, pair, dueMs), 'it expires soon')
    assert.ok(Math.abs(dueMs - (NOW + 60 * DAY)) < DAY)
    assert.equal(why({}, pair, NOW - DAY), 'it is not valid yet')
  })
})
