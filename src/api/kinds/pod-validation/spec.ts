// The rules of a pod spec as a whole; its parts have their own files beside this one. The same rules hold for pods and for templates.
// k8s: field paths and sentences as the real server's.
import { type FieldError, forbiddenField, invalid, required } from '../../meta/errors.ts'
import { dnsLabel, qualifiedName } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import { validateAnnotations, validateLabels } from '../../meta/object-meta.ts'
import type { PodSpec, PodTemplateSpec } from '../../types/core.v1.ts'
import {
  checkIp,
  checkLabel,
  checkOneOf,
  checkPresent,
  checkQualified,
  checkRange,
  checkSubdomain,
  checkUnique,
  type Errors,
} from '../check.ts'
import { checkContainers, checkEphemeralContainers } from './containers.ts'
import { checkResourceMap, checkResources } from './resources.ts'
import { checkAffinity, checkSpreadConstraints, checkTolerations } from './scheduling.ts'
import { checkPodSecurity } from './security.ts'
import { checkVolumes } from './volumes.ts'

type Spec = DeepReadonly<PodSpec>

const MAX_INT32 = 2147483647

export function validatePodSpec(spec: Spec, field: string): FieldError[] {
  const errors: Errors = []
  const volumes = checkVolumes(errors, `${field}.volumes`, spec.volumes)
  checkContainers(errors, field, spec, volumes)
  checkEphemeralContainers(errors, field, spec, volumes)
  checkOneOf(errors, `${field}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never'])
  checkDns(errors, field, spec)
  if (spec.terminationGracePeriodSeconds === undefined) {
    errors.push(required(`${field}.terminationGracePeriodSeconds`))
  }
  checkRange(errors, `${field}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 1, MAX_INT32)
  errors.push(...validateLabels(spec.nodeSelector, `${field}.nodeSelector`))
  checkPodSecurity(errors, field, spec)
  checkNames(errors, field, spec)
  checkAffinity(errors, `${field}.affinity`, spec.affinity)
  checkTolerations(errors, `${field}.tolerations`, spec.tolerations)
  checkSpreadConstraints(errors, `${field}.topologySpreadConstraints`, spec.topologySpreadConstraints)
  checkGates(errors, field, spec)
  checkResourceMap(errors, `${field}.overhead`, spec.overhead, false)
  if (spec.resources) checkResources(errors, `${field}.resources`, spec.resources, true)
  if (spec.preemptionPolicy) {
    checkOneOf(errors, `${field}.preemptionPolicy`, spec.preemptionPolicy, ['Never', 'PreemptLowerPriority'])
  }
  if (spec.os) checkOneOf(errors, `${field}.os.name`, spec.os.name, ['linux', 'windows'])
  return errors
}

function checkNames(errors: Errors, field: string, spec: Spec): void {
  checkSubdomain(errors, `${field}.serviceAccountName`, spec.serviceAccountName, true)
  checkSubdomain(errors, `${field}.nodeName`, spec.nodeName, true)
  checkSubdomain(errors, `${field}.priorityClassName`, spec.priorityClassName, true)
  checkSubdomain(errors, `${field}.runtimeClassName`, spec.runtimeClassName, true)
  checkQualified(errors, `${field}.schedulerName`, spec.schedulerName)
  checkLabel(errors, `${field}.hostname`, spec.hostname, true)
  checkLabel(errors, `${field}.subdomain`, spec.subdomain, true)
  spec.hostAliases?.forEach((alias, i) => {
    checkIp(errors, `${field}.hostAliases[${i}].ip`, alias.ip)
    alias.hostnames?.forEach((name) => {
      checkSubdomain(errors, `${field}.hostAliases[${i}].hostnames`, name)
    })
  })
  checkUnique(
    errors,
    spec.resourceClaims,
    (claim) => claim.name,
    (i) => `${field}.resourceClaims[${i}].name`,
  )
  spec.resourceClaims?.forEach((claim, i) => {
    const path = `${field}.resourceClaims[${i}]`
    checkLabel(errors, `${path}.name`, claim.name)
    const given = [claim.resourceClaimName, claim.resourceClaimTemplateName].filter((n) => n !== undefined)
    if (given.length !== 1) {
      errors.push(
        invalid(
          path,
          claim,
          given.length === 0
            ? 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'
            : 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified',
        ),
      )
    }
  })
}

const MAX_NAMESERVERS = 3
const MAX_SEARCHES = 32
const MAX_SEARCH_CHARACTERS = 2048

function checkDns(errors: Errors, field: string, { dnsPolicy, dnsConfig }: Spec): void {
  checkOneOf(errors, `${field}.dnsPolicy`, dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'])
  const path = `${field}.dnsConfig`
  if (dnsPolicy === 'None') {
    if (!dnsConfig) {
      errors.push(required(path, 'must provide `dnsConfig` when `dnsPolicy` is None'))
    } else if (!dnsConfig.nameservers?.length) {
      errors.push(required(`${path}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None'))
    }
  }
  if (!dnsConfig) return
  const { nameservers = [], searches = [], options = [] } = dnsConfig
  if (nameservers.length > MAX_NAMESERVERS) {
    errors.push(invalid(`${path}.nameservers`, nameservers, `must not have more than ${MAX_NAMESERVERS} nameservers`))
  }
  nameservers.forEach((ip, i) => {
    checkIp(errors, `${path}.nameservers[${i}]`, ip)
  })
  if (searches.length > MAX_SEARCHES) {
    errors.push(invalid(`${path}.searches`, searches, `must not have more than ${MAX_SEARCHES} search paths`))
  }
  if (searches.join(' ').length > MAX_SEARCH_CHARACTERS) {
    errors.push(
      invalid(
        `${path}.searches`,
        searches,
        `must not have more than ${MAX_SEARCH_CHARACTERS} characters (including spaces) in the search list`,
      ),
    )
  }
  searches.forEach((search, i) => {
    // k8s: a trailing dot, a lone dot and underscores are allowed
    const plain = search.replace(/\.$/, '').replaceAll('_', '-')
    if (search !== '.') checkSubdomain(errors, `${path}.searches[${i}]`, plain.replace(/^-|-$/g, 'a'))
  })
  options.forEach((option, i) => {
    if (!option.name) errors.push(required(`${path}.options[${i}]`, 'must not be empty'))
  })
}

function checkGates(errors: Errors, field: string, spec: Spec): void {
  spec.readinessGates?.forEach(({ conditionType }, i) => {
    for (const problem of qualifiedName(conditionType ?? '')) {
      errors.push(invalid(`${field}.readinessGates[${i}].conditionType`, conditionType, problem))
    }
  })
  spec.schedulingGates?.forEach(({ name }, i) => {
    checkQualified(errors, `${field}.schedulingGates[${i}]`, name)
  })
  checkUnique(
    errors,
    spec.schedulingGates,
    (gate) => gate.name,
    (i) => `${field}.schedulingGates[${i}]`,
  )
}

/** Templates of workloads: labels, annotations and the spec; no ephemeral containers. */
export function validatePodTemplate(template: DeepReadonly<PodTemplateSpec> | undefined, field: string): FieldError[] {
  const errors: Errors = []
  if (!checkPresent(errors, field, template)) return errors
  const { metadata, spec } = template!
  errors.push(...validateLabels(metadata?.labels, `${field}.labels`))
  errors.push(...validateAnnotations(metadata?.annotations, `${field}.annotations`))
  if (!spec) return [...errors, required(`${field}.spec`)]
  errors.push(...validatePodSpec(spec, `${field}.spec`))
  if (spec.ephemeralContainers?.length) {
    errors.push(forbiddenField(`${field}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'))
  }
  return errors
}

/** A hostname rule used by pods of StatefulSets and Jobs as well. */
export const isHostname = (name: string): boolean => dnsLabel(name).length === 0
