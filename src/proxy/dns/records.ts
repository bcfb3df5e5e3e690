// What the cluster's zone answers: a pure function of the Services and their endpoints, the name and the type. Names of the Kubernetes
// DNS specification 1.1: Services, endpoints, ports (SRV), pods by address, reverse names. No wildcards.
import { isIP } from 'node:net'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { Service } from '../../api/types/core.v1.ts'
import { type AddressTest, canonicalIp, reverseAddress, undashed } from './ip.ts'
import type { Reply } from './message-writer.ts'
import { clusterAddresses, isHeadless, type NamedEndpoint, type ServiceView } from './service-index.ts'
import { type DnsRecord, RCODE, type RecordData, TYPE } from './wire.ts'

export interface Zone {
  /** `cluster.local` */
  readonly domain: string
  /** Reverse names of these addresses are ours even when nobody has the address. */
  readonly isServiceAddress: AddressTest
}

export interface Answer extends Reply {
  /** The name that the last CNAME leads to, outside the zone: somebody else knows the rest. */
  readonly follow?: string
}

// k8s: the kubernetes plug-in's time-to-live
const TTL = 5
const NEGATIVE_TTL = 5
const SPEC_VERSION = '1.1.0'
/** ExternalName Services may point to each other. */
const MAX_HOPS = 8

/**
 * Undefined when the name is none of ours.
 * @param turn rotates lists of addresses, so that clients that take the first one are spread
 */
export function answer(view: ServiceView, zone: Zone, name: string, type: number, turn: number): Answer | undefined {
  if (name === zone.domain) return apex(view, zone, type)
  if (name.endsWith(`.${zone.domain}`)) return withinZone(view, zone, name, type, turn)
  const address = reverseAddress(name)
  return address === undefined ? undefined : reverse(view, zone, name, address, type)
}

const record = (name: string, data: RecordData, ttl = TTL): DnsRecord => ({ name, ttl, data })

function soa(zone: Zone): DnsRecord {
  // k8s: the serial only has to be there; nobody transfers this zone
  const data = { primary: `ns.dns.${zone.domain}`, mailbox: `hostmaster.${zone.domain}`, serial: 1 }
  return record(zone.domain, { type: TYPE.SOA, ...data, negativeTtl: NEGATIVE_TTL })
}

const positive = (answers: readonly DnsRecord[], additional?: readonly DnsRecord[]): Answer => ({
  rcode: RCODE.NOERROR,
  authoritative: true,
  answers,
  ...(additional && { additional }),
})
const noData = (zone: Zone): Answer => ({ ...positive([]), authority: [soa(zone)] })
const noName = (zone: Zone): Answer => ({ ...noData(zone), rcode: RCODE.NXDOMAIN })

function apex(view: ServiceView, zone: Zone, type: number): Answer {
  if (type === TYPE.SOA) return positive([soa(zone)])
  if (type !== TYPE.NS) return noData(zone)
  const server = `ns.dns.${zone.domain}`
  return positive([record(zone.domain, { type: TYPE.NS, target: server })], nameServer(view, server))
}

function nameServer(view: ServiceView, name: string): DnsRecord[] {
  return clusterAddresses(view.service('kube-system', 'kube-dns')).map((address) => addressRecord(name, address))
}

function addressRecord(name: string, address: string): DnsRecord {
  return record(name, { type: address.includes(':') ? TYPE.AAAA : TYPE.A, address })
}

function withinZone(view: ServiceView, zone: Zone, name: string, type: number, turn: number): Answer {
  const labels = name.slice(0, -zone.domain.length - 1).split('.')
  const [kind, namespace, service] = [labels.at(-1), labels.at(-2), labels.at(-3)]
  if (name === `dns-version.${zone.domain}`) {
    return type === TYPE.TXT ? positive([record(name, { type: TYPE.TXT, text: SPEC_VERSION })]) : noData(zone)
  }
  if (name === `ns.dns.${zone.domain}`) return ofType(zone, nameServer(view, name), type, turn)
  if (kind !== 'svc' && kind !== 'pod') return noName(zone)
  if (namespace === undefined) return noData(zone)
  if (!view.hasNamespace(namespace)) return noName(zone)
  if (service === undefined) return noData(zone)
  if (kind === 'pod') {
    const address = labels.length === 3 ? undashed(service) : undefined
    return address ? ofType(zone, [addressRecord(name, address)], type, turn) : noName(zone)
  }
  return ofService(view, zone, { name, namespace, service, prefix: labels.slice(0, -3) }, type, turn)
}

/** Those records that were asked for. */
function ofType(zone: Zone, records: readonly DnsRecord[], type: number, turn: number): Answer {
  const wanted = records.filter((r) => r.data.type === type || type === TYPE.ANY)
  if (wanted.length === 0) return noData(zone)
  const first = turn % wanted.length
  return positive(first === 0 ? wanted : [...wanted.slice(first), ...wanted.slice(0, first)])
}

interface ServiceName {
  name: string
  namespace: string
  service: string
  /** What stands before the Service's name: nothing, an endpoint, or port and protocol. */
  prefix: string[]
}

function ofService(view: ServiceView, zone: Zone, asked: ServiceName, type: number, turn: number): Answer {
  const { name, namespace, service: serviceName, prefix } = asked
  const service = view.service(namespace, serviceName)
  const base = `${serviceName}.${namespace}.svc.${zone.domain}`
  if (!service) return noName(zone)
  if (service.spec?.type === 'ExternalName') {
    return prefix.length === 0 ? external(view, zone, name, service, type, turn) : noName(zone)
  }
  if (prefix.length === 1) {
    const named = view.endpoints(namespace, serviceName).filter((endpoint) => endpoint.name === prefix[0])
    if (named.length === 0) return noName(zone)
    if (type === TYPE.SRV) return srvOfEndpoints(zone, name, base, named, anyPort)
    return ofType(zone, addressesOf(name, named), type, turn)
  }
  const port = prefix.length === 2 ? portTest(prefix[0]!, prefix[1]!) : prefix.length === 0 ? anyPort : undefined
  if (!port) return noName(zone)

  if (isHeadless(service)) {
    const all = view.endpoints(namespace, serviceName)
    const endpoints = prefix.length === 0 ? all : all.filter((e) => e.ports.some((p) => port(p.name, p.protocol)))
    // k8s: a headless Service without endpoints does not exist for DNS
    if (endpoints.length === 0) return noName(zone)
    if (type === TYPE.SRV) return srvOfEndpoints(zone, name, base, endpoints, port)
    return ofType(zone, addressesOf(name, endpoints), type, turn)
  }
  const ports = (service.spec?.ports ?? []).filter((p) => port(p.name ?? '', (p.protocol ?? 'TCP').toLowerCase()))
  if (prefix.length === 2 && ports.length === 0) return noName(zone)
  const addresses = clusterAddresses(service)
  if (type !== TYPE.SRV) {
    return ofType(
      zone,
      addresses.map((address) => addressRecord(name, address)),
      type,
      turn,
    )
  }
  const answers = ports.map((p) => srv(name, p.port, base, ports.length))
  if (answers.length === 0) return noData(zone)
  return positive(
    answers,
    addresses.map((address) => addressRecord(base, address)),
  )
}

type PortTest = (name: string, protocol: string) => boolean
const anyPort: PortTest = () => true

/** `_http._tcp` */
function portTest(portLabel: string, protocolLabel: string): PortTest | undefined {
  if (!portLabel.startsWith('_') || !protocolLabel.startsWith('_')) return undefined
  const [wanted, wantedProtocol] = [portLabel.slice(1), protocolLabel.slice(1)]
  return (name, protocol) => name === wanted && protocol === wantedProtocol
}

/** Each address once, although slices may repeat it for several ports. */
function addressesOf(name: string, endpoints: readonly NamedEndpoint[]): DnsRecord[] {
  return [...new Set(endpoints.map((endpoint) => endpoint.address))].map((address) => addressRecord(name, address))
}

const srv = (name: string, port: number, target: string, count: number) =>
  record(name, { type: TYPE.SRV, priority: 0, weight: Math.floor(100 / count) || 1, port, target })

function srvOfEndpoints(
  zone: Zone,
  name: string,
  base: string,
  endpoints: readonly NamedEndpoint[],
  wanted: PortTest,
): Answer {
  const targets = endpoints.flatMap((endpoint) =>
    endpoint.ports
      .filter((port) => wanted(port.name, port.protocol))
      .map(({ port }) => ({ port, target: `${endpoint.name}.${base}` })),
  )
  const unique = [...new Map(targets.map((t) => [`${t.port} ${t.target}`, t])).values()]
  if (unique.length === 0) return noData(zone)
  const addresses = new Map(endpoints.map((e) => [e.address, addressRecord(`${e.name}.${base}`, e.address)]))
  return positive(
    unique.map(({ port, target }) => srv(name, port, target, unique.length)),
    [...addresses.values()],
  )
}

function external(
  view: ServiceView,
  zone: Zone,
  name: string,
  service: DeepReadonly<Service>,
  type: number,
  turn: number,
): Answer {
  const chain: DnsRecord[] = []
  let at = name
  let target: string | undefined = targetOf(service)
  while (target !== undefined && chain.length < MAX_HOPS) {
    chain.push(record(at, { type: TYPE.CNAME, target }))
    if (type === TYPE.CNAME) return positive(chain)
    at = target
    const next = at.endsWith(`.${zone.domain}`) ? externalAt(view, zone, at) : undefined
    target = next && targetOf(next)
  }
  if (chain.length === 0) return noData(zone)
  if (!at.endsWith(`.${zone.domain}`)) return { ...positive(chain), follow: at }
  if (target !== undefined) return positive(chain) // a circle, or nearly one
  const rest = withinZone(view, zone, at, type, turn)
  return { ...rest, answers: [...chain, ...rest.answers] }
}

/** k8s: an external name that is an address is no name to point to. */
function targetOf(service: DeepReadonly<Service>): string | undefined {
  const name = service.spec?.externalName?.toLowerCase().replace(/\.$/, '')
  return name && isIP(name) === 0 ? name : undefined
}

function externalAt(view: ServiceView, zone: Zone, name: string): DeepReadonly<Service> | undefined {
  const [service, namespace, kind, more] = name.slice(0, -zone.domain.length - 1).split('.')
  if (kind !== 'svc' || more !== undefined) return undefined
  const found = view.service(namespace!, service!)
  return found?.spec?.type === 'ExternalName' ? found : undefined
}

function reverse(view: ServiceView, zone: Zone, name: string, raw: string, type: number): Answer | undefined {
  const address = canonicalIp(raw)
  const full = (key: string) => key.split('/').reverse().join('.')
  let targets = view.servicesAt(address).map((key) => `${full(key)}.svc.${zone.domain}`)
  if (targets.length === 0) {
    targets = view.endpointsAt(address).flatMap((key) => {
      const [namespace = '', service = ''] = key.split('/')
      const names = view.endpoints(namespace, service).filter((e) => canonicalIp(e.address) === address)
      return [...new Set(names.map((e) => e.name))].map((host) => `${host}.${full(key)}.svc.${zone.domain}`)
    })
  }
  if (targets.length === 0) return zone.isServiceAddress(address) ? noName(zone) : undefined
  if (type !== TYPE.PTR && type !== TYPE.ANY) return noData(zone)
  return positive(targets.map((target) => record(name, { type: TYPE.PTR, target })))
}
