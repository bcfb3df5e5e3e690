// Services and their endpoints, indexed by name and by address. Kept up to date change by change from the cache; lookups cost the same
// however many Services there are. What it knows stays known while the API is away.
import { EndpointSlice } from '../../api/kinds/endpoint-slice.ts'
import { Namespace } from '../../api/kinds/namespace.ts'
import { Service } from '../../api/kinds/service.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { Cache } from '../../client/cache.ts'
import { canonicalIp, dashed } from './ip.ts'

export interface NamedEndpoint {
  readonly address: string
  /** Its host name, or the address with dashes. */
  readonly name: string
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[]
}

/** What answers are made of. */
export interface ServiceView {
  hasNamespace(namespace: string): boolean
  service(namespace: string, name: string): DeepReadonly<Service> | undefined
  /** Those to be named: ready, or of a Service that publishes all. */
  endpoints(namespace: string, name: string): readonly NamedEndpoint[]
  /** `namespace/name` of the Services with this cluster address. */
  servicesAt(address: string): readonly string[]
  /** `namespace/name` of the Services with an endpoint of this address. */
  endpointsAt(address: string): readonly string[]
}

// k8s: the label by which a slice names its Service
const SERVICE_NAME = 'kubernetes.io/service-name'

interface Entry {
  service: DeepReadonly<Service> | undefined
  slices: Map<string, DeepReadonly<EndpointSlice>>
  /** Worked out when first asked for after a change. */
  endpoints: readonly NamedEndpoint[] | undefined
}

/** How often each key is held under an address. */
class AddressIndex {
  readonly #keysByAddress = new Map<string, Map<string, number>>()

  add(addresses: Iterable<string>, key: string, sign: 1 | -1): void {
    for (const raw of addresses) {
      const address = canonicalIp(raw)
      const keys = this.#keysByAddress.get(address) ?? new Map<string, number>()
      const count = (keys.get(key) ?? 0) + sign
      if (count > 0) keys.set(key, count)
      else keys.delete(key)
      if (keys.size > 0) this.#keysByAddress.set(address, keys)
      else this.#keysByAddress.delete(address)
    }
  }
  get(address: string): readonly string[] {
    const keys = this.#keysByAddress.get(address)
    return keys ? [...keys.keys()] : []
  }
}

export class ServiceIndex implements ServiceView {
  readonly #entries = new Map<string, Entry>()
  readonly #namespaces = new Set<string>()
  readonly #clusterAddresses = new AddressIndex()
  readonly #endpointAddresses = new AddressIndex()

  hasNamespace(namespace: string): boolean {
    return this.#namespaces.has(namespace)
  }

  service(namespace: string, name: string): DeepReadonly<Service> | undefined {
    return this.#entries.get(`${namespace}/${name}`)?.service
  }

  endpoints(namespace: string, name: string): readonly NamedEndpoint[] {
    const entry = this.#entries.get(`${namespace}/${name}`)
    if (!entry) return []
    entry.endpoints ??= namedEndpoints(entry)
    return entry.endpoints
  }

  servicesAt(address: string): readonly string[] {
    return this.#clusterAddresses.get(address)
  }

  endpointsAt(address: string): readonly string[] {
    return this.#endpointAddresses.get(address)
  }

  setNamespace(name: string, exists: boolean): void {
    if (exists) this.#namespaces.add(name)
    else this.#namespaces.delete(name)
  }

  setService(key: string, service: DeepReadonly<Service> | undefined): void {
    const entry = this.#entry(key)
    this.#clusterAddresses.add(clusterAddresses(entry.service), key, -1)
    entry.service = service
    entry.endpoints = undefined
    this.#clusterAddresses.add(clusterAddresses(service), key, 1)
    this.#drop(key, entry)
  }

  setSlice(slice: DeepReadonly<EndpointSlice>, exists: boolean): void {
    const { name, namespace } = slice.metadata
    const service = slice.metadata.labels?.[SERVICE_NAME]
    if (!service) return
    const key = `${namespace}/${service}`
    const entry = this.#entry(key)
    const old = entry.slices.get(name)
    if (old) this.#endpointAddresses.add(sliceAddresses(old), key, -1)
    entry.endpoints = undefined
    if (exists) {
      entry.slices.set(name, slice)
      this.#endpointAddresses.add(sliceAddresses(slice), key, 1)
    } else {
      entry.slices.delete(name)
    }
    this.#drop(key, entry)
  }

  #entry(key: string): Entry {
    let entry = this.#entries.get(key)
    if (!entry) {
      entry = { service: undefined, slices: new Map(), endpoints: undefined }
      this.#entries.set(key, entry)
    }
    return entry
  }

  #drop(key: string, entry: Entry): void {
    if (!entry.service && entry.slices.size === 0) this.#entries.delete(key)
  }
}

export const isHeadless = (service: DeepReadonly<Service>) => service.spec?.clusterIP === 'None'

/** The addresses under which the cluster reaches the Service; none for headless ones. */
export function clusterAddresses(service: DeepReadonly<Service> | undefined): readonly string[] {
  const spec = service?.spec
  if (!spec || spec.type === 'ExternalName' || spec.clusterIP === 'None') return []
  const addresses = spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? '']
  return addresses.filter((address) => address !== '' && address !== 'None')
}

const sliceAddresses = (slice: DeepReadonly<EndpointSlice>) => (slice.endpoints ?? []).flatMap((e) => e.addresses)

function namedEndpoints({ service, slices }: Entry): NamedEndpoint[] {
  const publishAll = service?.spec?.publishNotReadyAddresses ?? false
  return [...slices.values()].flatMap((slice) => {
    if (slice.addressType === 'FQDN') return []
    const ports = (slice.ports ?? []).map((port) => ({
      name: port.name ?? '',
      protocol: (port.protocol ?? 'TCP').toLowerCase(),
      port: port.port ?? 0,
    }))
    return (slice.endpoints ?? []).flatMap((endpoint) => {
      // k8s: an endpoint that doesn't say whether it is ready is
      if (endpoint.conditions?.ready === false && !publishAll) return []
      return endpoint.addresses.map((address) => ({
        address,
        name: endpoint.hostname?.toLowerCase() || dashed(address),
        ports,
      }))
    })
  })
}

/** Feeds the index from the cache. Returns a function that ends it. */
export function followServices(cache: Cache, index: ServiceIndex): () => void {
  const stops = [
    cache.watch(Namespace, ({ type, object }) => index.setNamespace(object.metadata.name, type !== 'deleted')),
    cache.watch(Service, ({ type, object }) => {
      const { namespace, name } = object.metadata
      index.setService(`${namespace}/${name}`, type === 'deleted' ? undefined : object)
    }),
    cache.watch(EndpointSlice, ({ type, object, old }) => {
      if (old && old.metadata.labels?.[SERVICE_NAME] !== object.metadata.labels?.[SERVICE_NAME]) {
        index.setSlice(old, false)
      }
      index.setSlice(object, type !== 'deleted')
    }),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}
