// Where a reference to a Service leads: the address of one of its ready endpoints. The real server dials the Service's cluster
// address; this one may run where cluster addresses aren't routed, so it does the port mapping and the choice itself. The sentences of
// failures are those that clients know.
import { EndpointSlice } from '../../api/kinds/endpoint-slice.ts'
import { Service } from '../../api/kinds/service.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { keyOf, prefixOf } from '../storage/keys.ts'
import type { Store } from '../storage/store.ts'

export interface ServiceTarget {
  readonly namespace: string
  readonly name: string
  /** Of the Service. */
  readonly port: number
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** Nowhere to connect to; the message says why. */
export class Unresolvable extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Unresolvable'
  }
}

const SERVICE_NAME = 'kubernetes.io/service-name'
const ROUTED: ReadonlySet<string> = new Set(['ClusterIP', 'NodePort', 'LoadBalancer'])

/** @throws Unresolvable */
export async function resolveService(store: Store, target: ServiceTarget, random: () => number): Promise<Address> {
  const { namespace, name } = target
  const entry = await store.get(keyOf(Service as never, namespace, name))
  const { entries } = await store.list(prefixOf(EndpointSlice as never, namespace))
  const slices = entries.map(({ object }) => object as unknown as DeepReadonly<EndpointSlice>)
  return endpointOf(entry?.object as unknown as DeepReadonly<Service> | undefined, slices, target, random)
}

/** @param slices of the Service's namespace @throws Unresolvable */
export function endpointOf(
  service: DeepReadonly<Service> | undefined,
  slices: readonly DeepReadonly<EndpointSlice>[],
  { name, port }: ServiceTarget,
  random: () => number,
): Address {
  if (!service) throw new Unresolvable(`service ${JSON.stringify(name)} not found`)
  const { type = 'ClusterIP', clusterIP, externalName = '', ports = [], ipFamilies } = service.spec
  if (type === 'ExternalName') return { host: externalName, port }
  if (!ROUTED.has(type)) throw new Unresolvable(`unsupported service type ${JSON.stringify(type)}`)
  if (clusterIP === 'None') throw new Unresolvable('cannot route to service with ClusterIP "None"')
  const servicePort = ports.find((p) => p.port === port)
  if (!servicePort) throw new Unresolvable(`no service port ${port} found for service ${JSON.stringify(name)}`)
  const preferred = ipFamilies?.[0] ?? 'IPv4'
  const own = slices.filter(({ metadata }) => metadata.labels?.[SERVICE_NAME] === name)
  for (const wanted of [true, false]) {
    const ready = own
      .filter(({ addressType }) => (addressType === preferred) === wanted)
      .flatMap((slice) => readyAddresses(slice, servicePort.name ?? ''))
    if (ready.length > 0) return ready[Math.floor(random() * ready.length)]!
  }
  throw new Unresolvable(`no endpoints available for service ${JSON.stringify(name)}`)
}

function readyAddresses(slice: DeepReadonly<EndpointSlice>, portName: string): Address[] {
  const port = slice.ports?.find(({ name = '' }) => name === portName)?.port
  if (port === undefined) return []
  const ready = (slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false)
  return ready.flatMap(({ addresses }) => (addresses[0] ? [{ host: addresses[0], port }] : []))
}
