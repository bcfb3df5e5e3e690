// One APIService that another server serves: whether it is available, checked when something about it changes and with back-off while
// it isn't, and what it serves, asked for when somebody wants to know.
//
// k8s: the real server asks every 30 seconds. Here a server that answers isn't asked again until its Service, its endpoints or its
// APIService change, or until a request to it fails: an idle cluster stays still, and what fails is noticed by whoever needs it first.
import type { APIService } from '../../api/kinds/api-service.ts'
import { EndpointSlice } from '../../api/kinds/endpoint-slice.ts'
import { Service } from '../../api/kinds/service.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { UserInfo } from '../../api/wire.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import type { Logger } from '../../base/log.ts'
import { keyOf, prefixOf } from '../storage/keys.ts'
import type { Entry } from '../storage/store.ts'
import { wholeBody } from '../webhooks/answer-body.ts'
import { connectionText } from '../webhooks/call-errors.ts'
import {
  type Availability,
  failedDiscovery,
  isAvailable,
  PASSED,
  serviceProblem,
  withAvailability,
} from './availability.ts'
import { type RemoteParts, RemoteServer } from './remote-server.ts'

export interface RemoteServiceParts extends RemoteParts {
  readonly clock: Clock
  readonly log: Logger
}

/** k8s: the server asking for itself. */
const SELF: UserInfo = { name: 'system:kube-aggregator', groups: ['system:masters'] }
const ANSWER_WITHIN_MS = 5000
const FIRST_RETRY_MS = 1000
const LAST_RETRY_MS = 30_000
const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
/** What a remote server said about itself is believed for so long. */
const BELIEVED_MS = 60_000

interface Known {
  readonly value: unknown
  readonly atMs: number
}

export class RemoteService {
  readonly group: string
  readonly version: string
  readonly spec: DeepReadonly<APIService>['spec']
  readonly server: RemoteServer
  readonly #parts: RemoteServiceParts
  #entry: Entry
  #retry: Timer | undefined
  #retryMs = FIRST_RETRY_MS
  #checking: Promise<void> | undefined
  #again = false
  #closed = false
  readonly #known = new Map<string, Known>()

  constructor(parts: RemoteServiceParts, entry: Entry) {
    const { spec } = entry.object as unknown as DeepReadonly<APIService>
    this.#parts = parts
    this.#entry = entry
    this.spec = spec
    this.group = spec.group ?? ''
    this.version = spec.version ?? ''
    this.server = new RemoteServer(parts, spec)
  }

  get object(): DeepReadonly<APIService> {
    return this.#entry.object as unknown as DeepReadonly<APIService>
  }

  get available(): boolean {
    return isAvailable(this.object)
  }

  /** The object as it is now, with the same spec. */
  update(entry: Entry): void {
    this.#entry = entry
    this.#known.clear()
  }

  close(): void {
    this.#closed = true
    this.#retry?.cancel()
    this.server.close()
  }

  /** Looks whether the server can be used, soon; what is asked for while a check is under way is one more check. */
  check(): void {
    if (this.#closed) return
    this.#retry?.cancel()
    this.#retry = undefined
    if (this.#checking) {
      this.#again = true
      return
    }
    this.#checking = this.#check()
      .catch((err) => this.#parts.log.error({ err, apiService: this.object.metadata.name }, 'availability not written'))
      .finally(() => {
        this.#checking = undefined
        if (this.#again) {
          this.#again = false
          this.check()
        }
      })
  }

  /** Resolves when no check is under way. */
  async settled(): Promise<void> {
    while (this.#checking) await this.#checking
  }

  async #check(): Promise<void> {
    const { clock, store } = this.#parts
    const availability = await this.#availability()
    if (this.#closed) return
    const next = withAvailability(this.object, availability, clock.now())
    if (next) {
      const { key, revision } = this.#entry
      // Lost to another write: that one brings a check of its own when it matters.
      const written = await store.write({ key, expect: revision, object: next as never })
      if (!written.ok && written.current) this.#again = true
    }
    if (availability.status === 'True') {
      this.#retryMs = FIRST_RETRY_MS
      return
    }
    this.#retry = clock.after(this.#retryMs, () => this.check())
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS)
  }

  async #availability(): Promise<Availability> {
    const { store } = this.#parts
    const service = this.spec.service!
    const { namespace = '', name = '' } = service
    const entry = await store.get(keyOf(Service as never, namespace, name))
    const { entries } = await store.list(prefixOf(EndpointSlice as never, namespace))
    const slices = entries.map(({ object }) => object as unknown as DeepReadonly<EndpointSlice>)
    const problem = serviceProblem(service, entry?.object as never, slices)
    if (problem) return problem
    const path = `/apis/${this.group}/${this.version}`
    let url = `https://${name}.${namespace}.svc${path}`
    try {
      const { host, port } = await this.server.address()
      url = `https://${host.includes(':') ? `[${host}]` : host}:${port}${path}`
      const { status } = await this.#get(path, {})
      return status >= 200 && status < 300 ? PASSED : failedDiscovery(url, `bad status from ${url}: ${status}`)
    } catch (err) {
      const at = new URL(url).host
      return failedDiscovery(url, `Get ${JSON.stringify(url)}: ${connectionText(err, at)}`)
    }
  }

  /** A document of the server's as JSON, believed for a while; undefined where it can't be had. */
  async document(path: string, accept: string): Promise<unknown> {
    const { clock, log } = this.#parts
    const key = `${accept} ${path}`
    const known = this.#known.get(key)
    if (known && clock.now() - known.atMs < BELIEVED_MS) return known.value
    let value: unknown
    try {
      const { status, body } = await this.#get(path, { accept })
      if (status === 200) value = JSON.parse(body.toString())
    } catch (err) {
      log.debug({ err, apiService: this.object.metadata.name, path }, 'aggregated server did not answer')
      this.check()
    }
    this.#known.set(key, { value, atMs: clock.now() })
    return value
  }

  async #get(path: string, headers: Record<string, string>): Promise<{ status: number; body: Buffer }> {
    const late = new AbortController()
    const timer = this.#parts.clock.after(ANSWER_WITHIN_MS, () => late.abort(new Error('context deadline exceeded')))
    try {
      const at = await this.server.address()
      const request = { method: 'GET', path, headers, user: SELF }
      const answer = await this.server.send(at, request, undefined, late.signal)
      return { status: answer.statusCode ?? 500, body: await wholeBody(answer, MAX_DOCUMENT_BYTES) }
    } finally {
      timer.cancel()
    }
  }
}
