// What a pod counts for in quotas, what it must say for them, and which scopes it is in. Pure.
import type { Pod } from '../../api/kinds/pod.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import { isTerminal, podLimits, podRequests, qosClass } from '../../api/meta/pods.ts'
import { parseQuantity, type Quantity } from '../../api/meta/quantity.ts'
import { parseTime } from '../../api/meta/time.ts'
import { type Amounts, whole } from './amounts.ts'

type AnyPod = DeepReadonly<Pod>
type List = Readonly<Record<string, string>>

/** When a pod that is being deleted stops to count, should its node never say that it is gone; undefined for others. */
export function endOfCountingMs({ metadata }: AnyPod): number | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata
  if (!deletionTimestamp || deletionGracePeriodSeconds === undefined) return undefined
  const deletedMs = parseTime(deletionTimestamp)
  return deletedMs === undefined ? undefined : deletedMs + deletionGracePeriodSeconds * 1000
}

export function podUsage(pod: AnyPod, nowMs: number): Amounts {
  const usage = new Map<string, Quantity>([['count/pods', whole(1)]])
  const endsMs = endOfCountingMs(pod)
  if (isTerminal(pod) || (endsMs !== undefined && nowMs > endsMs)) return usage
  usage.set('pods', whole(1))
  addResources(usage, podRequests(pod), podLimits(pod))
  return usage
}

const COMPUTE = ['cpu', 'memory', 'ephemeral-storage']

function addResources(usage: Map<string, Quantity>, requests: List, limits: List): void {
  for (const [name, text] of Object.entries(requests)) {
    const amount = parseQuantity(text)
    if (COMPUTE.includes(name) || name.startsWith('hugepages-')) usage.set(name, amount)
    else if (!isExtended(name)) continue
    usage.set(`requests.${name}`, amount)
  }
  for (const [name, text] of Object.entries(limits)) {
    if (COMPUTE.includes(name)) usage.set(`limits.${name}`, parseQuantity(text))
  }
}

/** k8s: a resource with a domain that isn't Kubernetes' own. */
const isExtended = (name: string) => name.includes('/') && !name.split('/')[0]!.endsWith('kubernetes.io')

const MUST_SAY = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']

/** What containers leave open that a quota bounds: `must specify limits.cpu for: app`. */
export function unspecified({ spec }: AnyPod, hard: List): string | undefined {
  const wanted = MUST_SAY.filter((name) => Object.hasOwn(hard, name))
  if (wanted.length === 0) return undefined
  const whole = new Map<string, Quantity>()
  addResources(whole, spec.resources?.requests ?? {}, spec.resources?.limits ?? {})
  const missing = new Map<string, Set<string>>()
  for (const { name: container, resources } of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    const own = new Map(whole)
    addResources(own, resources?.requests ?? {}, resources?.limits ?? {})
    for (const name of wanted) {
      if (!own.has(name)) missing.set(name, (missing.get(name) ?? new Set()).add(container))
    }
  }
  if (missing.size === 0) return undefined
  const parts = [...missing].sort(([a], [b]) => (a < b ? -1 : 1))
  return `must specify ${parts.map(([name, containers]) => `${name} for: ${[...containers].sort().join(',')}`).join('; ')}`
}

export function podInScope(pod: AnyPod, scope: string, matches: (value: string) => boolean): boolean {
  const { spec } = pod
  const terminating = spec.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds >= 0
  switch (scope) {
    case 'Terminating':
      return terminating
    case 'NotTerminating':
      return !terminating
    case 'BestEffort':
      return qosClass(pod) === 'BestEffort'
    case 'NotBestEffort':
      return qosClass(pod) !== 'BestEffort'
    case 'PriorityClass':
      return matches(spec.priorityClassName ?? '')
    case 'CrossNamespacePodAffinity':
      return crossesNamespaces(spec)
    default:
      return false
  }
}

function crossesNamespaces({ affinity }: AnyPod['spec']): boolean {
  return [affinity?.podAffinity, affinity?.podAntiAffinity].some((rules) => {
    const preferred = (rules?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((w) => w.podAffinityTerm)
    const terms = [...(rules?.requiredDuringSchedulingIgnoredDuringExecution ?? []), ...preferred]
    return terms.some((term) => (term.namespaces ?? []).length > 0 || term.namespaceSelector !== undefined)
  })
}
