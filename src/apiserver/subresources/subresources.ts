// Which action serves which verb of which subresource: one table.
import type { Kind } from '../../api/kinds/kind.ts'
import type { ServiceAccountTokens } from '../authn/service-account-tokens.ts'
import type { Authorize } from '../authorize.ts'
import type { Action } from '../handler.ts'
import { endpointOf } from '../registry/endpoint.ts'
import { get } from '../registry/get.ts'
import { patch } from '../registry/patch.ts'
import { update } from '../registry/update.ts'
import type { RequestInfo } from '../request-info.ts'
import { podLog } from '../streaming/log.ts'
import type { NodeConnections } from '../streaming/node-connection.ts'
import { proxy, upgradeRequired } from '../streaming/proxy.ts'
import { bind } from './binding.ts'
import { evict } from './eviction.ts'
import { getScale, patchScale, updateScale } from './scale.ts'
import { createToken } from './token.ts'

export interface SubresourceParts {
  readonly nodes: NodeConnections
  readonly tokens: ServiceAccountTokens | undefined
  readonly authorize: Authorize
}

type ByVerb = Readonly<Record<string, Action>>

export function subresourceActions({ nodes, tokens, authorize }: SubresourceParts) {
  const forward = proxy(nodes)
  const refused = upgradeRequired(nodes)
  const connect: ByVerb = { get: refused, create: refused }
  const table: Readonly<Record<string, ByVerb>> = {
    scale: { get: getScale, update: updateScale, patch: patchScale },
    binding: { create: bind },
    eviction: { create: evict },
    token: { create: createToken(tokens, authorize) },
    log: { get: podLog(nodes) },
    exec: connect,
    attach: connect,
    portforward: connect,
    proxy: { get: forward, create: forward, update: forward, patch: forward, delete: forward },
  }
  return (_kind: Kind, { subresource, verb }: RequestInfo): Action | undefined => {
    const endpoint = endpointOf(subresource)
    if (!endpoint) return table[subresource]?.[verb]
    if (verb === 'get') return get
    if (verb === 'update') return (registry, call) => update(registry, call, endpoint)
    if (verb === 'patch') return (registry, call) => patch(registry, call, endpoint)
    return undefined
  }
}
