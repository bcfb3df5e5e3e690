// Which labels a node may not give itself: with them it could draw workloads to itself. k8s: NodeRestriction's list.

type Labels = Readonly<Record<string, string>> | undefined

/** Of Kubernetes' own domains, the labels that agents report. */
const REPORTED: ReadonlySet<string> = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'node.kubernetes.io/windows-build',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.kubernetes.io/region',
  'failure-domain.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
])
const OPEN_DOMAINS = ['kubelet.kubernetes.io', 'node.kubernetes.io']
const RESERVED = 'node-restriction.kubernetes.io'

const within = (domain: string, parent: string) => domain === parent || domain.endsWith(`.${parent}`)

/** Those of the changed labels that are not the node's to change, in order. */
export function forbiddenNodeLabels(after: Labels, before: Labels): string[] {
  const keys = new Set([...Object.keys(after ?? {}), ...Object.keys(before ?? {})])
  const changed = [...keys].filter((key) => after?.[key] !== before?.[key])
  return changed.filter(isForbidden).sort()
}

function isForbidden(key: string): boolean {
  const slash = key.indexOf('/')
  const domain = slash < 0 ? '' : key.slice(0, slash)
  if (within(domain, RESERVED)) return true
  if (!within(domain, 'kubernetes.io') && !within(domain, 'k8s.io')) return false
  return !REPORTED.has(key) && !OPEN_DOMAINS.some((open) => within(domain, open))
}
