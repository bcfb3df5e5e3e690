// Defaults of pod specs: what holds for every template, and what only pods themselves get.
// k8s: the same numbers and the same split (a Deployment's template shows no `enableServiceLinks`, a pod does).
import type { Container, EphemeralContainer, HTTPGetAction, Pod, PodSpec, Probe, Volume } from '../types/core.v1.ts'
import { imageTag } from './image-reference.ts'

const DEFAULT_FILE_MODE = 420 // 0644

export function defaultPodSpec(spec: PodSpec): void {
  spec.containers ??= []
  spec.dnsPolicy ||= 'ClusterFirst'
  spec.restartPolicy ||= 'Always'
  spec.securityContext ??= {}
  spec.terminationGracePeriodSeconds ??= 30
  spec.schedulerName ||= 'default-scheduler'
  // k8s: `serviceAccount` is the old name of `serviceAccountName`; both are shown.
  const account = spec.serviceAccountName || spec.serviceAccount
  if (account) {
    spec.serviceAccountName = account
    spec.serviceAccount = account
  }
  for (const volume of spec.volumes ?? []) defaultVolume(volume)
  for (const container of spec.initContainers ?? []) defaultContainer(container)
  for (const container of spec.containers) defaultContainer(container)
  for (const container of spec.ephemeralContainers ?? []) defaultContainer(container)
}

/** A pod, beyond its spec as a template: links, requests that follow limits, host ports on the host network. */
export function defaultPod(pod: Pod): void {
  const spec = pod.spec
  defaultPodSpec(spec)
  spec.enableServiceLinks ??= true
  const all = [...(spec.initContainers ?? []), ...spec.containers]
  for (const container of all) requestsFromLimits(container)
  if (spec.resources) requestsFromLimits(spec)
  if (spec.hostNetwork) {
    for (const port of all.flatMap((c) => c.ports ?? [])) port.hostPort ||= port.containerPort
  }
}

function requestsFromLimits(owner: { resources?: Container['resources'] }): void {
  const limits = owner.resources?.limits
  if (!limits || !owner.resources) return
  for (const [name, amount] of Object.entries(limits)) {
    owner.resources.requests ??= {}
    owner.resources.requests[name] ??= amount
  }
}

export function defaultContainer(container: Container | EphemeralContainer): void {
  container.resources ??= {}
  container.terminationMessagePath ||= '/dev/termination-log'
  container.terminationMessagePolicy ||= 'File'
  container.imagePullPolicy ||= pullPolicy(container.image)
  for (const port of container.ports ?? []) port.protocol ||= 'TCP'
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef) valueFrom.fieldRef.apiVersion ||= 'v1'
    if (valueFrom?.fileKeyRef) valueFrom.fileKeyRef.optional ??= false
  }
  defaultProbe(container.livenessProbe)
  defaultProbe(container.readinessProbe)
  defaultProbe(container.startupProbe)
  defaultHttpGet(container.lifecycle?.postStart?.httpGet)
  defaultHttpGet(container.lifecycle?.preStop?.httpGet)
}

/** Images that move (`latest`, or no tag) are always pulled. */
const pullPolicy = (image: string | undefined) => (imageTag(image ?? '') === 'latest' ? 'Always' : 'IfNotPresent')

function defaultProbe(probe: Probe | undefined): void {
  if (!probe) return
  probe.timeoutSeconds ||= 1
  probe.periodSeconds ||= 10
  probe.successThreshold ||= 1
  probe.failureThreshold ||= 3
  defaultHttpGet(probe.httpGet)
  if (probe.grpc) probe.grpc.service ??= ''
}

function defaultHttpGet(action: HTTPGetAction | undefined): void {
  if (!action) return
  action.path ||= '/'
  action.scheme ||= 'HTTP'
}

export function defaultVolume(volume: Volume): void {
  if (Object.keys(volume).every((key) => key === 'name')) volume.emptyDir = {}
  if (volume.hostPath) volume.hostPath.type ??= ''
  if (volume.secret) volume.secret.defaultMode ??= DEFAULT_FILE_MODE
  if (volume.configMap) volume.configMap.defaultMode ??= DEFAULT_FILE_MODE
  if (volume.image) volume.image.pullPolicy ||= pullPolicy(volume.image.reference)
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= DEFAULT_FILE_MODE
    for (const { fieldRef } of volume.downwardAPI.items ?? []) if (fieldRef) fieldRef.apiVersion ||= 'v1'
  }
  if (volume.projected) {
    volume.projected.defaultMode ??= DEFAULT_FILE_MODE
    for (const source of volume.projected.sources ?? []) {
      if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= 3600
      for (const { fieldRef } of source.downwardAPI?.items ?? []) if (fieldRef) fieldRef.apiVersion ||= 'v1'
    }
  }
  const claim = volume.ephemeral?.volumeClaimTemplate
  if (claim?.spec) claim.spec.volumeMode ||= 'Filesystem'
}
