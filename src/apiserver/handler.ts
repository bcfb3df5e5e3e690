// The whole API as one function. A request goes through these steps, in this order:
//   understand → authorise → route → (decode → default → admit → validate → store, in the verb) → answer
// Errors of any step become a Status body here. The in-process client calls it directly; the HTTP front end authenticates first.
import type { Kind, Verb } from '../api/kinds/kind.ts'
import { methodNotAllowed, pathNotFound, StatusError } from '../api/meta/errors.ts'
import { PROTOBUF_MEDIA_TYPE } from '../api/schema/protobuf.ts'
import type { ApiRequest, ApiResponse, RequestHandler } from '../api/wire.ts'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import type { Auditor, AuditRecord } from './audit/auditor.ts'
import { type Authorize, requireAccess } from './authorize.ts'
import { type FlowControl, Refused, type Ticket } from './flow/flow-control.ts'
import { type Metrics, requestLabels } from './metrics.ts'
import { errorMediaType, isPlain, type Negotiated, negotiate, PLAIN } from './negotiate.ts'
import { type Call, type Registry, RequestCall } from './registry/call.ts'
import { create } from './registry/create.ts'
import { remove } from './registry/delete.ts'
import { deleteCollection } from './registry/delete-collection.ts'
import { endpointOf, wholeObject } from './registry/endpoint.ts'
import { get } from './registry/get.ts'
import { list } from './registry/list.ts'
import { patch } from './registry/patch.ts'
import { update } from './registry/update.ts'
import { watch } from './registry/watch.ts'
import { parseRequestInfo, type RequestInfo } from './request-info.ts'
import { subresourceFacts } from './resources.ts'
import { errorResponse, textResponse } from './respond.ts'
import { warningHeader } from './warnings.ts'

/** Does what a call asks for. */
export type Action = (registry: Registry, call: Call) => Promise<ApiResponse>

/** Paths that aren't resources: discovery, OpenAPI, health, version, metrics. The first that owns a path answers. */
export interface PathHandler {
  owns(path: string): boolean
  respond(request: ApiRequest): ApiResponse | Promise<ApiResponse>
}

export interface HandlerParts {
  readonly registry: Registry
  readonly authorize: Authorize
  /** Undefined without an audit policy. */
  readonly audit?: Auditor | undefined
  readonly flow?: FlowControl | undefined
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly paths: readonly PathHandler[]
  /** Who answers a path that another server serves; undefined for this one's own. */
  readonly elsewhere: (path: string) => ((request: ApiRequest) => Promise<ApiResponse>) | undefined
  /** Undefined for a subresource that this verb has no meaning for. */
  readonly subresource: (kind: Kind, info: RequestInfo) => Action | undefined
  /** Kinds that are answered and never stored, by kind name. */
  readonly actions: Readonly<Record<string, Action>>
  /** What the front end can encode; the first is the default. */
  readonly mediaTypes: readonly string[]
}

const VERBS: Readonly<Record<Verb, Action>> = {
  get,
  list,
  watch,
  create,
  update: (registry, call) => update(registry, call, wholeObject),
  patch: (registry, call) => patch(registry, call, wholeObject),
  delete: remove,
  deletecollection: deleteCollection,
}

/** k8s: what is longer is cut. */
const MAX_AUDIT_ID = 64

export function createHandler(parts: HandlerParts): RequestHandler {
  return async (request) => {
    const { clock, metrics } = parts
    const startedMs = clock.now()
    const info = parseRequestInfo(request.method, request.path, request.query)
    const { user } = request
    // Only a request that fails is worth a log child.
    let broke: { readonly err: unknown } | undefined
    const failed = (err: unknown) => {
      const expected = err instanceof StatusError || (request.signal.aborted && err === request.signal.reason)
      const answer = errorResponse(err, parts.log.child({ user: user.name, verb: info.verb, path: request.path }))
      if (!expected && answer.status === 500) broke = { err }
      return answer
    }
    const auditId = request.headers['audit-id']?.slice(0, MAX_AUDIT_ID) || parts.registry.newUid()
    const audit = parts.audit?.begin(request, info, auditId)
    const flight = READS.has(info.verb) ? 'readOnly' : 'mutating'
    metrics.inflight[flight]++
    let ticket: Ticket | undefined
    let kind: Kind | undefined
    let response: ApiResponse
    try {
      const entering = parts.flow?.enter(request, info)
      ticket = entering instanceof Promise ? await entering : entering
      const asking = requireAccess(audit?.listening(parts.authorize) ?? parts.authorize, user, info)
      if (asking) await asking
      const elsewhere = parts.elsewhere(request.path)
      if (elsewhere) response = await elsewhere(request)
      else if (!info.isResource) response = await nonResource(parts.paths, request)
      else {
        kind = parts.registry.resources.find(info.group, info.version, info.resource)
        if (!kind && !knowsGroup(parts, info)) response = nothingThere()
        else response = await resource(parts, request, info, kind, failed, audit)
      }
    } catch (err) {
      const { signal } = request
      const left = signal.aborted && err === signal.reason
      response = failed(left ? clientGone(err) : err)
      if (err instanceof Refused) {
        Object.assign(response.headers, err.headers)
        metrics.terminations.add({ ...requestLabels(info, false), code: '429' })
      }
      response.headers['content-type'] = errorMediaType(request.headers['accept'], parts.mediaTypes)
    }
    metrics.inflight[flight]--
    response.headers['audit-id'] = auditId
    if (ticket) seated(request, response, ticket)
    if (broke) audit?.panicked(broke.err)
    else if (audit) response = audit.answered(response, kind)
    const known = kind !== undefined
    const { kind: answer } = response.body
    const seconds = answer === 'watch' || answer === 'stream' ? undefined : (clock.now() - startedMs) / 1000
    metrics.answered(info, known, response.status, seconds, flight === 'readOnly' ? sizeOf(response) : undefined)
    if (answer === 'watch') return counted(response, metrics, info, known)
    return response
  }
}

const PLACED = ['x-kubernetes-pf-flowschema-uid', 'x-kubernetes-pf-prioritylevel-uid'] as const

/** Seats are held until the answer has left; of a long one, until it has begun. */
function seated({ whenSent }: ApiRequest, response: ApiResponse, ticket: Ticket): void {
  for (const name of PLACED) response.headers[name] = ticket.headers[name]!
  const { kind } = response.body
  if (whenSent && kind !== 'watch' && kind !== 'stream') whenSent(ticket.leave)
  else ticket.leave()
}

function nonResource(paths: readonly PathHandler[], request: ApiRequest): ApiResponse | Promise<ApiResponse> {
  const owner = paths.find((handler) => handler.owns(request.path))
  if (!owner) throw pathNotFound()
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed()
  return owner.respond(request)
}

async function resource(
  parts: HandlerParts,
  request: ApiRequest,
  info: RequestInfo,
  kind: Kind | undefined,
  failed: (err: unknown) => ApiResponse,
  audit: AuditRecord | undefined,
): Promise<ApiResponse> {
  if (!kind) throw pathNotFound()
  const action = route(parts, kind, info)
  const { method } = request
  // k8s: HEAD only means something where it's passed on, and /watch/ only for reading.
  if (method === 'HEAD' ? info.subresource !== 'proxy' : info.verb === 'watch' && method !== 'GET')
    throw methodNotAllowed()
  const { mediaType, view, viewVersion } = negotiated(parts, request, info, kind)
  const call = new RequestCall(request, info, kind, parts.log, view, viewVersion)
  const response = await action(parts.registry, call).catch(failed)
  audit?.annotateAll(call.annotations)
  const headers: Record<string, string> = response.headers
  if (headers['content-type'] === 'application/json') headers['content-type'] = mediaType
  const warning = call.warnings.length > 0 ? warningHeader(call.warnings) : undefined
  if (warning) headers['warning'] = warning
  return response
}

/** k8s: groups that nobody serves are answered by the web server itself. */
const nothingThere = () => textResponse('404 page not found\n', 404)

const knowsGroup = ({ registry }: HandlerParts, { group }: RequestInfo) =>
  registry.resources.groups.some((served) => served.group === group)

/** @throws NotFound or MethodNotAllowed */
function route(parts: HandlerParts, kind: Kind, info: RequestInfo): Action {
  const namespaced = kind.scope === 'Namespaced'
  const collection = info.verb === 'create' || info.verb === 'deletecollection'
  const isNamespaceItself = kind.group === '' && kind.plural === 'namespaces'
  if (info.rest.length > 1 && info.subresource !== 'proxy') throw pathNotFound()
  if (!namespaced && info.namespace && !isNamespaceItself) throw pathNotFound()
  if (info.subresource) {
    const { subresource } = info
    if (info.verb === 'watch') throw pathNotFound()
    if (!(kind.subresources as readonly string[]).includes(subresource)) throw pathNotFound()
    if (namespaced && !info.namespace) throw pathNotFound()
    const action = parts.subresource(kind, info)
    const facts = subresourceFacts(kind, subresource as never)
    if (!action || !(facts.verbs as readonly string[]).includes(info.verb)) throw methodNotAllowed()
    return action
  }
  if (!(kind.verbs as readonly string[]).includes(info.verb)) throw methodNotAllowed()
  if ((info.verb === 'update' || info.verb === 'patch') && !info.name) throw methodNotAllowed()
  if (namespaced && !info.namespace) {
    if (collection) throw methodNotAllowed()
    if (info.verb !== 'list' && info.verb !== 'watch') throw pathNotFound()
  }
  if (info.verb === 'create' && info.name && !isNamespaceItself) throw methodNotAllowed()
  return parts.actions[kind.kind] ?? VERBS[info.verb as Verb]
}

const clientGone = (cause: unknown) => new StatusError(499, 'Timeout', 'the client closed the request', {}, { cause })

/** Connections to pods and log streams answer with whatever the other side sends. */
const OPAQUE: ReadonlySet<string> = new Set(['log', 'exec', 'attach', 'portforward', 'proxy'])

function negotiated(parts: HandlerParts, request: ApiRequest, info: RequestInfo, kind: Kind): Negotiated {
  const accept = request.headers['accept']
  if (isPlain(accept) || OPAQUE.has(info.subresource)) return PLAIN
  const builtin = kind.schema.name !== ''
  const { verb } = info
  const isList = verb === 'list' || verb === 'deletecollection'
  const plain = kind.kind in parts.actions || (info.subresource !== '' && !endpointOf(info.subresource))
  return negotiate(accept, {
    // k8s: custom resources have no protobuf.
    mediaTypes: builtin ? parts.mediaTypes : parts.mediaTypes.filter((type) => type !== PROTOBUF_MEDIA_TYPE),
    answer: verb === 'watch' ? 'watch' : isList ? 'list' : plain ? 'plain' : 'object',
    builtin,
    typeName: builtin
      ? `*${kind.group.split('.')[0] || 'core'}.${isList ? kind.listKind : kind.kind}`
      : `*unstructured.Unstructured${isList ? 'List' : ''}`,
  })
}

const READS: ReadonlySet<string> = new Set(['get', 'list', 'watch'])

/** Of answers whose bytes are there already. */
function sizeOf({ body }: ApiResponse): number | undefined {
  if (body.kind === 'object') return body.json?.byteLength
  if (body.kind === 'bytes') return body.bytes.byteLength
  if (body.kind !== 'list') return undefined
  let sizeBytes = 0
  for (const { json } of body.items) sizeBytes += json.byteLength
  return sizeBytes
}

function counted(response: ApiResponse, metrics: Metrics, info: RequestInfo, known: boolean): ApiResponse {
  if (response.body.kind !== 'watch') return response
  const { events } = response.body
  const { group, version, resource } = info
  const labels = requestLabels(info, known)
  const sent = metrics.watchEvents.cell({ group, version, resource: known ? resource : '' })
  async function* counting() {
    metrics.longRunning.add(labels, 1)
    try {
      for await (const event of events) {
        sent.value++
        yield event
      }
    } finally {
      metrics.longRunning.add(labels, -1)
    }
  }
  return { ...response, body: { kind: 'watch', events: counting() } }
}
