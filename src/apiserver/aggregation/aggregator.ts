// The group-versions that other servers serve, as APIServices say: which requests go there, and whether they can. Follows the store
// synchronously; Services and endpoints are looked at only while there is a remote APIService. Also keeps the APIServices of what
// this server serves itself.
import { APIService } from '../../api/kinds/api-service.ts'
import { EndpointSlice } from '../../api/kinds/endpoint-slice.ts'
import { Service } from '../../api/kinds/service.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { Resources } from '../resources.ts'
import { keyOf, prefixOf } from '../storage/keys.ts'
import type { Entry, StoreEvent } from '../storage/store.ts'
import { localService, planServices, wantedServices } from './local-services.ts'
import type { RemoteService, RemoteServiceParts } from './remote-service.ts'

export interface AggregatorParts extends RemoteServiceParts {
  readonly resources: Resources
  readonly newUid: () => string
}

interface Follower {
  close(): void
}

/** Also the document that describes a group-version. */
const SERVED = /^(?:\/openapi\/v3)?\/apis\/([^/]+)\/([^/]+)(?:\/|$)/

export class Aggregator {
  readonly #parts: AggregatorParts
  readonly #remotes = new Map<string, RemoteService>()
  /** Every APIService, by name. */
  readonly #services = new Map<string, DeepReadonly<APIService>>()
  #follower: Follower | undefined
  #endpoints: readonly Follower[] = []
  #code: typeof import('./remote-service.ts') | undefined
  #loading: Promise<void> | undefined
  #waiting: Entry[] = []
  #generation = 0
  #keeping: Promise<void> = Promise.resolve()

  private constructor(parts: AggregatorParts) {
    this.#parts = parts
  }

  static async open(parts: AggregatorParts): Promise<Aggregator> {
    const aggregator = new Aggregator(parts)
    const prefix = prefixOf(APIService as never)
    const { entries, revision } = await parts.store.list(prefix)
    for (const entry of entries) aggregator.#set(entry, true)
    await aggregator.#loading
    aggregator.#follower = parts.store.follow(prefix, revision, ({ type, entry }) => {
      aggregator.#set(entry, type === 'put')
    })
    return aggregator
  }

  /** Rises whenever an APIService changes. */
  get generation(): number {
    return this.#generation
  }

  get services(): Iterable<DeepReadonly<APIService>> {
    return this.#services.values()
  }

  get remotes(): readonly RemoteService[] {
    return [...this.#remotes.values()]
  }

  /** The server that a path is passed on to; undefined for what this one serves. */
  remoteFor(path: string): RemoteService | undefined {
    if (this.#remotes.size === 0) return undefined
    const [, group, version] = SERVED.exec(path) ?? []
    return group === undefined ? undefined : this.#remotes.get(`${version}.${group}`)
  }

  /** Makes and removes the APIServices of what this server serves itself. Resolves when all are as they should be. */
  keepLocal(): Promise<void> {
    const { log } = this.#parts
    const kept = this.#keeping.then(() => this.#keepLocal())
    this.#keeping = kept.catch((err) => log.error({ err }, 'APIServices of own group-versions not written'))
    return this.#keeping
  }

  /** Resolves when all checks under way are done. */
  async settled(): Promise<void> {
    await this.#loading
    await Promise.all(this.remotes.map((remote) => remote.settled()))
  }

  close(): void {
    this.#follower?.close()
    this.#followEndpoints(false)
    for (const remote of this.#remotes.values()) remote.close()
    this.#remotes.clear()
  }

  async #keepLocal(): Promise<void> {
    const { store, resources, clock, newUid } = this.#parts
    const { make, remove } = planServices(wantedServices(resources.groups), [...this.#services.values()])
    const writes = make.map((wanted) => {
      const object = localService(wanted, newUid(), clock.now())
      return store.write({
        key: keyOf(APIService as never, undefined, wanted.name),
        expect: 0,
        object: object as never,
      })
    })
    const removals = remove.map(async (name) => {
      const key = keyOf(APIService as never, undefined, name)
      const entry = await store.get(key)
      if (entry) await store.write({ key, expect: entry.revision, object: undefined })
    })
    await Promise.all([...writes, ...removals])
  }

  #set(entry: Entry, present: boolean): void {
    const service = entry.object as unknown as DeepReadonly<APIService>
    const { name } = service.metadata
    this.#generation++
    if (present) this.#services.set(name, service)
    else this.#services.delete(name)
    if (present && service.spec.service) this.#remote(name, entry)
    else this.#local(name)
  }

  /** What talks to other servers is loaded for the first of them. */
  #remote(name: string, entry: Entry): void {
    if (!this.#code) {
      this.#waiting.push(entry)
      this.#loading ??= import('./remote-service.ts').then((code) => {
        this.#code = code
        for (const waiting of this.#waiting.splice(0)) {
          const { name: each } = waiting.object.metadata
          if ((this.#services.get(each) as unknown) === waiting.object) this.#remote(each, waiting)
        }
      })
      return
    }
    const { spec } = entry.object as unknown as DeepReadonly<APIService>
    const known = this.#remotes.get(name)
    if (known && JSON.stringify(known.spec) === JSON.stringify(spec)) {
      known.update(entry)
      return
    }
    known?.close()
    const remote = new this.#code.RemoteService(this.#parts, entry)
    this.#remotes.set(name, remote)
    this.#followEndpoints(true)
    remote.check()
  }

  #local(name: string): void {
    const known = this.#remotes.get(name)
    if (!known) return
    known.close()
    this.#remotes.delete(name)
    if (this.#remotes.size === 0) this.#followEndpoints(false)
  }

  #followEndpoints(wanted: boolean): void {
    if (wanted === this.#endpoints.length > 0) return
    for (const follower of this.#endpoints) follower.close()
    const { store } = this.#parts
    const follow = (kind: object, nameOf: (event: StoreEvent) => string | undefined) =>
      store.follow(prefixOf(kind as never), store.revision, (event) => {
        this.#changed(event.entry.object.metadata.namespace ?? '', nameOf(event))
      })
    this.#endpoints = wanted
      ? [
          follow(Service, ({ entry }) => entry.object.metadata.name),
          follow(EndpointSlice, ({ entry }) => entry.object.metadata.labels?.['kubernetes.io/service-name']),
        ]
      : []
  }

  #changed(namespace: string, name: string | undefined): void {
    for (const remote of this.#remotes.values()) {
      const { service } = remote.spec
      if (service?.namespace === namespace && service.name === name) remote.check()
    }
  }
}
