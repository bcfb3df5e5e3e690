// The ClusterRoles, Roles and bindings that every cluster has from the start, as data. k8s: names, rules, labels and subjects are the
// standard's, so that manifests and people who rely on them find them. Controllers' roles stand in default-controller-roles.ts.
import type { ClusterRole } from '../../api/kinds/cluster-role.ts'
import type { ClusterRoleBinding } from '../../api/kinds/cluster-role-binding.ts'
import type { Role } from '../../api/kinds/role.ts'
import type { RoleBinding } from '../../api/kinds/role-binding.ts'
import type { PolicyRule, Subject } from '../../api/types/rbac.v1.ts'
import { controllerRoles } from './default-controller-roles.ts'
import { NODE_RULES, NODE_SERVICES_ROLE, NODE_SERVICES_RULES } from './node-rules.ts'
import { allow, allowUrls, CORE, EVENTS, READ, READ_WRITE, WRITE } from './rule-notation.ts'

const GROUP = 'rbac.authorization.k8s.io'
const HEALTH = '/healthz /livez /readyz'
const AGGREGATE = 'rbac.authorization.k8s.io/aggregate-to-'

const clusterRoles: Record<string, PolicyRule[]> = {
  'cluster-admin': [allow('*', '*', '*'), allowUrls('*', '*')],
  'system:discovery': [allowUrls('get', `/api /api/* /apis /apis/* ${HEALTH} /openapi /openapi/* /version /version/`)],
  'system:public-info-viewer': [allowUrls('get', `${HEALTH} /version /version/`)],
  'system:basic-user': [
    allow('create', 'authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews'),
    allow('create', 'authentication.k8s.io', 'selfsubjectreviews'),
  ],
  'system:monitoring': [allowUrls('get', `/metrics /metrics/slis ${HEALTH} /healthz/* /livez/* /readyz/*`)],
  'system:service-account-issuer-discovery': [
    allowUrls(
      'get',
      '/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/',
    ),
  ],
  'system:node': [...NODE_RULES],
  [NODE_SERVICES_ROLE]: NODE_SERVICES_RULES,
  'system:node-proxier': [
    allow('list watch', CORE, 'services endpoints'),
    allow(READ, CORE, 'nodes'),
    EVENTS,
    allow('list watch', 'discovery.k8s.io', 'endpointslices'),
    allow('list watch', 'networking.k8s.io', 'servicecidrs'),
  ],
  'system:kubelet-api-admin': [
    allow(READ, CORE, 'nodes'),
    allow('proxy', CORE, 'nodes'),
    allow('*', CORE, 'nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats'),
  ],
  'system:heapster': [allow(READ, CORE, 'events namespaces nodes pods'), allow(READ, 'extensions', 'deployments')],
  'system:node-bootstrapper': [allow(`create ${READ}`, 'certificates.k8s.io', 'certificatesigningrequests')],
  'system:node-problem-detector': [allow('get', CORE, 'nodes'), allow('patch', CORE, 'nodes/status'), EVENTS],
  'system:auth-delegator': [
    allow('create', 'authentication.k8s.io', 'tokenreviews'),
    allow('create', 'authorization.k8s.io', 'subjectaccessreviews'),
  ],
  'system:kube-aggregator': [
    allow(READ, CORE, 'endpoints services'),
    allow(READ, 'discovery.k8s.io', 'endpointslices'),
  ],
  'system:kube-dns': [
    allow('list watch', CORE, 'endpoints services'),
    allow('list watch', 'discovery.k8s.io', 'endpointslices'),
  ],
  'system:kube-controller-manager': [
    EVENTS,
    allow('create', 'coordination.k8s.io', 'leases'),
    allow('get update', 'coordination.k8s.io', 'leases', 'kube-controller-manager'),
    allow('create', CORE, 'secrets serviceaccounts'),
    allow('delete', CORE, 'secrets'),
    allow('get', CORE, 'configmaps namespaces secrets serviceaccounts'),
    allow('update', CORE, 'secrets serviceaccounts'),
    allow('create', 'authentication.k8s.io', 'tokenreviews'),
    allow('create', 'authorization.k8s.io', 'subjectaccessreviews'),
    allow('list watch', '*', '*'),
    allow('create', CORE, 'serviceaccounts/token'),
  ],
  'system:kube-scheduler': [
    EVENTS,
    allow('create', 'coordination.k8s.io', 'leases'),
    allow('get list update watch', 'coordination.k8s.io', 'leases', 'kube-scheduler'),
    allow('create', 'coordination.k8s.io', 'leasecandidates'),
    allow(`${READ} update patch delete deletecollection`, 'coordination.k8s.io', 'leasecandidates'),
    allow(READ, CORE, 'nodes'),
    allow(`delete ${READ}`, CORE, 'pods'),
    allow('create', CORE, 'bindings pods/binding'),
    allow('patch update', CORE, 'pods/status'),
    allow(READ, CORE, 'replicationcontrollers services namespaces'),
    allow(READ, 'apps extensions', 'replicasets'),
    allow(READ, 'apps', 'statefulsets'),
    allow(READ, 'policy', 'poddisruptionbudgets'),
    allow(READ, CORE, 'persistentvolumeclaims persistentvolumes'),
    allow('create', 'authentication.k8s.io', 'tokenreviews'),
    allow('create', 'authorization.k8s.io', 'subjectaccessreviews'),
    allow(READ, 'storage.k8s.io', 'csinodes csidrivers csistoragecapacities volumeattachments'),
    allow(`${READ} patch update`, 'resource.k8s.io', 'resourceclaims'),
    allow('patch update', 'resource.k8s.io', 'resourceclaims/status'),
    allow(READ, 'resource.k8s.io', 'deviceclasses resourceslices'),
  ],
  'system:volume-scheduler': [
    allow(`${READ} patch update`, CORE, 'persistentvolumes'),
    allow(READ, 'storage.k8s.io', 'storageclasses'),
    allow(`${READ} patch update`, CORE, 'persistentvolumeclaims'),
  ],
  'system:persistent-volume-provisioner': [
    allow(`create delete ${READ}`, CORE, 'persistentvolumes'),
    allow(`${READ} update`, CORE, 'persistentvolumeclaims'),
    allow(READ, 'storage.k8s.io', 'storageclasses'),
    allow('watch', CORE, 'events'),
    EVENTS,
  ],
}

const approval = (signer: string) => [allow('approve', 'certificates.k8s.io', 'signers', `kubernetes.io/${signer}`)]
const approverRoles: Record<string, PolicyRule[]> = {
  'system:certificates.k8s.io:certificatesigningrequests:nodeclient': [
    allow('create', 'certificates.k8s.io', 'certificatesigningrequests/nodeclient'),
  ],
  'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient': [
    allow('create', 'certificates.k8s.io', 'certificatesigningrequests/selfnodeclient'),
  ],
  'system:certificates.k8s.io:legacy-unknown-approver': approval('legacy-unknown'),
  'system:certificates.k8s.io:kubelet-serving-approver': approval('kubelet-serving'),
  'system:certificates.k8s.io:kube-apiserver-client-approver': approval('kube-apiserver-client'),
  'system:certificates.k8s.io:kube-apiserver-client-kubelet-approver': approval('kube-apiserver-client-kubelet'),
}

const WORKLOADS = 'daemonsets deployments replicasets statefulsets'
const scaled = 'deployments/scale replicasets/scale statefulsets/scale'
const withStatus = (names: string) =>
  names
    .split(' ')
    .flatMap((name) => [name, `${name}/status`])
    .join(' ')

/** What admin, edit and view are made of; custom resources join them by the same labels. */
const aggregated: Record<'admin' | 'edit' | 'view', PolicyRule[]> = {
  admin: [
    allow('create', 'authorization.k8s.io', 'localsubjectaccessreviews'),
    allow(READ_WRITE, GROUP, 'roles rolebindings'),
  ],
  edit: [
    allow(READ, CORE, 'pods/attach pods/proxy pods/exec pods/portforward secrets services/proxy'),
    allow('impersonate', CORE, 'serviceaccounts'),
    allow(WRITE, CORE, 'pods pods/attach pods/proxy pods/exec pods/portforward'),
    allow('create', CORE, 'pods/eviction'),
    allow(
      WRITE,
      CORE,
      'configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy',
    ),
    allow('create', CORE, 'serviceaccounts/token'),
    allow(WRITE, 'apps', `${WORKLOADS} ${scaled} deployments/rollback`),
    allow(WRITE, 'autoscaling', 'horizontalpodautoscalers'),
    allow(WRITE, 'batch', 'cronjobs jobs'),
    allow(
      WRITE,
      'extensions',
      'daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale',
    ),
    allow(WRITE, 'policy', 'poddisruptionbudgets'),
    allow(WRITE, 'networking.k8s.io', 'ingresses networkpolicies'),
    allow(READ_WRITE, 'coordination.k8s.io', 'leases'),
    allow(WRITE, 'resource.k8s.io', 'resourceclaims resourceclaimtemplates'),
  ],
  view: [
    allow(
      READ,
      CORE,
      'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status',
    ),
    allow(
      READ,
      CORE,
      'bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status',
    ),
    allow(READ, CORE, 'namespaces'),
    allow(READ, 'discovery.k8s.io', 'endpointslices'),
    allow(READ, 'apps', `controllerrevisions ${withStatus(WORKLOADS)} ${scaled}`),
    allow(READ, 'autoscaling', withStatus('horizontalpodautoscalers')),
    allow(READ, 'batch', withStatus('cronjobs jobs')),
    allow(
      READ,
      'extensions',
      `${withStatus('daemonsets deployments ingresses replicasets')} deployments/scale networkpolicies replicasets/scale replicationcontrollers/scale`,
    ),
    allow(READ, 'policy', withStatus('poddisruptionbudgets')),
    allow(READ, 'networking.k8s.io', `${withStatus('ingresses')} networkpolicies`),
    allow(READ, 'resource.k8s.io', 'resourceclaims resourceclaims/status resourceclaimtemplates'),
  ],
}
/** Which aggregated role is part of which: view of edit, edit of admin. */
const PART_OF = { admin: undefined, edit: 'admin', view: 'edit' } as const

const group = (name: string): Subject => ({ kind: 'Group', apiGroup: GROUP, name })
const user = (name: string): Subject => ({ kind: 'User', apiGroup: GROUP, name })
const account = (name: string): Subject => ({ kind: 'ServiceAccount', name, namespace: 'kube-system' })

/** By binding: the ClusterRole (the same name unless given) and who has it. */
const clusterBindings: Record<string, { role?: string; subjects: Subject[] }> = {
  'cluster-admin': { subjects: [group('system:masters')] },
  'kubeadm:cluster-admins': { role: 'cluster-admin', subjects: [group('kubeadm:cluster-admins')] },
  'system:discovery': { subjects: [group('system:authenticated')] },
  'system:basic-user': { subjects: [group('system:authenticated')] },
  'system:public-info-viewer': { subjects: [group('system:authenticated'), group('system:unauthenticated')] },
  'system:monitoring': { subjects: [group('system:monitoring')] },
  'system:node-proxier': { subjects: [user('system:kube-proxy')] },
  'system:kube-controller-manager': { subjects: [user('system:kube-controller-manager')] },
  'system:kube-dns': { subjects: [account('kube-dns')] },
  'system:kube-scheduler': { subjects: [user('system:kube-scheduler')] },
  'system:volume-scheduler': { subjects: [user('system:kube-scheduler')] },
  'system:service-account-issuer-discovery': { subjects: [group('system:serviceaccounts')] },
  'system:node': { subjects: [] },
  [NODE_SERVICES_ROLE]: { subjects: [group('system:nodes')] },
}

interface NamespacedRole {
  readonly namespace: string
  readonly name: string
  readonly rules: PolicyRule[]
  /** Its name where it isn't the role's. */
  readonly binding?: string
  readonly subjects: Subject[]
}

/** Roles in the cluster's own namespaces, each with its binding. */
const namespacedRoles: readonly NamespacedRole[] = [
  {
    namespace: 'kube-system',
    name: 'extension-apiserver-authentication-reader',
    binding: 'system::extension-apiserver-authentication-reader',
    rules: [allow(READ, CORE, 'configmaps', 'extension-apiserver-authentication')],
    subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler')],
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:bootstrap-signer',
    rules: [allow(READ, CORE, 'secrets')],
    subjects: [account('bootstrap-signer')],
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:cloud-provider',
    rules: [allow(`create ${READ}`, CORE, 'configmaps')],
    subjects: [account('cloud-provider')],
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:token-cleaner',
    rules: [allow(`delete ${READ}`, CORE, 'secrets'), EVENTS],
    subjects: [account('token-cleaner')],
  },
  {
    namespace: 'kube-system',
    name: 'system::leader-locking-kube-controller-manager',
    rules: [
      allow('watch', CORE, 'configmaps'),
      allow('get update', CORE, 'configmaps', 'kube-controller-manager'),
      allow('create get list update watch', 'coordination.k8s.io', 'leases'),
    ],
    subjects: [user('system:kube-controller-manager'), account('kube-controller-manager')],
  },
  {
    namespace: 'kube-system',
    name: 'system::leader-locking-kube-scheduler',
    rules: [allow('watch', CORE, 'configmaps'), allow('get update', CORE, 'configmaps', 'kube-scheduler')],
    subjects: [user('system:kube-scheduler'), account('kube-scheduler')],
  },
  {
    namespace: 'kube-public',
    name: 'system:controller:bootstrap-signer',
    rules: [allow(READ, CORE, 'configmaps'), allow('update', CORE, 'configmaps', 'cluster-info'), EVENTS],
    subjects: [account('bootstrap-signer')],
  },
  // As kubeadm makes it: whoever joins finds the cluster before knowing anything else.
  {
    namespace: 'kube-public',
    name: 'kubeadm:bootstrap-signer-clusterinfo',
    rules: [allow('get', CORE, 'configmaps', 'cluster-info')],
    subjects: [user('system:anonymous')],
  },
]

type NewObject<T extends { metadata: object }> = Omit<T, 'metadata'> & { metadata: Partial<T['metadata']> }
export type DefaultRbacObject =
  | NewObject<ClusterRole>
  | NewObject<ClusterRoleBinding>
  | NewObject<Role>
  | NewObject<RoleBinding>

const metadata = (name: string, labels: Record<string, string> = {}, namespace?: string) => ({
  name,
  ...(namespace ? { namespace } : {}),
  annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
  labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
})

const API_VERSION = `${GROUP}/v1`
const clusterRole = (name: string, rules: PolicyRule[], labels?: Record<string, string>): NewObject<ClusterRole> => ({
  apiVersion: API_VERSION,
  kind: 'ClusterRole',
  metadata: metadata(name, labels),
  rules,
})
const clusterRoleBinding = (name: string, role: string, subjects: Subject[]): NewObject<ClusterRoleBinding> => ({
  apiVersion: API_VERSION,
  kind: 'ClusterRoleBinding',
  metadata: metadata(name),
  roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: role },
  subjects,
})

/** Made anew at each call: for the one time at the server's start. Roles come before the bindings that name them. */
export function defaultRbacObjects(): DefaultRbacObject[] {
  const objects: DefaultRbacObject[] = []
  for (const [name, rules] of Object.entries({ ...clusterRoles, ...approverRoles }))
    objects.push(clusterRole(name, rules))
  for (const name of ['admin', 'edit', 'view'] as const) {
    const above = PART_OF[name]
    objects.push(clusterRole(`system:aggregate-to-${name}`, aggregated[name], { [`${AGGREGATE}${name}`]: 'true' }))
    objects.push({
      ...clusterRole(name, [], above ? { [`${AGGREGATE}${above}`]: 'true' } : {}),
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [`${AGGREGATE}${name}`]: 'true' } }] },
    })
  }
  for (const [name, rules] of Object.entries(controllerRoles))
    objects.push(clusterRole(`system:controller:${name}`, rules))
  for (const [name, { role = name, subjects }] of Object.entries(clusterBindings)) {
    objects.push(clusterRoleBinding(name, role, subjects))
  }
  for (const name of Object.keys(controllerRoles)) {
    objects.push(clusterRoleBinding(`system:controller:${name}`, `system:controller:${name}`, [account(name)]))
  }
  for (const { namespace, name, rules, binding = name, subjects } of namespacedRoles) {
    const role = { apiVersion: API_VERSION, kind: 'Role', metadata: metadata(name, {}, namespace), rules }
    const roleRef = { apiGroup: GROUP, kind: 'Role', name }
    const bound = { apiVersion: API_VERSION, kind: 'RoleBinding', metadata: metadata(binding, {}, namespace) }
    objects.push(role as NewObject<Role>, { ...bound, roleRef, subjects } as NewObject<RoleBinding>)
  }
  return objects
}
