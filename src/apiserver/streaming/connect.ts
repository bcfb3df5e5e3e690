// The checks before a connection to a pod, service or node is let through: may the user, does admission agree, where does it lead.
import { pathNotFound, StatusError, serviceUnavailable } from '../../api/meta/errors.ts'
import type { ApiRequest } from '../../api/wire.ts'
import type { Logger } from '../../base/log.ts'
import type { Aggregator } from '../aggregation/aggregator.ts'
import { type Authorize, requireAccess } from '../authorize.ts'
import type { Call, Registry } from '../registry/call.ts'
import { parseRequestInfo } from '../request-info.ts'
import { admitConnect } from './connect-options.ts'
import type { NodeConnections } from './node-connection.ts'
import { type Upstream, upstreamOf } from './upstream.ts'

const CONNECTABLE: ReadonlySet<string> = new Set(['exec', 'attach', 'portforward', 'proxy'])

export interface ConnectParts {
  readonly registry: Registry
  readonly authorize: Authorize
  readonly nodes: NodeConnections
  readonly aggregator: Aggregator
  readonly log: Logger
}

/** @throws StatusError */
export async function connect(
  { registry, authorize, nodes, aggregator, log }: ConnectParts,
  request: ApiRequest,
): Promise<Upstream> {
  const info = parseRequestInfo(request.method, request.path, request.query)
  await requireAccess(authorize, request.user, info)
  const remote = aggregator.remoteFor(request.path)
  if (remote) {
    const { upgradeTo } = await import('../aggregation/aggregated-request.ts')
    const upstream = await upgradeTo(remote, request)
    if (!upstream) throw serviceUnavailable('service unavailable')
    return upstream
  }
  // k8s: a WebSocket upgrade is a GET, but running something in a pod takes the right to create.
  if (info.verb === 'get' && info.subresource !== 'proxy')
    await requireAccess(authorize, request.user, { ...info, verb: 'create' })
  const kind = registry.resources.find(info.group, info.version, info.resource)
  if (!kind || !CONNECTABLE.has(info.subresource)) throw pathNotFound()
  if (!(kind.subresources as readonly string[]).includes(info.subresource)) throw pathNotFound()
  if (info.verb !== 'get' && info.verb !== 'create' && info.subresource !== 'proxy') {
    throw new StatusError(
      405,
      'MethodNotAllowed',
      'the server does not allow this method on the requested resource',
      {},
    )
  }
  const { user, query, signal } = request
  const call: Call = { request, info, kind, user, query, signal, log, view: 'object', warnings: [], annotations: [] }
  await admitConnect(registry, call)
  return upstreamOf(registry, call, nodes)
}
