// What the server does for the cluster when it starts: the objects that are always there, and the record of where it can be reached.

import { semanticEqual } from '../../api/meta/equality.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import type { Clock } from '../../base/clock.ts'
import type { Pki } from '../../base/pki.ts'
import { authenticationConfigMap } from '../aggregation/front-proxy.ts'
import type { AddressRange } from '../allocators/address-range.ts'
import { type EnsureParts, ensure, type Mend, withFields } from './ensure.ts'
import {
  dnsService,
  kubernetesEndpoints,
  kubernetesService,
  namespaces,
  priorityClasses,
  serviceCIDR,
  tokenTracking,
} from './objects.ts'

export interface BootstrapSettings {
  readonly serviceRange: AddressRange
  /** Where the `kubernetes` Service leads until an address is published. */
  readonly port: number
  /** Undefined in a server without certificates. */
  readonly pki: Pki | undefined
  readonly clock: Clock
}

export async function bootstrap(parts: EnsureParts, settings: BootstrapSettings, signal: AbortSignal): Promise<void> {
  const { serviceRange, port, pki, clock } = settings
  await ensure(parts, namespaces, signal)
  const wanted = [kubernetesService(serviceRange, port), dnsService(serviceRange), serviceCIDR(serviceRange)]
  await ensure(parts, [...wanted, ...priorityClasses], signal)
  if (!pki) return
  const map = authenticationConfigMap({ clients: pki.authorityCert, frontProxy: pki.frontProxy.ca })
  await ensure(parts, [map], signal, withFields(semanticEqual, 'data'))
  await ensure(parts, [tokenTracking(clock.now())], signal, mendDay)
}

/** A day that somebody made unreadable begins anew. */
const mendDay: Mend = (found, wanted) => {
  const { since } = (found as unknown as { data?: { since?: string } }).data ?? {}
  const readable = /^\d{4}-\d\d-\d\d$/.test(since ?? '')
  return readable ? undefined : { ...found, data: (wanted as unknown as { data: object }).data }
}

/** Says where the server is reached; called again whenever that changes. */
export async function publishAddress(
  parts: EnsureParts,
  serviceRange: AddressRange,
  address: string,
  port: number,
  signal: AbortSignal,
): Promise<void> {
  await ensure(parts, [kubernetesService(serviceRange, port)], signal, mendTargetPort)
  await ensure(parts, kubernetesEndpoints(address, port), signal, (found, wanted) =>
    wanted.kind === 'Endpoints'
      ? withFields(semanticEqual, 'subsets')(found, wanted)
      : withFields(semanticEqual, 'endpoints', 'ports')(found, wanted),
  )
}

type Ports = { spec: { ports: { name?: string; targetPort?: unknown }[] } }

const mendTargetPort: Mend = (found, wanted) => {
  const target = (wanted as unknown as Ports).spec.ports[0]!.targetPort
  const next = cloneJson(found) as unknown as Ports
  const port = next.spec.ports.find(({ name }) => name === 'https')
  if (!port || port.targetPort === target) return undefined
  port.targetPort = target
  return next
}
