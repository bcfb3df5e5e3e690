// Users by client certificate: the common name is the user, each organization a group. The TLS layer does the verifying; this file
// reads what it found, once per connection.
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'
import type { UserInfo } from '../../api/wire.ts'
import { type Authenticator, type PeerIdentity, withAuthenticated } from './authenticator.ts'

const identityBySocket = new WeakMap<object, PeerIdentity | 'none'>()

/**
 * The client certificate of a connection made with `requestCert: true, rejectUnauthorized: false`. @param frontProxyRoot SHA-256
 * fingerprint of the front proxy's authority, when the TLS layer trusts that as well
 */
export function peerIdentity(socket: TLSSocket, frontProxyRoot?: string): PeerIdentity | undefined {
  let identity = identityBySocket.get(socket)
  if (identity === undefined) {
    identity = readIdentity(socket, frontProxyRoot)
    identityBySocket.set(socket, identity)
  }
  return identity === 'none' ? undefined : identity
}

function readIdentity(socket: TLSSocket, frontProxyRoot: string | undefined): PeerIdentity | 'none' {
  const cert = socket.getPeerCertificate(true)
  // Node gives an empty object when the client sent none.
  if (!cert?.fingerprint256) return 'none'
  const frontProxy = socket.authorized && frontProxyRoot !== undefined && rootOf(cert) === frontProxyRoot
  return {
    commonName: first(cert.subject?.CN),
    organizations: all(cert.subject?.O),
    fingerprint: cert.fingerprint256,
    trusted: socket.authorized && !frontProxy,
    ...(frontProxy ? { frontProxy } : {}),
  }
}

/** Node shows an authority that signed itself as its own issuer. */
function rootOf(cert: DetailedPeerCertificate): string {
  let at = cert
  while (at.issuerCertificate && at.issuerCertificate.fingerprint256 !== at.fingerprint256) at = at.issuerCertificate
  return at.fingerprint256
}

const all = (value: string | string[] | undefined): string[] => (value === undefined ? [] : [value].flat())
const first = (value: string | string[] | undefined): string => all(value)[0] ?? ''

export const clientCertificate: Authenticator = {
  name: 'x509',
  authenticate(_ctx, { peer }) {
    if (!peer) return 'none'
    if (!peer.trusted || peer.commonName === '') return 'invalid'
    // The same user object for every request of a connection: what is worked out about users can be remembered by it.
    let user = userByPeer.get(peer)
    if (!user) {
      user = userOf(peer)
      userByPeer.set(peer, user)
    }
    return user
  },
}

const userByPeer = new WeakMap<PeerIdentity, UserInfo>()

function userOf({ commonName, organizations, fingerprint }: PeerIdentity): UserInfo {
  const hex = fingerprint.replaceAll(':', '').toLowerCase()
  return withAuthenticated({
    name: commonName,
    groups: organizations,
    extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${hex}`] },
  })
}
