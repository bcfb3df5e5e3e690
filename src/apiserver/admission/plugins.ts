// The admission plug-ins, in their order, and which of them are on. k8s: order and defaults of kube-apiserver's. Those that are `always`
// there are parts of its storage and no plug-ins to be chosen.
import type { Clock } from '../../base/clock.ts'
import type { Authorizer } from '../authz/authorizer.ts'
import type { QuotaKeeper } from '../quota/quota-keeper.ts'
import type { Resources } from '../resources.ts'
import type { Store } from '../storage/store.ts'
import { type Admission, type AdmissionPlugin, admissionChain } from './admission.ts'
import { alwaysPullImages } from './always-pull-images.ts'
import { limitPodHardAntiAffinityTopology } from './anti-affinity-topology.ts'
import {
  certificateApproval,
  certificateConditions,
  certificateRequestor,
  certificateSigning,
  certificateSubjectRestriction,
} from './certificates.ts'
import { defaultIngressClass, defaultStorageClass } from './default-class.ts'
import { denyServiceExternalIPs } from './deny-service-external-ips.ts'
import { eventRateLimit } from './event-rate-limit.ts'
import { extendedResourceToleration } from './extended-resource-toleration.ts'
import { limitRanger } from './limit-ranger.ts'
import { Lookup } from './lookup.ts'
import { namespaceExists, namespaceLifecycle } from './namespace-lifecycle.ts'
import { nodeRestriction } from './node-restriction.ts'
import { ownerReferencesPermissionEnforcement } from './owner-references.ts'
import { persistentVolumeClaimResize } from './persistent-volume-claim-resize.ts'
import { type AdmissionSettings, isChosen, NO_SETTINGS, type Standing } from './plugin-choice.ts'
import { defaultTolerationSeconds, priority, taintNodesByCondition } from './pod-defaults.ts'
import { podNodeSelector } from './pod-node-selector.ts'
import { podResizeValidator } from './pod-resize.ts'
import { podSecurity } from './pod-security/pod-security.ts'
import { podTopologyLabels } from './pod-topology-labels.ts'
import type { AdmissionPolicies } from './policies/policies.ts'
import { rbacEscalation } from './rbac.ts'
import { resourceQuota } from './resource-quota.ts'
import { runtimeClass } from './runtime-class.ts'
import { serviceAccount } from './service-account.ts'
import { serviceCarryOver } from './service-addresses.ts'
import { storageObjectInUseProtection } from './storage-object-in-use-protection.ts'
import { type AdmissionWebhooks, webhookConditions } from './webhooks/webhooks.ts'

export interface AdmissionParts {
  readonly store: Store
  readonly clock: Clock
  readonly random: () => number
  readonly authorizer: Authorizer
  readonly resources: Resources
  readonly quotas: QuotaKeeper
  readonly webhooks: AdmissionWebhooks
  readonly policies: AdmissionPolicies
  readonly settings?: AdmissionSettings | undefined
}

interface Entry {
  readonly name: string
  readonly standing: Standing
  make(parts: AdmissionParts & { readonly lookup: Lookup }): AdmissionPlugin
}

const always = (name: string, make: Entry['make']): Entry => ({ name, standing: 'always', make })
const on = (name: string, make: Entry['make']): Entry => ({ name, standing: 'on', make })
const off = (name: string, make: Entry['make']): Entry => ({ name, standing: 'off', make })

export const PLUGINS: readonly Entry[] = [
  on('NamespaceLifecycle', ({ lookup }) => namespaceLifecycle(lookup)),
  off('NamespaceExists', ({ lookup }) => namespaceExists(lookup)),
  off('LimitPodHardAntiAffinityTopology', () => limitPodHardAntiAffinityTopology),
  on('LimitRanger', ({ lookup }) => limitRanger(lookup)),
  on('ServiceAccount', ({ lookup, clock, random }) => serviceAccount(lookup, clock, random)),
  on('NodeRestriction', ({ lookup }) => nodeRestriction(lookup)),
  on('TaintNodesByCondition', () => taintNodesByCondition),
  off('AlwaysPullImages', () => alwaysPullImages),
  on('PodSecurity', ({ lookup, clock, settings }) => podSecurity(lookup, clock, settings?.configurations.PodSecurity)),
  off('PodNodeSelector', ({ lookup }) => podNodeSelector(lookup)),
  on('Priority', ({ lookup }) => priority(lookup)),
  on('DefaultTolerationSeconds', () => defaultTolerationSeconds),
  off('EventRateLimit', ({ clock, settings }) => eventRateLimit(clock, settings?.configurations.EventRateLimit)),
  off('ExtendedResourceToleration', () => extendedResourceToleration),
  on('DefaultStorageClass', ({ lookup }) => defaultStorageClass(lookup)),
  on('StorageObjectInUseProtection', () => storageObjectInUseProtection),
  off('OwnerReferencesPermissionEnforcement', ({ authorizer, resources }) =>
    ownerReferencesPermissionEnforcement(authorizer, resources),
  ),
  on('PersistentVolumeClaimResize', ({ lookup }) => persistentVolumeClaimResize(lookup)),
  on('RuntimeClass', ({ lookup }) => runtimeClass(lookup)),
  always('ServiceAddresses', () => serviceCarryOver),
  always('CertificateRequestor', () => certificateRequestor),
  always('CertificateConditions', ({ clock }) => certificateConditions(clock)),
  on('CertificateApproval', ({ authorizer }) => certificateApproval(authorizer)),
  on('CertificateSigning', ({ authorizer }) => certificateSigning(authorizer)),
  on('CertificateSubjectRestriction', () => certificateSubjectRestriction),
  always('RBACEscalation', ({ authorizer }) => rbacEscalation(authorizer)),
  on('DefaultIngressClass', ({ lookup }) => defaultIngressClass(lookup)),
  off('DenyServiceExternalIPs', () => denyServiceExternalIPs),
  on('PodTopologyLabels', ({ lookup }) => podTopologyLabels(lookup)),
  off('PodResizeValidator', ({ lookup }) => podResizeValidator(lookup)),
  always('WebhookConditions', () => webhookConditions),
  on('MutatingAdmissionPolicy', ({ policies }) => policies.mutating),
  on('MutatingAdmissionWebhook', ({ webhooks }) => webhooks.mutating),
  on('ValidatingAdmissionPolicy', ({ policies }) => policies.validating),
  on('ValidatingAdmissionWebhook', ({ webhooks }) => webhooks.validating),
  // Nothing comes after it: what it lets through is counted.
  on('ResourceQuota', ({ quotas, settings }) => resourceQuota(quotas, settings?.configurations.ResourceQuota)),
]

export function standardAdmission(parts: AdmissionParts): Admission {
  const lookup = new Lookup(parts.store)
  const settings = parts.settings ?? NO_SETTINGS
  const chosen = PLUGINS.filter(({ name, standing }) => isChosen(name, standing, settings))
  return admissionChain(chosen.map(({ make }) => make({ ...parts, lookup })))
}
