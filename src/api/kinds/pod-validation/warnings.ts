// What is said of pods and pod templates that are let in: names that have been given up, definitions that hide others, fields
// that no longer do anything. k8s: the sentences, and the order in which they come.
import { addressWarnings } from '../../meta/addresses.ts'
import { dnsLabel } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import type {
  Container,
  ContainerPort,
  Pod,
  PodAffinity,
  PodSpec,
  PodTemplateSpec,
  Volume,
} from '../../types/core.v1.ts'
import { claimSpecWarnings, fractionWarning } from '../claim-warnings.ts'
import { nodeLabelDeprecation, nodeTermWarnings } from '../node-labels.ts'
import { virtualPathWarnings } from './virtual-paths.ts'

type Spec = DeepReadonly<PodSpec>
type Annotations = Readonly<Record<string, string>>

const APP_ARMOR_PREFIX = 'container.apparmor.security.beta.kubernetes.io/'
const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod'
const SECCOMP_PREFIX = 'container.seccomp.security.alpha.kubernetes.io/'
const SECCOMP_SENTENCE = 'non-functional in v1.27+; use the "seccompProfile" field instead'
const APP_ARMOR_SENTENCE = 'deprecated since v1.30; use the "appArmorProfile" field instead'

const DEPRECATED_ANNOTATIONS: readonly (readonly [key: string, sentence: string])[] = [
  ['scheduler.alpha.kubernetes.io/critical-pod', 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ['security.alpha.kubernetes.io/sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
  ['security.alpha.kubernetes.io/unsafe-sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
]

/** By the field's name, and how the sentence calls it. */
const OLD_VOLUMES: readonly (readonly [key: keyof Volume, shown: string, sentence: string])[] = [
  ['photonPersistentDisk', 'photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'gitRepo', 'deprecated in v1.11'],
  ['scaleIO', 'scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'storageOS', 'deprecated in v1.22, non-functional in v1.25+'],
  ['quobyte', 'quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['ephemeral', '', ''],
  ['cephfs', 'cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'rbd', 'deprecated in v1.28, non-functional in v1.31+'],
]

const listed = (problems: readonly string[]) => `[${problems.join(' ')}]`

/** Of what gives its name to pods, when it is made. */
export function ownerNameWarnings(name: string): string[] {
  const problems = dnsLabel(name)
  const sentence =
    'metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended'
  return problems.length > 0 ? [`${sentence}: ${listed(problems)}`] : []
}

/** Of a new pod. k8s: nothing is said of updates, which are the components' own. */
export function podWarnings(pod: DeepReadonly<Pod>): string[] {
  const problems = dnsLabel(pod.metadata.name)
  const named =
    problems.length > 0
      ? [
          `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: ${listed(problems)}`,
        ]
      : []
  return [...named, ...specWarnings(pod.spec, pod.metadata.annotations ?? {}, '')]
}

/** @param field of the template: `spec.template` */
export function podTemplateWarnings(template: DeepReadonly<PodTemplateSpec> | undefined, field: string): string[] {
  if (!template?.spec) return []
  return specWarnings(template.spec, template.metadata?.annotations ?? {}, `${field}.`)
}

/** Of a pod's status. */
export function podStatusWarnings({ status }: DeepReadonly<Pod>): string[] {
  const of = (list: 'podIPs' | 'hostIPs') =>
    (status?.[list] ?? []).flatMap(({ ip }, i) => addressWarnings(`status.${list}[${i}].ip`, ip ?? ''))
  return [...of('podIPs'), ...of('hostIPs')]
}

function specWarnings(spec: Spec, annotations: Annotations, prefix: string): string[] {
  const at = `${prefix}spec`
  const annotationAt = (key: string) => `${prefix}metadata.annotations[${key}]`
  const warnings: string[] = [...schedulingWarnings(spec, at)]
  for (const [key, sentence] of DEPRECATED_ANNOTATIONS) {
    if (annotations[key] !== undefined) warnings.push(`${annotationAt(key)}: ${sentence}`)
  }
  spec.volumes?.forEach((volume, i) => {
    warnings.push(...volumeWarnings(volume, `${at}.volumes[${i}]`))
  })
  warnings.push(...virtualPathWarnings(spec.volumes))
  warnings.push(...repeated(spec.hostAliases, (alias) => alias.ip, `${at}.hostAliases`, 'ip'))
  warnings.push(...repeated(spec.imagePullSecrets, (secret) => secret.name ?? '', `${at}.imagePullSecrets`, 'name'))
  spec.imagePullSecrets?.forEach(({ name }, i) => {
    if (!name) warnings.push(`${at}.imagePullSecrets[${i}].name: invalid empty name ""`)
  })
  warnings.push(...fractions(spec.overhead, `${at}.overhead`))
  if (!spec.securityContext?.seccompProfile && annotations[SECCOMP_POD] !== undefined) {
    warnings.push(`${annotationAt(SECCOMP_POD)}: ${SECCOMP_SENTENCE}`)
  }
  const containers = containersOf(spec, at)
  for (const [container, path] of containers) {
    const { name, securityContext, resources, env = [] } = container
    if (!securityContext?.seccompProfile && annotations[SECCOMP_PREFIX + name] !== undefined) {
      warnings.push(`${annotationAt(SECCOMP_PREFIX + name)}: ${SECCOMP_SENTENCE}`)
    }
    const armored = spec.securityContext?.appArmorProfile ?? securityContext?.appArmorProfile
    if (!armored && annotations[APP_ARMOR_PREFIX + name] !== undefined) {
      warnings.push(`${annotationAt(APP_ARMOR_PREFIX + name)}: ${APP_ARMOR_SENTENCE}`)
    }
    warnings.push(...amountWarnings(resources, path), ...envWarnings(env, path))
  }
  warnings.push(...portWarnings(containers))
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    warnings.push(
      `${at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
    )
  }
  warnings.push(...selectorWarnings(spec.affinity?.podAffinity, `${at}.affinity.podAffinity`))
  warnings.push(...selectorWarnings(spec.affinity?.podAntiAffinity, `${at}.affinity.podAntiAffinity`))
  return warnings
}

function schedulingWarnings(spec: Spec, at: string): string[] {
  const warnings: string[] = []
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const deprecation = nodeLabelDeprecation(key)
    if (deprecation) warnings.push(`${at}.nodeSelector[${key}]: ${deprecation}`)
  }
  const node = spec.affinity?.nodeAffinity
  const path = `${at}.affinity.nodeAffinity`
  node?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms?.forEach((term, i) => {
    const field = `${path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${i}]`
    warnings.push(...nodeTermWarnings(term, field, false))
  })
  node?.preferredDuringSchedulingIgnoredDuringExecution?.forEach(({ preference }, i) => {
    const field = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${i}].preference`
    warnings.push(...nodeTermWarnings(preference, field, true))
  })
  spec.topologySpreadConstraints?.forEach(({ topologyKey, labelSelector }, i) => {
    const field = `${at}.topologySpreadConstraints[${i}]`
    const deprecation = nodeLabelDeprecation(topologyKey)
    if (deprecation) warnings.push(`${field}.topologyKey: ${topologyKey} is ${deprecation}`)
    if (!labelSelector) warnings.push(`${field}.labelSelector: a null labelSelector results in matching no pod`)
  })
  return warnings
}

function selectorWarnings(affinity: DeepReadonly<PodAffinity> | undefined, at: string): string[] {
  const sentence = 'a null labelSelector results in matching no pod'
  const warnings: string[] = []
  affinity?.requiredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => {
    if (term.labelSelector) return
    warnings.push(`${at}.requiredDuringSchedulingIgnoredDuringExecution[${i}].labelSelector: ${sentence}`)
  })
  affinity?.preferredDuringSchedulingIgnoredDuringExecution?.forEach(({ podAffinityTerm }, i) => {
    if (podAffinityTerm?.labelSelector) return
    const field = `${at}.preferredDuringSchedulingIgnoredDuringExecution[${i}].podAffinityTerm.labelSelector`
    warnings.push(`${field}: ${sentence}`)
  })
  return warnings
}

function volumeWarnings(volume: DeepReadonly<Volume>, at: string): string[] {
  const warnings: string[] = []
  for (const [key, shown, sentence] of OLD_VOLUMES) {
    if (!volume[key]) continue
    if (key === 'ephemeral') {
      const spec = volume.ephemeral?.volumeClaimTemplate?.spec
      warnings.push(...claimSpecWarnings(spec, `${at}.ephemeral.volumeClaimTemplate.spec`))
    } else warnings.push(`${at}.${shown}: ${sentence}`)
  }
  return warnings
}

function repeated<T>(items: readonly T[] | undefined, keyOf: (item: T) => string, at: string, key: string): string[] {
  const seen = new Set<string>()
  const warnings: string[] = []
  items?.forEach((item, i) => {
    const value = keyOf(item)
    if (seen.has(value)) warnings.push(`${at}[${i}].${key}: duplicate ${key} ${JSON.stringify(value)}`)
    seen.add(value)
  })
  return warnings
}

const fractions = (amounts: Readonly<Record<string, string>> | undefined, at: string): string[] =>
  ['memory', 'ephemeral-storage']
    .map((name) => fractionWarning(`${at}[${name}]`, amounts?.[name]))
    .filter((warning) => warning !== undefined)

/** k8s: memory first, then storage; limits before requests. */
const amountWarnings = (resources: DeepReadonly<Container>['resources'], path: string): string[] =>
  ['memory', 'ephemeral-storage']
    .flatMap((name) => [
      fractionWarning(`${path}.resources.limits[${name}]`, resources?.limits?.[name]),
      fractionWarning(`${path}.resources.requests[${name}]`, resources?.requests?.[name]),
    ])
    .filter((warning) => warning !== undefined)

function envWarnings(env: NonNullable<DeepReadonly<Container>['env']>, path: string): string[] {
  const seen = new Set<string>()
  const warnings: string[] = []
  env.forEach(({ name, value = '', valueFrom }, i) => {
    if (!seen.has(name)) {
      seen.add(name)
      return
    }
    // What extends the earlier value is meant: X=a, X=$(X)b
    const reference = `$(${name})`
    if (!valueFrom && value !== reference && value.includes(reference)) return
    warnings.push(
      `${path}.env[${i}]: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`,
    )
  })
  return warnings
}

type Placed = readonly (readonly [container: DeepReadonly<Container>, path: string])[]

/** k8s: init containers first. */
function containersOf(spec: Spec, at: string): Placed {
  const of = (list: 'initContainers' | 'containers' | 'ephemeralContainers') =>
    (spec[list] ?? []).map((container, i) => [container, `${at}.${list}[${i}]`] as const)
  return [...of('initContainers'), ...of('containers'), ...of('ephemeralContainers')]
}

function portWarnings(containers: Placed): string[] {
  const warnings: string[] = []
  const known = new Map<string, { at: string; port: DeepReadonly<ContainerPort> }[]>()
  for (const [container, path] of containers) {
    container.ports?.forEach((port, i) => {
      const at = `${path}.ports[${i}]`
      const [ip, hostPort] = [port.hostIP ?? '', port.hostPort ?? 0]
      if (ip !== '' && hostPort === 0) warnings.push(`${at}: hostIP set without hostPort: ${goStruct(port)}`)
      const key = `${port.containerPort}/${port.protocol}`
      const others = known.get(key) ?? []
      for (const other of others) {
        const [otherIp, otherPort] = [other.port.hostIP ?? '', other.port.hostPort ?? 0]
        if (ip === otherIp && hostPort === otherPort) {
          warnings.push(`${at}: duplicate port definition with ${other.at}`)
        } else if (hostPort === 0 || otherPort === 0) {
          warnings.push(`${at}: overlapping port definition with ${other.at}`)
        } else if (hostPort === otherPort && (ip === '') !== (otherIp === '')) {
          warnings.push(`${at}: dangerously ambiguous port definition with ${other.at}`)
        }
      }
      known.set(key, [...others, { at, port }])
    })
  }
  return warnings
}

const goStruct = ({ name = '', hostPort = 0, containerPort = 0, protocol, hostIP = '' }: DeepReadonly<ContainerPort>) =>
  `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol ?? ''} HostIP:${hostIP}}`
