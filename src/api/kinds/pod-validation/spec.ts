// The rules of a pod spec as a whole; its parts have their own files beside this one. The same rules hold for pods and for templates,
// but for the few that only a pod's own metadata or creation can break. k8s: field paths, sentences and order as the real server's.
import { duplicate, type FieldError, forbiddenField, invalid, required } from '../../meta/errors.ts'
import { dnsLabel, dnsSubdomain, dnsSubdomainWithUnderscore, qualifiedName } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import { validateAnnotations, validateLabels } from '../../meta/object-meta.ts'
import type { Pod, PodSpec, PodTemplateSpec } from '../../types/core.v1.ts'
import { checkIp, checkLabel, checkListed, checkPresent, checkRange, checkSubdomain, type Errors } from '../check.ts'
import { CLAIM_FIELDS, internalShape } from '../internal-shape.ts'
import { checkAnnotations, checkProfileAnnotations } from './annotations.ts'
import {
  type Around,
  checkContainers,
  checkEphemeralContainers,
  checkHostNetworkPorts,
  checkImageSpaces,
  checkInitContainers,
  checkPodRestartPolicy,
} from './containers.ts'
import { checkHostProcess, checkOs } from './os.ts'
import { checkPodResources, checkResources } from './resources.ts'
import { checkAffinity, checkSpreadConstraints, checkTolerations } from './scheduling.ts'
import { checkHostUsers, checkPodSecurity } from './security.ts'
import { checkVolumes } from './volumes.ts'

type Spec = DeepReadonly<PodSpec>

const MAX_INT32 = 2147483647
const NO_CLAIMS: ReadonlySet<string> = new Set()

/** A pod that is to be made. Its metadata is checked elsewhere, but for what its annotations say about the spec. */
export function validatePodCreate(pod: DeepReadonly<Pod>): FieldError[] {
  const errors = validatePodContents(pod)
  const { spec } = pod
  if (spec.ephemeralContainers?.length) {
    errors.push(forbiddenField('spec.ephemeralContainers', 'cannot be set on create'))
  }
  if (spec.nodeName && spec.schedulingGates?.length) {
    errors.push(forbiddenField('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'))
  }
  checkProfileAnnotations(errors, 'spec', pod.metadata.annotations ?? {}, spec)
  return errors
}

/** What holds for a pod at any time. @param old what an update may leave as it was */
export function validatePodContents(pod: DeepReadonly<Pod>, old?: DeepReadonly<Pod>): FieldError[] {
  const { spec } = pod
  const errors: Errors = []
  checkAnnotations(errors, 'metadata.annotations', pod.metadata.annotations ?? {}, spec, old?.metadata.annotations)
  errors.push(...validatePodSpec(spec, 'spec', pod.metadata.name, old?.spec))
  if (!spec.serviceAccountName) {
    spec.volumes?.forEach((volume, v) => {
      volume.projected?.sources?.forEach((source, s) => {
        if (!source.serviceAccountToken) return
        const field = `spec.volumes[${v}].projected.sources[${s}].serviceAccountToken`
        errors.push(forbiddenField(field, 'must not be specified when serviceAccountName is not set'))
      })
    })
  }
  for (const list of ['containers', 'initContainers'] as const) {
    spec[list]?.forEach((container, i) => {
      checkImageSpaces(errors, `spec.${list}[${i}]`, container)
    })
  }
  return errors
}

/** @param podName where the spec is a pod's own; @param old the spec before an update */
export function validatePodSpec(spec: Spec, field: string, podName?: string, old?: Spec): FieldError[] {
  const errors: Errors = []
  if (spec.terminationGracePeriodSeconds === undefined) {
    errors.push(required(`${field}.terminationGracePeriodSeconds`))
  }
  const volumes = checkVolumes(errors, `${field}.volumes`, spec.volumes, podName)
  const claimNames = new Set((spec.resourceClaims ?? []).map(({ name }) => name).filter(Boolean))
  checkClaims(errors, `${field}.resourceClaims`, spec)
  const around: Around = { spec, volumes, claimNames }
  checkContainers(errors, `${field}.containers`, around)
  checkInitContainers(errors, `${field}.initContainers`, around)
  checkEphemeralContainers(errors, `${field}.ephemeralContainers`, around)
  checkPodResources(errors, `${field}.resources`, spec, claimNames)
  checkHostNetworkPorts(errors, field, spec, podName !== undefined)
  checkPodRestartPolicy(errors, `${field}.restartPolicy`, spec.restartPolicy)
  checkListed(errors, `${field}.dnsPolicy`, spec.dnsPolicy, [
    'ClusterFirstWithHostNet',
    'ClusterFirst',
    'Default',
    'None',
  ])
  errors.push(...validateLabels(spec.nodeSelector, `${field}.nodeSelector`))
  checkPodSecurity(errors, field, spec)
  checkAffinity(errors, `${field}.affinity`, spec.affinity)
  checkDns(errors, `${field}.dnsConfig`, spec, old?.dnsConfig?.nameservers)
  checkGates(errors, field, spec)
  checkSpreadConstraints(errors, `${field}.topologySpreadConstraints`, spec.topologySpreadConstraints)
  checkHostProcess(errors, field, spec)
  checkHostUsers(errors, field, spec)
  checkSubdomain(errors, `${field}.serviceAccountName`, spec.serviceAccountName, true)
  checkSubdomain(errors, `${field}.nodeName`, spec.nodeName, true)
  checkRange(errors, `${field}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 1, MAX_INT32)
  checkLabel(errors, `${field}.hostname`, spec.hostname, true)
  checkLabel(errors, `${field}.subdomain`, spec.subdomain, true)
  checkTolerations(errors, `${field}.tolerations`, spec.tolerations)
  checkHostAliases(errors, `${field}.hostAliases`, spec, old)
  checkHostnameOverride(errors, `${field}.hostnameOverride`, spec)
  checkSubdomain(errors, `${field}.priorityClassName`, spec.priorityClassName, true)
  if (spec.runtimeClassName !== undefined) {
    for (const problem of dnsSubdomain(spec.runtimeClassName)) {
      errors.push(invalid(`${field}.runtimeClassName`, spec.runtimeClassName, problem))
    }
  }
  if (spec.preemptionPolicy !== undefined) {
    checkListed(errors, `${field}.preemptionPolicy`, spec.preemptionPolicy, ['PreemptLowerPriority', 'Never'])
  }
  if (spec.overhead) checkResources(errors, `${field}.overhead`, { limits: spec.overhead }, NO_CLAIMS)
  checkOs(errors, field, spec)
  return errors
}

function checkClaims(errors: Errors, field: string, spec: Spec): void {
  const names = new Set<string>()
  spec.resourceClaims?.forEach((claim, i) => {
    const at = `${field}[${i}]`
    if (names.has(claim.name)) errors.push(duplicate(`${at}.name`, claim.name))
    else checkLabel(errors, `${at}.name`, claim.name)
    if (claim.name) names.add(claim.name)
    const { resourceClaimName, resourceClaimTemplateName } = claim
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
      const why = 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified'
      errors.push(invalid(at, internalShape(claim, CLAIM_FIELDS), why))
    } else if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
      const why = 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'
      errors.push(invalid(at, internalShape(claim, CLAIM_FIELDS), why))
    }
    for (const key of ['resourceClaimName', 'resourceClaimTemplateName'] as const) {
      const name = claim[key]
      for (const problem of name === undefined ? [] : dnsSubdomain(name)) {
        errors.push(invalid(`${at}.${key}`, name, problem))
      }
    }
  })
}

function checkHostAliases(errors: Errors, field: string, spec: Spec, old: Spec | undefined): void {
  const kept = (old?.hostAliases ?? []).map(({ ip }) => ip)
  spec.hostAliases?.forEach((alias, i) => {
    checkIp(errors, `${field}[${i}].ip`, alias.ip, kept)
    alias.hostnames?.forEach((name, n) => {
      for (const problem of dnsSubdomain(name)) errors.push(invalid(`${field}[${i}].hostnames[${n}]`, name, problem))
    })
  })
}

const MAX_HOSTNAME = 64

function checkHostnameOverride(errors: Errors, field: string, spec: Spec): void {
  const name = spec.hostnameOverride
  if (name === undefined) return
  for (const problem of dnsSubdomain(name)) errors.push(invalid(field, name, problem))
  if (name.length > MAX_HOSTNAME) errors.push(invalid(field, name, `must be no more than ${MAX_HOSTNAME} bytes`))
  if (spec.hostNetwork) errors.push(forbiddenField(field, 'may not be specified when hostNetwork is true'))
  if (spec.setHostnameAsFQDN) errors.push(forbiddenField(field, 'may not be specified when setHostnameAsFQDN is true'))
}

const MAX_NAMESERVERS = 3
const MAX_SEARCHES = 32
const MAX_SEARCH_CHARACTERS = 2048

function checkDns(errors: Errors, path: string, spec: Spec, kept: readonly string[] | undefined): void {
  const { dnsPolicy, dnsConfig } = spec
  if (dnsPolicy === 'None') {
    if (!dnsConfig) return void errors.push(required(path, 'must provide `dnsConfig` when `dnsPolicy` is None'))
    if (!dnsConfig.nameservers?.length) {
      const why = 'must provide at least one DNS nameserver when `dnsPolicy` is None'
      return void errors.push(required(`${path}.nameservers`, why))
    }
  }
  const { nameservers = [], searches = [], options = [] } = dnsConfig ?? {}
  if (nameservers.length > MAX_NAMESERVERS) {
    errors.push(invalid(`${path}.nameservers`, nameservers, `must not have more than ${MAX_NAMESERVERS} nameservers`))
  }
  nameservers.forEach((ip, i) => {
    checkIp(errors, `${path}.nameservers[${i}]`, ip, kept)
  })
  if (searches.length > MAX_SEARCHES) {
    errors.push(invalid(`${path}.searches`, searches, `must not have more than ${MAX_SEARCHES} search paths`))
  }
  if (searches.join(' ').length > MAX_SEARCH_CHARACTERS) {
    const why = `must not have more than ${MAX_SEARCH_CHARACTERS} characters (including spaces) in the search list`
    errors.push(invalid(`${path}.searches`, searches, why))
  }
  searches.forEach((search, i) => {
    if (search === '.') return
    const name = search.endsWith('.') ? search.slice(0, -1) : search
    for (const problem of dnsSubdomainWithUnderscore(name)) {
      errors.push(invalid(`${path}.searches[${i}]`, name, problem))
    }
  })
  options.forEach((option, i) => {
    if (!option.name) errors.push(required(`${path}.options[${i}]`, 'must not be empty'))
  })
}

function checkGates(errors: Errors, field: string, spec: Spec): void {
  spec.readinessGates?.forEach(({ conditionType }, i) => {
    checkQualifiedText(errors, `${field}.readinessGates[${i}].conditionType`, conditionType)
  })
  const seen = new Set<string>()
  spec.schedulingGates?.forEach(({ name }, i) => {
    const at = `${field}.schedulingGates[${i}]`
    checkQualifiedText(errors, at, name)
    if (seen.has(name)) errors.push(duplicate(at, name))
    seen.add(name)
  })
}

/** k8s: an absent name is a malformed one here. */
function checkQualifiedText(errors: Errors, field: string, name = ''): void {
  for (const problem of qualifiedName(name)) errors.push(invalid(field, name, problem))
}

/** Templates of workloads: labels, annotations and the spec; no ephemeral containers. */
export function validatePodTemplate(template: DeepReadonly<PodTemplateSpec> | undefined, field: string): FieldError[] {
  const errors: Errors = []
  if (!checkPresent(errors, field, template)) return errors
  const { metadata, spec } = template!
  const annotations = metadata?.annotations ?? {}
  errors.push(...validateLabels(metadata?.labels, `${field}.labels`))
  errors.push(...validateAnnotations(metadata?.annotations, `${field}.annotations`))
  if (!spec) return [...errors, required(`${field}.spec`)]
  checkAnnotations(errors, `${field}.annotations`, annotations, spec)
  errors.push(...validatePodSpec(spec, `${field}.spec`))
  checkProfileAnnotations(errors, `${field}.spec`, annotations, spec)
  if (spec.ephemeralContainers?.length) {
    errors.push(forbiddenField(`${field}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'))
  }
  return errors
}

/** A hostname rule used by pods of StatefulSets and Jobs as well. */
export const isHostname = (name: string): boolean => dnsLabel(name).length === 0
