// What any object counts for in quotas: pods, Services, claims by what they ask for, everything else by its number. Pure. A kind is told
// by where its objects are stored, so that custom ones count as soon as they are there.
import type { PersistentVolumeClaim } from '../../api/kinds/persistent-volume-claim.ts'
import type { Pod } from '../../api/kinds/pod.ts'
import type { ResourceClaim } from '../../api/kinds/resource-claim.ts'
import type { ResourceQuota } from '../../api/kinds/resource-quota.ts'
import type { Service } from '../../api/kinds/service.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import { maxQuantity, parseQuantity, type Quantity } from '../../api/meta/quantity.ts'
import { type Amounts, whole } from './amounts.ts'
import { podInScope, podUsage } from './pod-usage.ts'

type Obj = DeepReadonly<KubeObject>
type Quota = DeepReadonly<ResourceQuota>

/** `group/plural`, the core group empty: `/pods`, `apps/deployments`. */
export type Source = string
export const sourceOf = ({ group, plural }: { group: string; plural: string }): Source => `${group}/${plural}`

/** k8s: events were never bounded, and the rest is not stored. */
const UNCOUNTED: ReadonlySet<Source> = new Set(['/events', 'events.k8s.io/events', '/bindings'])
/** k8s: kinds whose number also goes by their plain name. */
const PLAIN_NAMES: ReadonlySet<Source> = new Set([
  '/configmaps',
  '/replicationcontrollers',
  '/resourcequotas',
  '/secrets',
])
const CLASS_SUFFIX = '.storageclass.storage.k8s.io/'
const DEVICES_SUFFIX = '.deviceclass.resource.k8s.io/devices'
/** k8s: what a request for all devices of a class counts as. */
const ALL_DEVICES = 32

export function countName(source: Source): string {
  const [group = '', plural = ''] = source.split('/')
  return group ? `count/${plural}.${group}` : `count/${plural}`
}

export function usageOf(source: Source, obj: Obj, nowMs: number): Amounts {
  if (UNCOUNTED.has(source)) return new Map()
  if (source === '/pods') return podUsage(obj as DeepReadonly<Pod>, nowMs)
  const usage = new Map<string, Quantity>([[countName(source), whole(1)]])
  if (PLAIN_NAMES.has(source)) usage.set(source.slice(1), whole(1))
  else if (source === '/services') addService(usage, obj as DeepReadonly<Service>)
  else if (source === '/persistentvolumeclaims') addClaim(usage, obj as DeepReadonly<PersistentVolumeClaim>)
  else if (source === 'resource.k8s.io/resourceclaims') addDevices(usage, obj as DeepReadonly<ResourceClaim>)
  return usage
}

function addService(usage: Map<string, Quantity>, { spec }: DeepReadonly<Service>): void {
  usage.set('services', whole(1))
  const ports = spec?.ports ?? []
  if (spec?.type === 'NodePort') usage.set('services.nodeports', whole(ports.length))
  if (spec?.type !== 'LoadBalancer') return
  usage.set('services.loadbalancers', whole(1))
  const held = spec.allocateLoadBalancerNodePorts === false ? ports.filter(({ nodePort }) => nodePort) : ports
  usage.set('services.nodeports', whole(held.length))
}

function addClaim(usage: Map<string, Quantity>, { metadata, spec, status }: DeepReadonly<PersistentVolumeClaim>): void {
  usage.set('persistentvolumeclaims', whole(1))
  const className = metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName ?? ''
  if (className) usage.set(`${className}${CLASS_SUFFIX}persistentvolumeclaims`, whole(1))
  const asked = spec?.resources?.requests?.['storage']
  if (asked === undefined) return
  const allocated = status?.allocatedResources?.['storage']
  const storage = parseQuantity(allocated === undefined ? asked : maxQuantity(asked, allocated))
  usage.set('requests.storage', storage)
  if (className) usage.set(`${className}${CLASS_SUFFIX}requests.storage`, storage)
}

interface DeviceRequest {
  readonly deviceClassName?: string
  readonly allocationMode?: string
  readonly count?: number
}

function addDevices(usage: Map<string, Quantity>, { spec }: DeepReadonly<ResourceClaim>): void {
  const byClass = new Map<string, number>()
  for (const request of spec?.devices?.requests ?? []) {
    const { exactly, firstAvailable } = request as {
      exactly?: DeviceRequest
      firstAvailable?: readonly DeviceRequest[]
    }
    // Of alternatives, the greatest counts.
    const most = new Map<string, number>()
    for (const { deviceClassName = '', allocationMode, count } of exactly ? [exactly] : (firstAvailable ?? [])) {
      const devices = allocationMode === 'All' ? ALL_DEVICES : (count ?? 1)
      most.set(deviceClassName, Math.max(most.get(deviceClassName) ?? 0, devices))
    }
    for (const [name, devices] of most) byClass.set(name, (byClass.get(name) ?? 0) + devices)
  }
  for (const [name, devices] of byClass) usage.set(`${name}${DEVICES_SUFFIX}`, whole(devices))
}

export interface ScopeRule {
  readonly scopeName: string
  readonly operator: string
  readonly values?: readonly string[] | undefined
}

export function scopesOf({ spec }: Quota): ScopeRule[] {
  const plain = (spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' }))
  return [...plain, ...(spec?.scopeSelector?.matchExpressions ?? [])]
}

export function inScope(source: Source, obj: Obj, { scopeName, operator, values = [] }: ScopeRule): boolean {
  const matches = (value: string) => {
    if (operator === 'Exists') return value !== ''
    if (operator === 'DoesNotExist') return value === ''
    return operator === 'In' ? value !== '' && values.includes(value) : !values.includes(value)
  }
  if (source === '/pods') return podInScope(obj as DeepReadonly<Pod>, scopeName, matches)
  if (source !== '/persistentvolumeclaims' || scopeName !== 'VolumeAttributesClass') return false
  const { spec, status } = obj as DeepReadonly<PersistentVolumeClaim>
  const classes = [spec?.volumeAttributesClassName, status?.currentVolumeAttributesClassName].filter(Boolean)
  return classes.length === 0 ? matches('') : classes.some((name) => matches(name!))
}

/** k8s: a quota with scopes bounds only what is in all of them. */
export const covers = (quota: Quota, source: Source, obj: Obj): boolean =>
  scopesOf(quota).every((rule) => inScope(source, obj, rule))

const SOURCES_BY_NAME: readonly [pattern: RegExp, source: Source][] = [
  [/^(pods|cpu|memory|ephemeral-storage|hugepages-.*|limits\..*)$/, '/pods'],
  [/^services(\..*)?$/, '/services'],
  [/^(requests\.storage|persistentvolumeclaims|.*\.storageclass\.storage\.k8s\.io\/.*)$/, '/persistentvolumeclaims'],
  [/^.*\.deviceclass\.resource\.k8s\.io\/devices$/, 'resource.k8s.io/resourceclaims'],
  [/^requests\./, '/pods'],
]

/** Where the objects are that a bound of this name counts; undefined for names that count nothing. */
export function sourceOfBound(name: string): Source | undefined {
  const counted = /^count\/([^.]+)(?:\.(.*))?$/.exec(name)
  if (counted) return `${counted[2] ?? ''}/${counted[1]}`
  if (PLAIN_NAMES.has(`/${name}`)) return `/${name}`
  return SOURCES_BY_NAME.find(([pattern]) => pattern.test(name))?.[1]
}
