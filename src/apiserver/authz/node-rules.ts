// What every node may do besides what the node authoriser decides by the pods that run there. k8s: the rules of `system:node`; and what
// Skiff's agent needs beyond a kubelet's rights because it carries the node's Service proxy and DNS in the same process. That is a role
// of its own, bound to all nodes, so that an operator sees it and can take it away.
import { allow, CORE, EVENTS, READ, READ_WRITE } from './rule-notation.ts'

const OWN = 'create delete get patch update'

export const NODE_RULES = [
  allow('create', 'authentication.k8s.io', 'tokenreviews'),
  allow('create', 'authorization.k8s.io', 'localsubjectaccessreviews subjectaccessreviews'),
  allow(READ, CORE, 'services'),
  allow(`create ${READ}`, CORE, 'nodes'),
  allow('patch update', CORE, 'nodes/status'),
  allow('patch update', CORE, 'nodes'),
  EVENTS,
  allow(READ, CORE, 'pods'),
  allow('create delete', CORE, 'pods'),
  allow('patch update', CORE, 'pods/status'),
  allow('create', CORE, 'pods/eviction'),
  allow(READ, CORE, 'configmaps secrets'),
  allow('get', CORE, 'persistentvolumeclaims persistentvolumes'),
  allow('get', CORE, 'endpoints'),
  allow(`create ${READ}`, 'certificates.k8s.io', 'certificatesigningrequests'),
  allow(OWN, 'coordination.k8s.io', 'leases'),
  allow('get', 'storage.k8s.io', 'volumeattachments'),
  allow('create', CORE, 'serviceaccounts/token'),
  allow('get patch update', CORE, 'persistentvolumeclaims/status'),
  allow(READ, 'storage.k8s.io', 'csidrivers'),
  allow(OWN, 'storage.k8s.io', 'csinodes'),
  allow(READ, 'node.k8s.io', 'runtimeclasses'),
  allow('get', 'resource.k8s.io', 'resourceclaims'),
  allow(READ_WRITE, 'resource.k8s.io', 'resourceslices'),
  allow('get', CORE, 'serviceaccounts'),
] as const

/** Services, DNS, network policies and HTTP routing on the node. */
export const NODE_SERVICES_ROLE = 'skiff:node-services'
export const NODE_SERVICES_RULES = [
  allow('list watch', CORE, 'endpoints namespaces services'),
  allow('list watch', 'discovery.k8s.io', 'endpointslices'),
  allow('list watch', 'networking.k8s.io', 'ingressclasses ingresses ipaddresses networkpolicies servicecidrs'),
]
