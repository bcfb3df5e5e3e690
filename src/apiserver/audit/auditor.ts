// Tells the audit log about requests: `begin` when one has arrived, the record's methods as it goes on. A request that the policy
// does not want to hear of has no record, and costs nothing more.
import type { Kind } from '../../api/kinds/kind.ts'
import { parseBody } from '../../api/schema/body.ts'
import type { Status } from '../../api/types/meta.v1.ts'
import type { ApiRequest, ApiResponse } from '../../api/wire.ts'
import type { Clock } from '../../base/clock.ts'
import type { Authorize } from '../authorize.ts'
import type { Decision } from '../authz/attributes.ts'
import type { AuditAnnotation } from '../registry/call.ts'
import type { RequestInfo } from '../request-info.ts'
import { type AuditEvent, auditUser, microTime, shortUserAgent, sourceIps, withoutManagedFields } from './event.ts'
import { impersonatorOf } from './impersonators.ts'
import { type AuditDecision, type AuditPolicy, auditDecision, LEVELS, type Level, type Stage } from './policy.ts'

export interface AuditSink {
  /** One event as a line, without the line feed. Never waits, never throws. */
  write(line: string): void
  /** How many events were taken, and how many of them were lost. */
  readonly counts?: { readonly taken: number; readonly lost: number }
}

export interface AuditParts {
  readonly policy: AuditPolicy
  readonly sink: AuditSink
  readonly clock: Clock
  /** Called once per event, for metrics. */
  readonly onEvent?: (level: Level) => void
}

export class Auditor {
  readonly #parts: AuditParts

  constructor(parts: AuditParts) {
    this.#parts = parts
  }

  /** Undefined when the policy wants to know nothing of it. */
  begin(request: ApiRequest, info: RequestInfo, id: string): AuditRecord | undefined {
    // k8s: the rules are about the user who asks, not the one they act as.
    const user = impersonatorOf(request.user) ?? request.user
    const decision = auditDecision(this.#parts.policy, user, info)
    if (decision.level === 'None') return undefined
    const record = new AuditRecord(this.#parts, decision, request, info, id)
    record.stage('RequestReceived')
    return record
  }
}

const LONG_SUBRESOURCES: ReadonlySet<string> = new Set(['attach', 'exec', 'proxy', 'log', 'portforward'])

export class AuditRecord {
  readonly #parts: AuditParts
  readonly #decision: AuditDecision
  readonly #request: ApiRequest
  readonly #info: RequestInfo
  readonly #id: string
  readonly #receivedMs: number
  readonly #annotations: Record<string, string> = {}
  #ref: Record<string, string>
  #status: object | undefined
  #requestObject: unknown
  #responseObject: unknown

  constructor(parts: AuditParts, decision: AuditDecision, request: ApiRequest, info: RequestInfo, id: string) {
    this.#parts = parts
    this.#decision = decision
    this.#request = request
    this.#info = info
    this.#id = id
    this.#receivedMs = parts.clock.now()
    const { resource, namespace, name, group: apiGroup, version: apiVersion, subresource } = info
    this.#ref = info.isResource ? given({ resource, namespace, name, apiGroup, apiVersion, subresource }) : {}
  }

  /** k8s: the first value of a key stays. */
  annotate(key: string, value: string): void {
    this.#annotations[key] ??= value
  }

  annotateAll(annotations: readonly AuditAnnotation[]): void {
    for (const { key, value, level } of annotations) if (this.#has(level ?? 'Metadata')) this.annotate(key, value)
  }

  /** The same, and its decision is noted. */
  listening(authorize: Authorize): Authorize {
    return (user, attributes) => {
      const decision = authorize(user, attributes)
      if (decision instanceof Promise) return decision.then((one) => this.#decided(one))
      return this.#decided(decision)
    }
  }

  #decided(decision: Decision): Decision {
    this.annotate('authorization.k8s.io/decision', decision.allowed ? 'allow' : 'forbid')
    this.annotate('authorization.k8s.io/reason', decision.reason)
    return decision
  }

  /** The answer is there; the one returned is to be sent: of a long one, the end is told too. */
  answered(response: ApiResponse, kind: Kind | undefined): ApiResponse {
    // k8s: whoever replaces an object says which one it thinks it is, and that is told at every level.
    const wanted = this.#has('Request') || this.#info.verb === 'update'
    const sent = wanted ? requestObject(this.#request, kind) : undefined
    if (this.#has('Request')) this.#requestObject = this.#objectOf(sent)
    const { body } = response
    const object = body.kind === 'object' ? (body.object as Record<string, unknown>) : undefined
    this.#status = statusOf(response.status, object)
    if (this.#info.verb !== 'patch') this.#identify(sent, object)
    if (this.#has('RequestResponse')) this.#responseObject = this.#objectOf(responseObject(body))
    if (!this.#isLong) {
      this.stage('ResponseComplete')
      return response
    }
    this.stage('ResponseStarted')
    const complete = () => this.stage('ResponseComplete')
    if (body.kind === 'watch') return { ...response, body: { ...body, events: untilEnd(body.events, complete) } }
    if (body.kind === 'stream') return { ...response, body: { ...body, stream: untilEnd(body.stream, complete) } }
    complete()
    return response
  }

  /** The server broke. */
  panicked(err: unknown): void {
    const message = `APIServer panic'd: ${err instanceof Error ? err.message : String(err)}`
    this.#status = { metadata: {}, status: 'Failure', message, reason: 'InternalError', code: 500 }
    this.stage('Panic')
  }

  /** A connection was taken over for another protocol. */
  switched(): void {
    this.#status = { metadata: {}, code: 101 }
    this.stage('ResponseStarted')
  }

  /** A connection was refused. */
  refused(status: Status): void {
    this.#status = statusOf(status.code ?? 500, status as unknown as Record<string, unknown>)
    this.stage('ResponseComplete')
  }

  stage(stage: Stage): void {
    const { clock, sink, onEvent } = this.#parts
    const { level, omitStages } = this.#decision
    if (omitStages.includes(stage)) return
    const { path, query, user, headers, remoteAddress } = this.#request
    const search = query.toString()
    const impersonator = impersonatorOf(user)
    const ips = sourceIps(headers, remoteAddress)
    const event: AuditEvent = {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level,
      auditID: this.#id,
      stage,
      requestURI: search ? `${path}?${search}` : path,
      verb: this.#info.verb,
      user: auditUser(impersonator ?? user),
      ...(impersonator ? { impersonatedUser: auditUser(user) } : {}),
      ...(ips.length > 0 ? { sourceIPs: ips } : {}),
      ...(headers['user-agent'] ? { userAgent: shortUserAgent(headers['user-agent']) } : {}),
      ...(this.#info.isResource ? { objectRef: this.#ref } : {}),
      ...(this.#status ? { responseStatus: this.#status } : {}),
      ...(this.#requestObject === undefined ? {} : { requestObject: this.#requestObject }),
      ...(this.#responseObject === undefined ? {} : { responseObject: this.#responseObject }),
      requestReceivedTimestamp: microTime(this.#receivedMs),
      stageTimestamp: microTime(clock.now()),
      ...(Object.keys(this.#annotations).length > 0 ? { annotations: this.#annotations } : {}),
    }
    onEvent?.(level)
    sink.write(JSON.stringify(event))
  }

  get #isLong(): boolean {
    const { verb, subresource } = this.#info
    return verb === 'watch' || LONG_SUBRESOURCES.has(subresource)
  }

  #has(level: Level): boolean {
    return LEVELS.indexOf(this.#decision.level) >= LEVELS.indexOf(level)
  }

  #objectOf(value: unknown): unknown {
    return this.#decision.omitManagedFields ? withoutManagedFields(value) : value
  }

  /** What the path did not say yet about the object, from what was sent; a generated name from the answer. */
  #identify(sent: unknown, answered: Record<string, unknown> | undefined): void {
    if (!this.#info.isResource || answered?.['kind'] === 'Status') return
    const metadataOf = (value: unknown) =>
      ((value as Record<string, unknown> | undefined)?.['metadata'] ?? {}) as Record<string, string>
    const [asked, made] = [metadataOf(sent), metadataOf(answered)]
    const name = this.#info.verb === 'create' ? made['name'] : ''
    const { uid, resourceVersion } = asked
    this.#ref = { ...given({ name: name ?? '', uid: uid ?? '', resourceVersion: resourceVersion ?? '' }), ...this.#ref }
  }
}

const given = (fields: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''))

function statusOf(code: number, object: Record<string, unknown> | undefined): object {
  if (object?.['kind'] !== 'Status') return { metadata: {}, code }
  const { status, message, reason, details } = object
  return { metadata: {}, status, message, reason, details, code }
}

/** The body as a value; undefined when there is none, or none that can be understood. */
function requestObject({ body, headers, method }: ApiRequest, kind: Kind | undefined): unknown {
  if (!(body instanceof Uint8Array)) return body
  if (!kind) return undefined
  try {
    const contentType = headers['content-type']
    const type = method === 'PATCH' && contentType?.includes('json') ? 'application/json' : contentType
    return parseBody(kind, body, type?.includes('yaml') ? 'application/yaml' : type).value
  } catch {
    return undefined
  }
}

function responseObject(body: ApiResponse['body']): unknown {
  if (body.kind === 'object') return body.object
  if (body.kind === 'list') return { ...body.head, items: body.items.map((item) => item.object) }
  return undefined
}

async function* untilEnd<T>(source: AsyncIterable<T>, ended: () => void): AsyncGenerator<T> {
  try {
    yield* source
  } finally {
    ended()
  }
}
