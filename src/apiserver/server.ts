// The API server put together: store in, handler and (with certificates) HTTPS out. What it consists of can be read here from top to
// bottom; nothing registers itself anywhere.
import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { builtinKinds } from '../api/kinds/builtin.ts'
import type { Kind } from '../api/kinds/kind.ts'
import { internal } from '../api/meta/errors.ts'
import type { ApiRequest, RequestHandler } from '../api/wire.ts'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import type { Pki } from '../base/pki.ts'
import { reviews } from './actions/reviews.ts'
import type { AdmissionSettings } from './admission/plugin-choice.ts'
import { standardAdmission } from './admission/plugins.ts'
import { AdmissionPolicies } from './admission/policies/policies.ts'
import { enforcesQuotas } from './admission/resource-quota.ts'
import { AdmissionWebhooks } from './admission/webhooks/webhooks.ts'
import { Aggregator } from './aggregation/aggregator.ts'
import { AddressRange } from './allocators/address-range.ts'
import { ServiceAddresses } from './allocators/service-addresses.ts'
import type { PortRange } from './allocators/service-plan.ts'
import { formatAuditMetrics } from './audit/audit-metrics.ts'
import { Auditor, type AuditSink } from './audit/auditor.ts'
import { auditedAuthentication, auditedConnection } from './audit/connection.ts'
import type { AuditPolicy } from './audit/policy.ts'
import { authentication } from './authentication.ts'
import type { ServiceAccountTokens } from './authn/service-account-tokens.ts'
import { type AuthenticationOptions, openAuthentication } from './authn/setup.ts'
import { Authorizer, type ChainLink, DEFAULT_CHAIN } from './authz/authorizer.ts'
import { ensureDefaultRoles } from './authz/ensure-defaults.ts'
import { bootstrap, publishAddress } from './bootstrap/bootstrap.ts'
import type { PostReview } from './crd/conversion.ts'
import { Definitions } from './crd/definitions.ts'
import { Discovery } from './discovery/discovery.ts'
import { EventExpiry } from './events/event-expiry.ts'
import { dumpResponse, ownsDump } from './flow/dump.ts'
import { FlowControl } from './flow/flow-control.ts'
import { formatFlowMetrics } from './flow/flow-metrics.ts'
import { keepFlowsMaintained, maintainFlows } from './flow/upkeep.ts'
import { workWidth } from './flow/work-estimate.ts'
import { createHandler, type PathHandler } from './handler.ts'
import { type HealthCheck, healthResponse, ownsHealthPath, serverChecks } from './health.ts'
import { type Encoders, JSON_TYPE, standardEncoders } from './http/encode.ts'
import type { FrontEnd } from './http/front-end.ts'
import { Metrics, objectCounts } from './metrics.ts'
import { OpenApi } from './openapi/documents.ts'
import { QuotaKeeper } from './quota/quota-keeper.ts'
import type { Registry } from './registry/call.ts'
import { inTurn } from './registry/commit-hooks.ts'
import { Resources } from './resources.ts'
import { objectResponse, textResponse } from './respond.ts'
import { prefixOf } from './storage/keys.ts'
import type { Store } from './storage/store.ts'
import { connect } from './streaming/connect.ts'
import { NodeConnections } from './streaming/node-connection.ts'
import { Binding, bind } from './subresources/binding.ts'
import { subresourceActions } from './subresources/subresources.ts'
import { VERSION_INFO } from './version.ts'
import type { WebhookClient, WebhookClientParts } from './webhooks/client.ts'

export interface ApiServerOptions {
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  /** Where cluster addresses of Services come from: `10.96.0.0/16`. */
  readonly serviceCIDR: string
  /** 30000 to 32767 unless given. */
  readonly nodePorts?: PortRange
  /** The address under which pods and other nodes reach this server; without it no endpoints are published. */
  readonly advertiseAddress?: string
  /** Without certificates there is no HTTPS and there are no tokens: for tests that only want the handler. */
  readonly pki?: Pki
  /** Which admission plug-ins run and how; the standard ones unless given. */
  readonly admission?: AdmissionSettings
  /** More encodings of answers than JSON and YAML. */
  readonly encoders?: Encoders
  /** Who is recognised besides holders of certificates and of service accounts' tokens. */
  readonly authentication?: AuthenticationOptions
  /** Who is asked whether somebody may, in order; nodes' rules and RBAC unless given. */
  readonly authorization?: readonly ChainLink[]
  readonly kinds?: readonly Kind<never>[]
  /** Numbers in [0, 1): generated names, choice of addresses. */
  readonly random?: () => number
  readonly newUid?: () => string
  /** What `/metrics` shows besides the server's own, in the Prometheus text format: of components in the same process. */
  readonly moreMetrics?: () => string
  /** How much is done at once, all priority levels together; 600 unless given. */
  readonly maxRequestsInFlight?: number | undefined
  /** What the audit log tells, and where; nothing is audited without. */
  readonly audit?: { readonly policy: AuditPolicy; readonly sink: AuditSink }
}

export interface ApiServer {
  /** The whole API without HTTP. The caller has authenticated the user. */
  readonly handler: RequestHandler
  readonly resources: Resources
  readonly authorizer: Authorizer
  /** Undefined without certificates. */
  readonly tokens: ServiceAccountTokens | undefined
  readonly metrics: Metrics
  /** Begins to serve HTTPS and publishes the address. @throws when the port is taken, or without certificates */
  listen(at: { host: string; port: number }): Promise<{ host: string; port: number }>
  /** Who is recognised and who may do what, by a configuration that has changed; static tokens stay as they were. */
  useAccess(changed: Pick<ApiServerOptions, 'authentication' | 'authorization'>): void
  /** For new connections, from now on. */
  renewTls(pair: { cert: string; key: string }): void
  /** Ends watches and connections and stops listening, within seconds. The store stays open: it's the caller's. Idempotent. */
  close(): Promise<void>
}

const NODE_PORTS: PortRange = { first: 30_000, last: 32_767 }
const DEFAULT_PORT = 6443

/** Resolves when the cluster's own objects are there and the API can be used. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { store, clock, pki } = options
  const log = options.log.child({ component: 'apiserver' })
  const random = options.random ?? Math.random
  const newUid = options.newUid ?? randomUUID
  const stopping = new AbortController()
  setMaxListeners(0, stopping.signal)
  const metrics = new Metrics(clock.now())
  const encoders = { ...standardEncoders, ...options.encoders }
  const resources = new Resources([...(options.kinds ?? builtinKinds), Binding as unknown as Kind<never>])
  // Only a server that can listen needs what HTTP takes; it loads while the store is read.
  const httpCode = pki && import('./http/front-end.ts')
  const access = openAuthentication(store, clock, pki, options.authentication)
  const { tokens, bearerTokens } = access

  const flowParts = { store, clock, newUid }
  await Promise.all([ensureDefaultRoles(store, clock, newUid), maintainFlows(flowParts)])
  const authorizer = await Authorizer.open(store, options.authorization)
  const authorize = authorizer.authorize.bind(authorizer)
  const serviceRange = new AddressRange(options.serviceCIDR)
  const nodePorts = options.nodePorts ?? NODE_PORTS
  const addresses = await ServiceAddresses.open(store, { addresses: serviceRange, nodePorts }, random)
  const quotas = await QuotaKeeper.open({ store, clock, log, enforces: enforcesQuotas(options.admission) })
  const nodes = new NodeConnections(store, () => pki && { ca: pki.authorityCert, ...pki.kubeletClient })

  const clientPair = () => pki?.frontProxy.client
  const aggregator = await Aggregator.open({ store, clock, log, random, newUid, resources, clientPair })
  const { MutatingAdmissionWebhook, ValidatingAdmissionWebhook } = options.admission?.configurations ?? {}
  const users = { mutating: MutatingAdmissionWebhook, validating: ValidatingAdmissionWebhook }
  const webhooks = await AdmissionWebhooks.open({ store, clock, random, newUid, resources, metrics, authorize, users })
  const policies = await AdmissionPolicies.open({ store, clock, resources, metrics, authorize })
  const registry: Registry = {
    store,
    clock,
    resources,
    podsByNode: authorizer.podsByNode,
    admission: standardAdmission({
      store,
      clock,
      random,
      authorizer,
      resources,
      quotas,
      webhooks,
      policies,
      settings: options.admission,
    }),
    // Ports have been given when quotas count them.
    hooks: inTurn([addresses, quotas]),
    random,
    newUid,
    stopping: stopping.signal,
  }
  let ready = false
  const address = `${options.advertiseAddress ?? '127.0.0.1'}:${DEFAULT_PORT}`
  const flow = await FlowControl.open({
    store,
    clock,
    totalSeats: options.maxRequestsInFlight,
    widthOf: (request, info) => {
      const kind = () => resources.find(info.group, info.version, info.resource)
      return workWidth(info, request.query, () => countOf(store, kind(), info.namespace))
    },
  })
  const flowUpkeep = keepFlowsMaintained(flowParts, log)
  const audit =
    options.audit && new Auditor({ ...options.audit, clock, onEvent: (level) => metrics.auditLevels.add({ level }) })
  const handler = createHandler({
    registry,
    authorize,
    audit,
    flow,
    clock,
    log,
    metrics,
    elsewhere: elsewhere(aggregator),
    subresource: subresourceActions({ nodes, tokens, authorize }),
    actions: { ...reviews({ authorizer, bearerTokens }), Binding: bind },
    mediaTypes: [JSON_TYPE, ...Object.keys(encoders)],
    paths: [
      discoveryPaths(new Discovery(resources, address, aggregator)),
      openApiPaths(new OpenApi(resources, VERSION_INFO.gitVersion), aggregator),
      healthPaths(
        serverChecks({
          clock,
          writingSinceMs: () => store.writingSinceMs,
          isReady: () => ready,
          isStopping: () => stopping.signal.aborted,
        }),
        log,
      ),
      { owns: ownsDump, respond: (request) => dumpResponse(flow, request) },
      exactly('/version', () => objectResponse(VERSION_INFO)),
      exactly('/metrics', () =>
        textResponse(
          [
            metrics.format(clock.now()),
            formatFlowMetrics(flow),
            objectCounts(storedCounts(store, resources)),
            options.audit ? formatAuditMetrics(options.audit.sink) : '',
            options.moreMetrics?.() ?? '',
          ].join(''),
          200,
          'text/plain; version=0.0.4; charset=utf-8',
        ),
      ),
      ...(tokens
        ? [
            exactly('/openid/v1/jwks', () => publicDocument(tokens.jwks(), 'application/jwk-set+json')),
            exactly('/.well-known/openid-configuration', () =>
              publicDocument(tokens.openidConfiguration(`https://${address}`), 'application/json'),
            ),
          ]
        : []),
      rootPaths(resources),
    ],
  })
  const parts = { store, resources, handler }
  const definitions = await Definitions.open({
    ...parts,
    clock,
    log,
    post: conversionPost({ store, clock, random }),
    stopping: stopping.signal,
  })
  await bootstrap(parts, { serviceRange, port: DEFAULT_PORT, pki, clock }, stopping.signal)
  await aggregator.keepLocal()
  resources.onChange(() => void aggregator.keepLocal())
  const eventExpiry = await EventExpiry.open({ store, clock, log })
  ready = true

  let frontEnd: FrontEnd | undefined
  let closing: Promise<void> | undefined
  return {
    handler,
    resources,
    authorizer,
    tokens,
    metrics,
    async listen({ host, port }) {
      if (!pki) throw internal('HTTPS needs certificates')
      const { FrontEnd } = await httpCode!
      frontEnd = new FrontEnd({
        handler,
        authenticate: auditedAuthentication({ audit, newUid }, authentication({ ...access, authorizer, log })),
        connect: (request: ApiRequest) =>
          auditedConnection({ audit, newUid }, request, authorize, (authorize) =>
            connect({ registry, authorize, nodes, aggregator, log }, request),
          ),
        tls: { ...pki.server, ...authoritiesOf(pki) },
        encoders,
        metrics,
        clock,
        log,
        stopping: stopping.signal,
      })
      const at = await frontEnd.listen(host, port)
      const { advertiseAddress } = options
      if (advertiseAddress && isLoopback(advertiseAddress)) {
        log.warn({ advertiseAddress }, 'pods cannot reach a loopback address: no endpoints are published for the API')
      } else if (advertiseAddress) {
        await publishAddress(parts, serviceRange, advertiseAddress, at.port, stopping.signal)
      }
      log.info({ host: at.host, port: at.port }, 'API server listening')
      return at
    },
    useAccess(changed) {
      access.use(changed.authentication ?? {})
      authorizer.use(changed.authorization ?? DEFAULT_CHAIN)
    },
    renewTls({ cert, key }) {
      if (pki) frontEnd?.setTls({ cert, key, ...authoritiesOf(pki) })
    },
    close() {
      closing ??= (async () => {
        stopping.abort(new Error('the server is stopping'))
        await frontEnd?.close()
        await definitions.close()
        await eventExpiry.close()
        await flowUpkeep.close()
        flow.close()
        await quotas.close()
        addresses.close()
        authorizer.close()
        webhooks.close()
        policies.close()
        aggregator.close()
      })()
      return closing
    },
  }
}

const authoritiesOf = (pki: Pki) => ({ ca: pki.authorityCert, frontProxyCa: pki.frontProxy.ca })

/** k8s: may be kept for an hour by whoever verifies tokens. */
const publicDocument = (document: object, type: string) => ({
  status: 200,
  headers: { 'content-type': type, 'cache-control': 'public, max-age=3600' },
  body: { kind: 'bytes' as const, bytes: Buffer.from(JSON.stringify(document)) },
})

/** What calls conversion webhooks; its code is loaded for the first call. */
function conversionPost(parts: WebhookClientParts): PostReview {
  let client: Promise<WebhookClient> | undefined
  return async (target, review, options) => {
    client ??= import('./webhooks/client.ts').then(({ WebhookClient }) => new WebhookClient(parts))
    return (await client).post(target, review, options)
  }
}

const isLoopback = (address: string) => address === '::1' || address.startsWith('127.')

function* storedCounts(store: Store, resources: Resources) {
  for (const { group, plural: resource, storedAs, verbs, scope } of resources.kinds) {
    if (storedAs || !(verbs as readonly string[]).includes('list')) continue
    yield { group, resource, count: store.count(prefixOf({ group, plural: resource, scope })) }
  }
}

const countOf = (store: Store, kind: Kind | undefined, namespace: string) =>
  kind ? store.count(prefixOf(kind as never, namespace || undefined)) : 0

const discoveryPaths = (discovery: Discovery): PathHandler => ({
  owns: Discovery.owns,
  respond: (request) => discovery.respond(request),
})

const openApiPaths = (openApi: OpenApi, aggregator: Aggregator): PathHandler => ({
  owns: (path) => path.startsWith('/openapi/v'),
  async respond(request) {
    const { path, query, headers } = request
    const own = () => openApi.respond(path, query, headers)
    if (aggregator.remotes.length === 0 || !/^\/openapi\/v[23]\/?$/.test(path)) return own()
    const local = openApi.respond(path.replace(/\/$/, ''), query, { accept: 'application/json' })
    if (local.body.kind !== 'bytes') return local
    const { mergedOpenApi } = await import('./aggregation/merged-openapi.ts')
    return mergedOpenApi(aggregator, request, JSON.parse(Buffer.from(local.body.bytes).toString()))
  },
})

/** Requests for what other servers serve. */
const elsewhere = (aggregator: Aggregator) => (path: string) => {
  const remote = aggregator.remoteFor(path)
  return (
    remote &&
    (async (request: ApiRequest) => {
      const { passOn } = await import('./aggregation/aggregated-request.ts')
      return passOn(remote, request)
    })
  )
}

const healthPaths = (checks: readonly HealthCheck[], log: Logger): PathHandler => ({
  owns: ownsHealthPath,
  respond: (request) => healthResponse(request, checks, log),
})

const exactly = (path: string, answer: () => ReturnType<PathHandler['respond']>): PathHandler => ({
  owns: (asked) => asked === path || asked === `${path}/`,
  respond: answer,
})

/** `/` lists what there is. */
const rootPaths = (resources: Resources): PathHandler => ({
  owns: (path) => path === '/' || path === '',
  respond: () => {
    const groups = resources.groups.flatMap(({ group, versions }) =>
      group ? [`/apis/${group}`, ...versions.map(({ version }) => `/apis/${group}/${version}`)] : [],
    )
    const others = ['/healthz', '/livez', '/metrics', '/openapi/v2', '/openapi/v3', '/readyz', '/version']
    return objectResponse({ paths: ['/api', '/api/v1', '/apis', ...groups, ...others].sort() })
  },
})
