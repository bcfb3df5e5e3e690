// For tests: a whole API server on a memory store and a clock that stands still, and short ways to talk to it. Starts in milliseconds.

import type { ApiRequest, ApiResponse, UserInfo, WatchEvent } from '../api/wire.ts'
import { FakeClock } from '../base/clock.ts'
import { silentLogger } from '../base/log.ts'
import { type ApiServer, type ApiServerOptions, createApiServer } from './server.ts'
import { openMemoryStore } from './storage/memory.ts'
import type { Store } from './storage/store.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind
export type Json = any

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The object, or the list put together. */
  readonly body: Json
}

export interface TestApi {
  readonly server: ApiServer
  readonly store: Store
  readonly clock: FakeClock
  /** As an administrator unless `user` says otherwise. `url` is path and query. */
  request(method: ApiRequest['method'], url: string, body?: object, options?: RequestOptions): Promise<Answer>
  get(url: string, options?: RequestOptions): Promise<Answer>
  post(url: string, body: object, options?: RequestOptions): Promise<Answer>
  put(url: string, body: object, options?: RequestOptions): Promise<Answer>
  patch(
    type: 'json' | 'merge' | 'strategic' | 'apply',
    url: string,
    body: object,
    options?: RequestOptions,
  ): Promise<Answer>
  delete(url: string, body?: object, options?: RequestOptions): Promise<Answer>
  watch(url: string, options?: RequestOptions): Promise<TestWatch>
  close(): Promise<void>
}

export interface RequestOptions {
  readonly user?: UserInfo
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal
}

export interface TestWatch {
  /** The next event; rejects when the watch has ended. */
  next(): Promise<WatchEvent<Json>>
  /** True when it has ended. */
  ended(): Promise<boolean>
  stop(): void
}

export const ADMIN: UserInfo = { name: 'admin', groups: ['system:masters', 'system:authenticated'] }

const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
}

export async function testApi(options: Partial<ApiServerOptions> = {}): Promise<TestApi> {
  const clock = new FakeClock()
  const store = openMemoryStore()
  let seed = 1
  // Deterministic, so that names and addresses in tests don't wander.
  const random = () => {
    seed = (seed * 16807) % 2147483647
    return seed / 2147483647
  }
  const server = await createApiServer({
    store,
    clock,
    log: silentLogger,
    serviceCIDR: '10.96.0.0/24',
    random,
    ...options,
  })

  async function raw(method: ApiRequest['method'], url: string, body: object | undefined, options: RequestOptions) {
    const [path = '', query = ''] = url.split('?')
    return server.handler({
      method,
      path,
      query: new URLSearchParams(query),
      headers: { 'user-agent': 'test/1.0', ...options.headers },
      ...(body ? { body } : {}),
      user: options.user ?? ADMIN,
      signal: options.signal ?? new AbortController().signal,
    })
  }
  const request: TestApi['request'] = async (method, url, body, options = {}) => {
    return answerOf(await raw(method, url, body, options))
  }
  return {
    server,
    store,
    clock,
    request,
    get: (url, options) => request('GET', url, undefined, options),
    post: (url, body, options) => request('POST', url, body, options),
    put: (url, body, options) => request('PUT', url, body, options),
    patch: (type, url, body, options = {}) =>
      request('PATCH', url, body, { ...options, headers: { ...options.headers, 'content-type': PATCH_TYPES[type] } }),
    delete: (url, body, options) => request('DELETE', url, body, options),
    async watch(url, options = {}) {
      const stop = new AbortController()
      const separator = url.includes('?') ? '&' : '?'
      const response = await raw('GET', `${url}${separator}watch=true`, undefined, { ...options, signal: stop.signal })
      if (response.body.kind !== 'watch') throw new Error(`not a watch: ${JSON.stringify(answerOf(response))}`)
      const frames = response.body.events[Symbol.asyncIterator]()
      return {
        async next() {
          const { done, value } = await frames.next()
          if (done) throw new Error('the watch has ended')
          return JSON.parse(Buffer.from(value.line()).toString()) as WatchEvent<Json>
        },
        ended: async () => (await frames.next()).done === true,
        stop() {
          stop.abort()
          void frames.return?.()
        },
      }
    },
    async close() {
      await server.close()
      await store.close()
    },
  }
}

function answerOf({ status, headers, body }: ApiResponse): Answer {
  switch (body.kind) {
    case 'object':
      return { status, headers, body: body.object }
    case 'list':
      return { status, headers, body: { ...body.head, items: body.items.map((item) => item.object) } }
    case 'bytes':
      return { status, headers, body: Buffer.from(body.bytes).toString() }
    default:
      return { status, headers, body: undefined }
  }
}

/** An account that pods of a namespace can run as; in a cluster a controller makes it. */
export async function withDefaultAccount(api: TestApi, namespace = 'default'): Promise<void> {
  await api.post(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: 'default' } })
}

export const configMap = (name: string, data: Record<string, string> = {}, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...more },
  data,
})

export const pod = (name: string, spec: object = {}, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...metadata },
  spec: { containers: [{ name: 'app', image: 'nginx' }], ...spec },
})

export const deployment = (name: string, replicas = 1) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'app', image: 'nginx' }] },
    },
  },
})
