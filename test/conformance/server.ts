// The real API server over TLS for the conformance tests: on a memory store unless another is given, with the official client and
// with plain HTTP/1.1 and HTTP/2 beside it, for what the client hides.
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { type ApiServer, type ApiServerOptions, createApiServer } from '../../src/apiserver/server.ts'
import { openMemoryStore } from '../../src/apiserver/storage/memory.ts'
import type { Store } from '../../src/apiserver/storage/store.ts'
import { systemClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/log.ts'
import { ensurePki, type Pki } from '../../src/base/pki.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind
export type Json = any

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
  /** Parsed as JSON; undefined where it is something else. */
  readonly body: Json
}

export interface SendOptions {
  readonly headers?: Record<string, string>
  /** As this user, and as a member of these groups, through impersonation. */
  readonly as?: string
  readonly groups?: readonly string[]
  /** With this token instead of the administrator's certificate; empty: as nobody. */
  readonly token?: string
  /** With this certificate. */
  readonly certificate?: { readonly cert: string; readonly key: string }
  readonly signal?: AbortSignal
}

export interface TestWatch {
  /** The next event. @throws when the watch has ended, or after twenty seconds without one */
  next(): Promise<{ type: string; object: Json }>
  /** Resolves when the server ends it. */
  ended(): Promise<void>
  stop(): void
}

export interface ConformanceServer {
  readonly server: ApiServer
  readonly store: Store
  readonly pki: Pki
  readonly port: number
  /** As the administrator. */
  readonly config: KubeConfig
  send(method: string, path: string, body?: object | string | Buffer, options?: SendOptions): Promise<Reply>
  get(path: string, options?: SendOptions): Promise<Reply>
  post(path: string, body: object, options?: SendOptions): Promise<Reply>
  put(path: string, body: object, options?: SendOptions): Promise<Reply>
  patch(type: PatchType, path: string, body: object, options?: SendOptions): Promise<Reply>
  delete(path: string, body?: object, options?: SendOptions): Promise<Reply>
  watch(path: string, options?: SendOptions): Promise<TestWatch>
  http2(): ClientHttp2Session
  close(): Promise<void>
}

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply'
const PATCH_TYPES: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
}

export async function conformanceServer(
  /** `listenPort`: the one of a server before, for clients that stay. */
  options: Partial<ApiServerOptions> & { directory?: string; listenPort?: number } = {},
): Promise<ConformanceServer> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'skiff-conformance-')))
  const ctx = { signal: new AbortController().signal, log: silentLogger }
  const clock = options.clock ?? systemClock
  const pki = await ensurePki(ctx, join(directory, 'pki'), { addresses: [], dnsNames: [], clock: systemClock })
  const store = options.store ?? openMemoryStore()
  const server = await createApiServer({
    store,
    clock,
    log: silentLogger,
    serviceCIDR: '10.96.0.0/24',
    pki,
    ...options,
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: options.listenPort ?? 0 })
  const agent = new https.Agent({ keepAlive: true, maxSockets: 32 })
  const admin = { cert: pki.admin.cert, key: pki.admin.key }

  function request(method: string, path: string, body: object | string | Buffer | undefined, given: SendOptions) {
    const { as, groups = [], token, certificate, signal } = given
    const identity = token === undefined ? (certificate ?? admin) : {}
    const text = typeof body === 'object' && !Buffer.isBuffer(body) ? JSON.stringify(body) : body
    const bytes = text === undefined ? undefined : Buffer.from(text)
    const headers: Record<string, string | string[]> = {
      'user-agent': 'conformance/1.0',
      ...(bytes === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(bytes.length) }),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(as ? { 'impersonate-user': as } : {}),
      ...(groups.length > 0 ? { 'impersonate-group': [...groups] } : {}),
      ...given.headers,
    }
    const sent = https.request({
      host: '127.0.0.1',
      port,
      path,
      method,
      headers,
      ca: pki.authorityCert,
      ...identity,
      agent,
      ...(signal ? { signal } : {}),
    })
    sent.end(bytes)
    return sent
  }

  const send: ConformanceServer['send'] = (method, path, body, given = {}) =>
    new Promise((resolve, reject) => {
      const sent = request(method, path, body, given)
      sent.on('error', reject)
      sent.on('response', (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const bytes = Buffer.concat(chunks)
          resolve({ status: response.statusCode!, headers: response.headers, bytes, body: parsed(bytes) })
        })
      })
    })

  async function watch(path: string, given: SendOptions = {}): Promise<TestWatch> {
    const separator = path.includes('?') ? '&' : '?'
    const sent = request('GET', `${path}${separator}watch=true`, undefined, given)
    const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve)
      sent.once('error', reject)
    })
    if (response.statusCode !== 200) throw new Error(`watch ${path}: ${response.statusCode}`)
    sent.on('error', () => undefined)
    const events = eventsOf(response)
    return {
      async next() {
        const late = AbortSignal.timeout(20_000)
        const timeout = new Promise<never>((_, reject) =>
          late.addEventListener('abort', () => reject(new Error(`no event of ${path}`)), { once: true }),
        )
        const { done, value } = await Promise.race([events.next(), timeout])
        if (done) throw new Error('the watch has ended')
        return value
      },
      async ended() {
        while (!(await events.next()).done);
      },
      stop: () => sent.destroy(),
    }
  }

  const config = new KubeConfig()
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  config.loadFromClusterAndUser(
    { name: 'skiff', server: `https://127.0.0.1:${port}`, caData: base64(pki.authorityCert), skipTLSVerify: false },
    { name: 'admin', certData: base64(pki.admin.cert), keyData: base64(pki.admin.key) },
  )
  return {
    server,
    store,
    pki,
    port,
    config,
    send,
    get: (path, given) => send('GET', path, undefined, given),
    post: (path, body, given) => send('POST', path, body, given),
    put: (path, body, given) => send('PUT', path, body, given),
    patch: (type, path, body, given = {}) =>
      send('PATCH', path, body, { ...given, headers: { 'content-type': PATCH_TYPES[type], ...given.headers } }),
    delete: (path, body, given) => send('DELETE', path, body, given),
    watch,
    http2: () => connectHttp2(`https://127.0.0.1:${port}`, { ca: pki.authorityCert, ...admin }),
    async close() {
      await server.close()
      agent.destroy()
      if (!options.store) await store.close()
      if (!options.directory) await rm(directory, { recursive: true, force: true })
    },
  }
}

async function* eventsOf(stream: AsyncIterable<Buffer>): AsyncGenerator<{ type: string; object: Json }> {
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop()!
    for (const line of lines) yield JSON.parse(line)
  }
}

function parsed(bytes: Buffer): Json {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}
