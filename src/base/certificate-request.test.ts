import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseCertificateRequest } from './certificate-request.ts'

// Made by OpenSSL: P-256, O=system:nodes, CN=system:node:n1, with names of every sort.
const NODE = `-----BEGIN CERTIFICATE REQUEST-----
MIIBNDCB2wIBADAwMRUwEwYDVQQKDAxzeXN0ZW06bm9kZXMxFzAVBgNVBAMMDnN5
c3RlbTpub2RlOm4xMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEM0kQ6rUIVS6v
xt1j+KbCoBiCMC1qJQabYmsQzWzSvf+IXlySSFXv3atUUGnhFfUyMN3+X0+ZOybF
RcO3cM0nuqBJMEcGCSqGSIb3DQEJDjE6MDgwNgYDVR0RBC8wLYICbjGHBAoAAAGH
EP0AAAAAAAAAAAAAAAAAAAGBA2FAYoYKc3BpZmZlOi8veDAKBggqhkjOPQQDAgNI
ADBFAiEAzY//eS+gZhWkDjcG16CBbP7VpPx62YrmcO+kPxoGRp0CIGfv23twCTgj
VN5j52tEwXUDHkQ3cncszIYSZOhFvuZu
-----END CERTIFICATE REQUEST-----
`

describe('certificate requests', () => {
  it('say whom they are for', () => {
    const { subject, publicKey, alternativeNames, ...names } = parseCertificateRequest(NODE)
    assert.deepEqual(names, {
      commonName: 'system:node:n1',
      organizations: ['system:nodes'],
      dnsNames: ['n1'],
      addresses: ['10.0.0.1', 'fd00::1'],
      emails: ['a@b'],
      uris: ['spiffe://x'],
    })
    assert.ok(subject.length > 0 && publicKey.length === 91 && alternativeNames!.length > 0)
  })

  it('must be signed by the key they name', () => {
    const der = Buffer.from(NODE.replace(/-----[^-]+-----/g, ''), 'base64')
    const pem = (bytes: Buffer) =>
      `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
    assert.ok(parseCertificateRequest(pem(der)))
    const at = der.indexOf('system:node:n1')
    const forged = Buffer.from(der)
    forged.write('2', at + 13)
    assert.throws(() => parseCertificateRequest(pem(forged)), /the signature .* is not that of its key/)
    for (let cut = 0; cut < der.length; cut += 7) {
      assert.throws(() => parseCertificateRequest(pem(der.subarray(0, cut))), Error, `cut after ${cut} bytes`)
    }
    // All that is signed, and then the signature's own bytes.
    for (let at = 0; at < der.length; at += 3) {
      const changed = Buffer.from(der)
      changed[at]! ^= 0x15
      assert.throws(() => parseCertificateRequest(pem(changed)), Error, `changed at ${at}`)
    }
  })

  it('are PEM of their own kind', () => {
    assert.throws(() => parseCertificateRequest('rubbish'), /PEM block type must be CERTIFICATE REQUEST/)
    assert.throws(
      () => parseCertificateRequest(NODE.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE')),
      /PEM block type/,
    )
  })
})
