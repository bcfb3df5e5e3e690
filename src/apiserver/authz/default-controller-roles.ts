// What each controller may do, by its name; bound to the service account of that name in kube-system as `system:controller:<name>`.
// k8s: the standard's names and rules.
import type { PolicyRule } from '../../api/types/rbac.v1.ts'
import { allow, CORE, EVENTS, READ } from './rule-notation.ts'

const POD_OWNER = [allow('create delete list patch watch', CORE, 'pods'), EVENTS]
const updates = (groups: string, name: string) => [
  allow('get list update watch', groups, name),
  allow('update', groups, `${name}/status`),
  allow('update', groups, `${name}/finalizers`),
]

export const controllerRoles: Record<string, PolicyRule[]> = {
  'deployment-controller': [
    ...updates('apps extensions', 'deployments'),
    allow('create delete get list patch update watch', 'apps extensions', 'replicasets'),
    allow('get list update watch', CORE, 'pods'),
    EVENTS,
  ],
  'replicaset-controller': [...updates('apps extensions', 'replicasets'), ...POD_OWNER],
  'replication-controller': [...updates(CORE, 'replicationcontrollers'), ...POD_OWNER],
  'daemon-set-controller': [
    allow(READ, 'apps extensions', 'daemonsets'),
    allow('update', 'apps extensions', 'daemonsets/status daemonsets/finalizers'),
    allow('list watch', CORE, 'nodes'),
    ...POD_OWNER,
    allow('create', CORE, 'pods/binding'),
    allow('create delete get list patch update watch', 'apps', 'controllerrevisions'),
  ],
  'statefulset-controller': [
    allow('list watch', CORE, 'pods'),
    allow(READ, 'apps', 'statefulsets'),
    allow('update', 'apps', 'statefulsets/status statefulsets/finalizers'),
    allow('create delete get patch update', CORE, 'pods'),
    allow('create delete get list patch update watch', 'apps', 'controllerrevisions'),
    allow('create get list watch update delete', CORE, 'persistentvolumeclaims'),
    EVENTS,
  ],
  'job-controller': [
    allow('get list patch update watch', 'batch', 'jobs'),
    allow('update', 'batch', 'jobs/status jobs/finalizers'),
    ...POD_OWNER,
  ],
  'cronjob-controller': [
    allow('get list update watch', 'batch', 'cronjobs'),
    allow('create delete get list patch update watch', 'batch', 'jobs'),
    allow('update', 'batch', 'cronjobs/status cronjobs/finalizers'),
    allow('delete list', CORE, 'pods'),
    EVENTS,
  ],
  'endpoint-controller': [
    allow(READ, CORE, 'pods services'),
    allow('create delete get list update', CORE, 'endpoints'),
    allow('create', CORE, 'endpoints/restricted'),
    EVENTS,
  ],
  'endpointslice-controller': [
    allow(READ, CORE, 'nodes pods services'),
    allow('update', CORE, 'services/finalizers'),
    allow('create delete get list update', 'discovery.k8s.io', 'endpointslices'),
    EVENTS,
  ],
  'endpointslicemirroring-controller': [
    allow(READ, CORE, 'endpoints services'),
    allow('update', CORE, 'services/finalizers'),
    allow('update', CORE, 'endpoints/finalizers'),
    allow('create delete get list update', 'discovery.k8s.io', 'endpointslices'),
    EVENTS,
  ],
  'namespace-controller': [
    allow('delete get list watch', CORE, 'namespaces'),
    allow('update', CORE, 'namespaces/finalize namespaces/status'),
    allow('delete deletecollection get list', '*', '*'),
  ],
  'generic-garbage-collector': [allow('delete get list patch update watch', '*', '*'), EVENTS],
  'node-controller': [
    allow('delete get list patch update', CORE, 'nodes'),
    allow('patch update', CORE, 'nodes/status'),
    allow('patch update', CORE, 'pods/status'),
    allow('delete list get', CORE, 'pods'),
    EVENTS,
  ],
  'taint-eviction-controller': [
    allow('get list delete', CORE, 'pods'),
    allow('get list', CORE, 'nodes'),
    allow('patch', CORE, 'pods/status'),
    EVENTS,
  ],
  'pod-garbage-collector': [
    allow('delete list watch', CORE, 'pods'),
    allow('get list', CORE, 'nodes'),
    allow('patch', CORE, 'pods/status'),
  ],
  'service-account-controller': [allow('create', CORE, 'serviceaccounts'), EVENTS],
  'legacy-service-account-token-cleaner': [allow('get list delete patch', CORE, 'secrets'), EVENTS],
  'root-ca-cert-publisher': [allow('create update', CORE, 'configmaps'), EVENTS],
  'clusterrole-aggregation-controller': [
    allow('escalate get list patch update watch', 'rbac.authorization.k8s.io', 'clusterroles'),
  ],
  'certificate-controller': [
    allow('delete get list watch', 'certificates.k8s.io', 'certificatesigningrequests'),
    allow('update', 'certificates.k8s.io', 'certificatesigningrequests/status certificatesigningrequests/approval'),
    allow('approve', 'certificates.k8s.io', 'signers', 'kubernetes.io/kube-apiserver-client-kubelet'),
    allow(
      'sign',
      'certificates.k8s.io',
      'signers',
      'kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kubelet-serving kubernetes.io/legacy-unknown',
    ),
    allow('create', 'authorization.k8s.io', 'subjectaccessreviews'),
    EVENTS,
  ],
  'disruption-controller': [
    allow(READ, 'apps extensions', 'deployments replicasets'),
    allow(READ, CORE, 'replicationcontrollers'),
    allow(READ, 'policy', 'poddisruptionbudgets'),
    allow(READ, 'apps', 'statefulsets'),
    allow('update', 'policy', 'poddisruptionbudgets/status'),
    allow('patch update', CORE, 'pods/status'),
    allow('get', '*', '*/scale'),
    EVENTS,
  ],
  'horizontal-pod-autoscaler': [
    allow(READ, 'autoscaling', 'horizontalpodautoscalers'),
    allow('update', 'autoscaling', 'horizontalpodautoscalers/status'),
    allow('get update', '*', '*/scale'),
    allow('list', CORE, 'pods'),
    allow('list', 'metrics.k8s.io', 'pods'),
    allow('get list', 'custom.metrics.k8s.io external.metrics.k8s.io', '*'),
    EVENTS,
  ],
  'resourcequota-controller': [allow('list watch', '*', '*'), allow('update', CORE, 'resourcequotas/status'), EVENTS],
  'persistent-volume-binder': [
    allow('create delete get list update watch', CORE, 'persistentvolumes'),
    allow('update', CORE, 'persistentvolumes/status'),
    allow('get list update watch', CORE, 'persistentvolumeclaims'),
    allow('update', CORE, 'persistentvolumeclaims/status'),
    allow('create delete get list watch', CORE, 'pods'),
    allow(READ, 'storage.k8s.io', 'storageclasses'),
    allow('get list', CORE, 'nodes'),
    allow('get', CORE, 'secrets'),
    EVENTS,
  ],
  'pv-protection-controller': [allow('get list update watch', CORE, 'persistentvolumes'), EVENTS],
  'pvc-protection-controller': [
    allow('get list update watch', CORE, 'persistentvolumeclaims'),
    allow(READ, CORE, 'pods'),
    EVENTS,
  ],
  'ephemeral-volume-controller': [
    allow('update', CORE, 'pods/finalizers'),
    allow(READ, CORE, 'pods'),
    allow('create get list watch', CORE, 'persistentvolumeclaims'),
    EVENTS,
  ],
  'ttl-after-finished-controller': [allow('delete get list watch', 'batch', 'jobs'), EVENTS],
  'service-cidrs-controller': [
    allow('get list patch update watch', 'networking.k8s.io', 'servicecidrs'),
    allow('patch update', 'networking.k8s.io', 'servicecidrs/finalizers servicecidrs/status'),
    allow(READ, 'networking.k8s.io', 'ipaddresses'),
    EVENTS,
  ],
}
