// The rules of writes of a pod's status, which the node's agent makes.
import { areDualStack } from '../../meta/addresses.ts'
import { duplicate, type FieldError, forbiddenField, invalid, notSupported } from '../../meta/errors.ts'
import { dnsSubdomain, qualifiedName } from '../../meta/names.ts'
import type { DeepReadonly } from '../../meta/object.ts'
import type { Container, ContainerStatus, Pod, PodSpec } from '../../types/core.v1.ts'
import { checkIp, checkRange, type Errors } from '../check.ts'
import { annotationChanges, checkAnnotations } from './annotations.ts'

type AnyPod = DeepReadonly<Pod>
type Spec = DeepReadonly<PodSpec>
type Statuses = readonly DeepReadonly<ContainerStatus>[]
type Status = NonNullable<AnyPod['status']>

const SYSTEM_CONDITIONS = ['PodScheduled', 'Ready', 'Initialized']
const MAX_ID = 2147483647

export function validatePodStatusUpdate(pod: AnyPod, old: AnyPod): FieldError[] {
  const errors: Errors = annotationChanges(pod, old)
  checkAnnotations(errors, 'metadata.annotations', pod.metadata.annotations ?? {}, pod.spec, old.metadata.annotations)
  const [status, before] = [pod.status ?? {}, old.status ?? {}]
  checkConditions(errors, status)
  // k8s: the node of a pod is set through its binding and never changes
  if (pod.spec.nodeName !== old.spec.nodeName) {
    errors.push(forbiddenField('status.nodeName', 'may not be changed directly'))
  }
  checkNomination(errors, status.nominatedNodeName ?? '', before.nominatedNodeName ?? '', old.spec.nodeName)
  if ((status.observedGeneration ?? 0) < 0) {
    errors.push(invalid('status.observedGeneration', status.observedGeneration, 'must be a non-negative integer'))
  }
  if ((status.qosClass ?? '') !== (before.qosClass ?? '')) {
    errors.push(invalid('status.qosClass', status.qosClass ?? '', 'field is immutable'))
  }
  checkTransitions(errors, 'containerStatuses', status, before, old.spec, old.spec.containers ?? [])
  checkTransitions(errors, 'initContainerStatuses', status, before, old.spec, old.spec.initContainers ?? [])
  checkTransitions(errors, 'ephemeralContainerStatuses', status, before, old.spec, undefined)
  checkClaimStatuses(errors, status, pod.spec)
  checkAddresses(errors, status, before)
  const lists = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const
  for (const list of lists) checkUsers(errors, `status.${list}`, status[list] ?? [], pod.spec.os?.name)
  checkAllocated(errors, 'status.containerStatuses', status.containerStatuses ?? [], pod.spec.containers ?? [])
  checkAllocated(
    errors,
    'status.initContainerStatuses',
    status.initContainerStatuses ?? [],
    pod.spec.initContainers ?? [],
  )
  status.ephemeralContainerStatuses?.forEach((container, i) => {
    if (!container.allocatedResourcesStatus?.length) return
    const field = `status.ephemeralContainerStatuses[${i}].allocatedResourcesStatus`
    errors.push(forbiddenField(field, 'must not be specified in container status'))
  })
  return errors
}

function checkConditions(errors: Errors, { conditions }: Status): void {
  conditions?.forEach(({ type, observedGeneration = 0 }, i) => {
    const at = `status.conditions[${i}]`
    if (observedGeneration < 0) {
      errors.push(invalid(`${at}.observedGeneration`, observedGeneration, 'must be a non-negative integer'))
    }
    if (SYSTEM_CONDITIONS.includes(type)) return
    for (const problem of qualifiedName(type ?? '')) errors.push(invalid(`${at}.Type`, type ?? '', problem))
  })
}

function checkNomination(errors: Errors, now: string, before: string, bound: string | undefined): void {
  if (now === '' || now === before) return
  const field = 'status.nominatedNodeName'
  for (const problem of dnsSubdomain(now)) errors.push(invalid(field, now, problem))
  if (bound) errors.push(forbiddenField(field, 'may not be set on pods that are already bound to a node'))
}

/** A container that has ended runs again only where somebody wants it to. @param containers undefined: none of them ever does */
function checkTransitions(
  errors: Errors,
  list: 'containerStatuses' | 'initContainerStatuses' | 'ephemeralContainerStatuses',
  status: Status,
  before: Status,
  spec: Spec,
  containers: readonly DeepReadonly<Container>[] | undefined,
): void {
  before[list]?.forEach(({ name, state }, i) => {
    const exitCode = state?.terminated?.exitCode
    if (!state?.terminated) return
    const runsAgain = status[list]?.some((now) => now.name === name && !now.state?.terminated)
    if (!runsAgain) return
    const container = containers?.find((c) => c.name === name)
    if (container && (restarts(container, spec, exitCode ?? 0) || restartsTogether(spec))) return
    errors.push(forbiddenField(`status.${list}[${i}].state`, 'may not be transitioned to non-terminated state'))
  })
}

/** The first rule that fits, then the container's own policy, then the pod's. */
function restarts(container: DeepReadonly<Container>, spec: Spec, exitCode: number): boolean {
  if (container.restartPolicy) {
    const fits = container.restartPolicyRules?.some(({ exitCodes }) => {
      const listed = exitCodes?.values?.includes(exitCode) ?? false
      return exitCodes?.operator === 'In' ? listed : exitCodes?.operator === 'NotIn' && !listed
    })
    if (fits) return true
  }
  const policy = container.restartPolicy || spec.restartPolicy || 'Always'
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
}

/** One container's end can start all of them again. */
const restartsTogether = (spec: Spec): boolean =>
  [...(spec.containers ?? []), ...(spec.initContainers ?? [])].some((container) =>
    container.restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers'),
  )

function checkClaimStatuses(errors: Errors, status: Status, spec: Spec): void {
  const seen = new Set<string>()
  status.resourceClaimStatuses?.forEach(({ name, resourceClaimName }, i) => {
    const at = `status.resourceClaimStatuses[${i}].name`
    if (!spec.resourceClaims?.some((claim) => claim.name === name)) {
      errors.push(invalid(at, name, 'must match the name of an entry in `spec.resourceClaims`'))
    }
    if (seen.has(name)) errors.push(duplicate(at, name))
    seen.add(name)
    for (const problem of resourceClaimName === undefined ? [] : dnsSubdomain(resourceClaimName)) {
      errors.push(invalid(at, resourceClaimName, problem))
    }
  })
}

function checkAddresses(errors: Errors, status: Status, before: Status): void {
  checkIps(errors, 'status.podIPs', status.podIPs, before.podIPs)
  const first = status.hostIPs?.[0]?.ip
  if (status.hostIPs?.length && (status.hostIP ?? '') !== first) {
    errors.push(invalid('status.hostIPs[0].ip', first ?? '', 'must be equal to `hostIP`'))
  }
  checkIps(errors, 'status.hostIPs', status.hostIPs, before.hostIPs)
}

type Ips = readonly { readonly ip?: string }[] | undefined

/** At most one of each family. */
function checkIps(errors: Errors, field: string, ips: Ips, before: Ips): void {
  const kept = (before ?? []).map(({ ip }) => ip)
  const texts = (ips ?? []).map(({ ip = '' }) => ip)
  texts.forEach((ip, i) => {
    checkIp(errors, `${field}[${i}]`, ip, kept)
  })
  if (texts.length < 2) return
  if (!areDualStack(texts) || texts.length > 2) {
    errors.push(invalid(field, ips, 'may specify no more than one IP for each IP family'))
  }
  texts.forEach((ip, i) => {
    if (texts.indexOf(ip) < i) errors.push(duplicate(`${field}[${i}]`, { ip }))
  })
}

function checkUsers(errors: Errors, field: string, statuses: Statuses, os = 'linux'): void {
  statuses.forEach(({ user }, i) => {
    if (!user?.linux) return
    const at = `${field}[${i}].user.linux`
    if (os === 'windows') {
      errors.push(forbiddenField(at, 'cannot be set for a windows pod'))
      return
    }
    const { uid, gid, supplementalGroups = [] } = user.linux
    checkRange(errors, `${at}.uid`, uid, 0, MAX_ID)
    checkRange(errors, `${at}.gid`, gid, 0, MAX_ID)
    supplementalGroups.forEach((group, g) => {
      checkRange(errors, `${at}.supplementalGroups[${g}]`, group, 0, MAX_ID)
    })
  })
}

const HEALTH = ['Healthy', 'Unhealthy', 'Unknown']
const CLAIM_SENTENCE =
  "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"

function checkAllocated(
  errors: Errors,
  field: string,
  statuses: Statuses,
  containers: readonly DeepReadonly<Container>[],
): void {
  statuses.forEach(({ name: containerName, allocatedResourcesStatus = [] }, i) => {
    const container = containers.find(({ name }) => name === containerName)
    allocatedResourcesStatus.forEach(({ name, resources = [] }, j) => {
      const at = `${field}[${i}].allocatedResourcesStatus[${j}]`
      if (container && !asksFor(container, name)) {
        const why = name.startsWith('claim:') ? CLAIM_SENTENCE : "must match one of the container's resource requests"
        errors.push(invalid(`${at}.name`, name, why))
      }
      const seen = new Set<string>()
      resources.forEach(({ resourceID, health = '' }, k) => {
        const path = `${at}.resources[${k}]`
        if (!HEALTH.includes(health)) errors.push(notSupported(`${path}.health`, health, HEALTH))
        if (seen.has(resourceID)) errors.push(duplicate(`${path}.resourceID`, resourceID))
        seen.add(resourceID)
      })
    })
  })
}

function asksFor({ resources }: DeepReadonly<Container>, name: string): boolean {
  if (!name.startsWith('claim:')) return Object.hasOwn(resources?.requests ?? {}, name)
  return (resources?.claims ?? []).some(
    (claim) => name === `claim:${claim.name}${claim.request ? `/${claim.request}` : ''}`,
  )
}
