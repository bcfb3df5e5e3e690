// Pod security standards: pods of a namespace keep to the level that its labels enforce; what its audit and warn labels name is noted and
// told, also for the templates of workloads. A stricter label warns of the pods that are there.
import type { Kind } from '../../../api/kinds/kind.ts'
import { Namespace } from '../../../api/kinds/namespace.ts'
import { Pod } from '../../../api/kinds/pod.ts'
import { invalidObject } from '../../../api/meta/errors.ts'
import type { DeepReadonly } from '../../../api/meta/object.ts'
import type { Clock } from '../../../base/clock.ts'
import { type AdmissionPlugin, type AdmissionRequest, refused } from '../admission.ts'
import { isKind, type Lookup } from '../lookup.ts'
import type { AnyContainer, PodSpec } from './check.ts'
import { details, evaluate, reasons } from './evaluate.ts'
import {
  isStricter,
  NO_PREFERENCE,
  type PodSecuritySettings,
  type Policy,
  policyOf,
  policyText,
  sameLevel,
} from './policy.ts'

type AnyPod = DeepReadonly<Pod>
type Template = { readonly metadata?: AnyPod['metadata']; readonly spec: PodSpec }

const AUDIT = 'pod-security.kubernetes.io/'
const IGNORED = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status'])
/** k8s: a change of labels looks at no more pods, and for no longer. */
const MOST_PODS = 3000
const LONGEST_MS = 1000

export function podSecurity(
  lookup: Lookup,
  clock: Clock,
  settings: PodSecuritySettings = NO_PREFERENCE,
): AdmissionPlugin {
  return {
    name: 'PodSecurity',
    concerns: (kind) => isKind(kind, Pod) || isKind(kind, Namespace) || hasTemplate(kind),
    async validate(request) {
      const { kind, operation, object } = request
      if (!object || (operation !== 'CREATE' && operation !== 'UPDATE')) return
      if (isKind(kind, Namespace)) return validateNamespace(lookup, clock, settings, request)
      if (isKind(kind, Pod)) {
        if (IGNORED.has(request.subresource)) return
        const pod = object as unknown as AnyPod
        if (operation === 'UPDATE' && !matters(pod, request.old as AnyPod)) return
        return validatePod(lookup, settings, request, pod, true)
      }
      const template = request.subresource === '' ? templateOf(request) : undefined
      if (template) await validatePod(lookup, settings, request, template, false)
    },
  }
}

const OTHER_TEMPLATES: ReadonlySet<string> = new Set(['/podtemplates', 'batch/cronjobs'])
const WITH_TEMPLATE: ReadonlySet<string> = new Set([
  '/replicationcontrollers',
  'apps/replicasets',
  'apps/deployments',
  'apps/statefulsets',
  'apps/daemonsets',
  'batch/jobs',
])

function hasTemplate({ group, plural }: Kind): boolean {
  const name = `${group}/${plural}`
  return WITH_TEMPLATE.has(name) || OTHER_TEMPLATES.has(name)
}

interface WithTemplate {
  readonly template?: Template
  readonly spec?: {
    readonly template?: Template
    readonly jobTemplate?: { readonly spec?: { readonly template?: Template } }
  }
}

function templateOf({ kind, object }: AdmissionRequest): Template | undefined {
  const name = `${kind.group}/${kind.plural}`
  const { template, spec } = object as unknown as WithTemplate
  if (name === '/podtemplates') return template
  if (name === 'batch/cronjobs') return spec?.jobTemplate?.spec?.template
  return WITH_TEMPLATE.has(name) ? spec?.template : undefined
}

async function validatePod(
  lookup: Lookup,
  { defaults, exempt }: PodSecuritySettings,
  request: AdmissionRequest,
  { metadata, spec }: Template,
  enforces: boolean,
): Promise<void> {
  const note = (key: string, text: string) => request.annotate(AUDIT + key, text)
  if (exempt.namespaces.includes(request.namespace)) return note('exempt', 'namespace')
  if (exempt.usernames.includes(request.user.name)) return note('exempt', 'user')
  const namespace = await lookup.get(Namespace, request.namespace)
  const { policy, errors } = policyOf(namespace?.metadata.labels, defaults)
  if (errors.length === 0 && isPrivileged(policy, enforces)) return
  if (spec.runtimeClassName && exempt.runtimeClasses.includes(spec.runtimeClassName))
    return note('exempt', 'runtimeClass')
  if (errors.length > 0) {
    note('error', `Failed to parse policy: ${errors.map(({ field, message }) => `${field}: ${message}`).join(', ')}`)
  }
  const violations = (mode: keyof Policy) => {
    const found = evaluate(policy[mode], spec, metadata?.annotations)
    return found.length > 0 ? `violate PodSecurity "${policyText(policy[mode])}": ${details(found)}` : undefined
  }
  const audited = violations('audit')
  if (audited) note('audit-violations', `would ${audited}`)
  if (enforces) {
    note('enforce-policy', policyText(policy.enforce))
    const enforced = violations('enforce')
    // k8s: who is refused needs no warning.
    if (enforced) throw refused(request, enforced.replace(/^violate/, 'violates'))
  }
  const warned = violations('warn')
  if (warned) request.warn(`would ${warned}`)
}

const isPrivileged = ({ enforce, audit, warn }: Policy, enforces: boolean) =>
  [audit, warn, ...(enforces ? [enforce] : [])].every(({ level }) => level === 'privileged')

/** k8s: of what an update may change, images and containers that are added concern it. */
export function matters(pod: AnyPod, old: AnyPod): boolean {
  const lists = ['initContainers', 'containers'] as const
  for (const list of lists) {
    const [next, before] = [pod.spec[list] ?? [], old.spec[list] ?? []]
    if (next.length !== before.length || next.some(({ image }, i) => image !== before[i]?.image)) return true
  }
  type Debug = AnyContainer & { readonly image?: string }
  const [next, before] = [pod, old].map(({ spec }) => (spec.ephemeralContainers ?? []) as readonly Debug[])
  return next!.some(({ name, image }) => before!.find((other) => other.name === name)?.image !== image)
}

async function validateNamespace(
  lookup: Lookup,
  clock: Clock,
  { defaults, exempt }: PodSecuritySettings,
  request: AdmissionRequest,
): Promise<void> {
  const { kind, operation, subresource, name, object, old } = request
  if (subresource !== '') return
  const next = policyOf(object?.metadata.labels, defaults)
  const before = operation === 'UPDATE' ? policyOf(old?.metadata.labels, defaults) : undefined
  const texts = (errors: typeof next.errors) => errors.map(({ field, message }) => `${field}: ${message}`).join()
  // k8s: labels that were wrong before may stay.
  if (next.errors.length > 0 && (!before || texts(before.errors) !== texts(next.errors))) {
    throw invalidObject(kind, name, next.errors)
  }
  if (!before) return
  const [level, was] = [next.policy.enforce, before.policy.enforce]
  if (level.level === 'privileged' || sameLevel(level, was) || exempt.namespaces.includes(name)) return
  if (level.version === was.version && !isStricter(level.level, was.level)) return
  const pods = await lookup.list(Pod, name)
  const untilMs = clock.now() + LONGEST_MS
  const namesByReasons = new Map<string, string[]>()
  let checked = 0
  for (const pod of pods) {
    if (checked === MOST_PODS || clock.now() > untilMs) break
    checked++
    const { runtimeClassName } = pod.spec
    if (runtimeClassName && exempt.runtimeClasses.includes(runtimeClassName)) continue
    const found = evaluate(level, pod.spec, pod.metadata.annotations)
    if (found.length === 0) continue
    const key = reasons(found)
    namesByReasons.set(key, [...(namesByReasons.get(key) ?? []), pod.metadata.name])
  }
  if (checked < pods.length) {
    const share = `the first ${checked} of ${pods.length} existing pods`
    request.warn(`new PodSecurity enforce level only checked against ${share}`)
  }
  if (namesByReasons.size === 0) return
  const quoted = JSON.stringify(name)
  request.warn(`existing pods in namespace ${quoted} violate the new PodSecurity enforce level "${policyText(level)}"`)
  for (const line of [...namesByReasons].map(([why, names]) => `${together(names)}: ${why}`).sort()) request.warn(line)
}

function together(names: readonly string[]): string {
  const first = [...names].sort()[0]!
  if (names.length === 1) return first
  return names.length === 2 ? `${first} (and 1 other pod)` : `${first} (and ${names.length - 1} other pods)`
}
