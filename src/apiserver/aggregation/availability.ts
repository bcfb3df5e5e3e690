// Whether an aggregated server can be used: its Service and endpoints first, from the store, then what it answers to a question.
// Pure. k8s: reasons and sentences as `kubectl describe apiservice` shows them.
import type { APIService } from '../../api/kinds/api-service.ts'
import type { EndpointSlice } from '../../api/kinds/endpoint-slice.ts'
import type { Service } from '../../api/kinds/service.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { formatTime } from '../../api/meta/time.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import type { APIServiceCondition } from '../../api/types/apiregistration.v1.ts'

export interface Availability {
  readonly status: 'True' | 'False'
  readonly reason: string
  readonly message: string
}

export const PASSED: Availability = { status: 'True', reason: 'Passed', message: 'all checks passed' }
const no = (reason: string, message: string): Availability => ({ status: 'False', reason, message })

type Target = NonNullable<DeepReadonly<APIService>['spec']['service']>

/** Why the Service can't be asked at all; undefined when it can. @param slices of the Service's namespace */
export function serviceProblem(
  { namespace = '', name = '', port = 443 }: Target,
  service: DeepReadonly<Service> | undefined,
  slices: readonly DeepReadonly<EndpointSlice>[],
): Availability | undefined {
  const which = `service/${name} in ${JSON.stringify(namespace)}`
  if (!service) return no('ServiceNotFound', `${which} is not present`)
  // k8s: only of cluster addresses is it known what stands behind them.
  if ((service.spec.type ?? 'ClusterIP') !== 'ClusterIP') return undefined
  const servicePort = service.spec.ports?.find((p) => p.port === port)
  if (!servicePort) return no('ServicePortError', `${which} is not listening on port ${port}`)
  const own = slices.filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name)
  if (own.length === 0) return no('EndpointsNotFound', `cannot find endpointslices for ${which}`)
  const portName = servicePort.name ?? ''
  const ready = own.some(
    ({ ports, endpoints }) =>
      ports?.some((p) => (p.name ?? '') === portName) === true &&
      endpoints?.some(({ conditions }) => conditions?.ready !== false) === true,
  )
  if (ready) return undefined
  const why = `endpointslices for ${which} have no addresses with port name ${JSON.stringify(portName)}`
  return no('MissingEndpoints', why)
}

export const failedDiscovery = (url: string, why: string) =>
  no('FailedDiscoveryCheck', `failing or missing response from ${url}: ${why}`)

/** The APIService with this condition; undefined when it says so already. */
export function withAvailability(
  service: DeepReadonly<APIService>,
  availability: Availability,
  nowMs: number,
): APIService | undefined {
  const { status, reason, message } = availability
  const conditions = service.status?.conditions ?? []
  const now = conditions.find(({ type }) => type === 'Available')
  if (now?.status === status && now.reason === reason && now.message === message) return undefined
  const lastTransitionTime =
    now?.status === status && now.lastTransitionTime ? now.lastTransitionTime : formatTime(nowMs)
  const next: APIServiceCondition = { type: 'Available', status, lastTransitionTime, reason, message }
  const changed = cloneJson(service) as APIService
  changed.status = { conditions: [...cloneJson(conditions).filter(({ type }) => type !== 'Available'), next] as never }
  return changed
}

export const isAvailable = ({ status }: DeepReadonly<APIService>): boolean =>
  status?.conditions?.some(({ type, status: is }) => type === 'Available' && is === 'True') === true
