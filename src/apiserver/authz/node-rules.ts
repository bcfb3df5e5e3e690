// What every node may do besides what the node authoriser decides by the pods that run there. k8s: the rules of `system:node`, and below
// them what Skiff's agent needs because it carries the node's Service proxy, DNS and network policies in the same process.
import { allow, CORE, EVENTS, READ, READ_WRITE } from './rule-notation.ts'

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
  allow('patch', CORE, 'pods/resize'),
  allow('create', CORE, 'pods/eviction'),
  allow(READ, 'certificates.k8s.io', 'clustertrustbundles'),
  allow(`create ${READ}`, 'certificates.k8s.io', 'certificatesigningrequests'),
  allow('get', 'storage.k8s.io', 'volumeattachments'),
  allow(READ, 'storage.k8s.io', 'csidrivers'),
  allow(READ, 'node.k8s.io', 'runtimeclasses'),
  allow('get', 'resource.k8s.io', 'resourceclaims'),
  allow(READ_WRITE, 'resource.k8s.io', 'resourceslices'),
  // The agent's own: Services, DNS, network policies and HTTP routing on the node.
  allow(READ, CORE, 'endpoints namespaces'),
  allow(READ, 'discovery.k8s.io', 'endpointslices'),
  allow(READ, 'networking.k8s.io', 'networkpolicies ingresses ingressclasses servicecidrs ipaddresses'),
] as const
