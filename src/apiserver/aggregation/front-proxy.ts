// How an aggregated server is told on whose behalf a request comes: headers with the user, believed because of the client certificate
// of the front proxy; and the objects from which such a server learns whom to believe.
import type { UserInfo } from '../../api/wire.ts'
import { FRONT_PROXY_NAMES } from '../authn/request-header.ts'
import type { WantedObject } from '../bootstrap/objects.ts'

const USER = 'X-Remote-User'
const UID = 'X-Remote-Uid'
const GROUP = 'X-Remote-Group'
const EXTRA = 'X-Remote-Extra-'

/** Sent by a client itself they would claim an identity. */
export const claimsIdentity = (header: string): boolean => header.startsWith('x-remote-')

export function userHeaders({ name, uid, groups, extra = {} }: UserInfo): Record<string, string | string[]> {
  const extras = Object.entries(extra).map(([key, values]) => [EXTRA + headerKey(key), values.map(headerValue)])
  return {
    [USER]: headerValue(name),
    ...(uid ? { [UID]: headerValue(uid) } : {}),
    ...(groups.length > 0 ? { [GROUP]: groups.map(headerValue) } : {}),
    ...Object.fromEntries(extras),
  }
}

/** k8s: what no header's name may have stands percent-encoded. */
const headerKey = (key: string): string =>
  [...Buffer.from(key)]
    .map((byte) => {
      const char = String.fromCharCode(byte)
      return /[!#$&'*+\-.^_`|~0-9A-Za-z]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')

/** Header values are bytes: UTF-8, one character per byte. */
const headerValue = (text: string): string =>
  Buffer.from(text)
    .toString('latin1')
    .replace(/[\r\n\0]/g, ' ')

const NAMESPACE = 'kube-system'
const NAME = 'extension-apiserver-authentication'

export interface Authorities {
  /** PEM of the authority of client certificates. */
  readonly clients: string
  readonly frontProxy: string
}

/** What an aggregated server reads at its start to know clients and this server. */
export const authenticationConfigMap = ({ clients, frontProxy }: Authorities): WantedObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: NAME, namespace: NAMESPACE },
  data: {
    'client-ca-file': clients,
    'requestheader-allowed-names': JSON.stringify(FRONT_PROXY_NAMES),
    'requestheader-client-ca-file': frontProxy,
    'requestheader-extra-headers-prefix': JSON.stringify([EXTRA]),
    'requestheader-group-headers': JSON.stringify([GROUP]),
    'requestheader-uid-headers': JSON.stringify([UID]),
    'requestheader-username-headers': JSON.stringify([USER]),
  },
})
