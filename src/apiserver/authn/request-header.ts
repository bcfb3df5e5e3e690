// Users whom a front proxy names: it has authenticated them, and says so in headers. Believed only over a connection with a client
// certificate of the front proxy's own authority, and of an allowed name. k8s: header names as in the ConfigMap
// kube-system/extension-apiserver-authentication, by which aggregated servers believe this one.
import type { UserInfo } from '../../api/wire.ts'
import type { Authenticator } from './authenticator.ts'
import { sentHeaders, unescapedKey } from './sent-headers.ts'

const PREFIX = 'x-remote-'
const USER = 'x-remote-user'
const UID = 'x-remote-uid'
const GROUP = 'x-remote-group'
const EXTRA = 'x-remote-extra-'

/** What front proxies' certificates may be called. */
export const FRONT_PROXY_NAMES: readonly string[] = ['front-proxy-client']

export function requestHeaderAuthenticator(allowedNames: readonly string[] = FRONT_PROXY_NAMES): Authenticator {
  return {
    name: 'request header',
    async authenticate(_ctx, { peer, headers, rawHeaders }) {
      if (!peer?.frontProxy) return 'none'
      if (allowedNames.length > 0 && !allowedNames.includes(peer.commonName)) return 'invalid'
      return userOf(valuesOf(headers, rawHeaders)) ?? 'none'
    },
  }
}

function userOf(values: ReadonlyMap<string, readonly string[]>): UserInfo | undefined {
  const first = (name: string) => values.get(name)?.find((value) => value !== '') ?? ''
  const name = first(USER)
  if (name === '') return undefined
  const uid = first(UID)
  const extra: Record<string, string[]> = Object.create(null)
  for (const [header, sent] of values) {
    if (header.startsWith(EXTRA)) extra[unescapedKey(header.slice(EXTRA.length))] = [...sent]
  }
  const hasExtra = Object.keys(extra).length > 0
  return { name, ...(uid ? { uid } : {}), groups: [...(values.get(GROUP) ?? [])], ...(hasExtra ? { extra } : {}) }
}

/** Each header as often as it was sent; without `rawHeaders` what came several times is one value. */
function valuesOf(
  headers: Readonly<Record<string, string | undefined>>,
  rawHeaders: readonly string[] = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [name, value],
  ),
): Map<string, string[]> {
  return sentHeaders(rawHeaders, PREFIX)
}
