// The flow schemas and priority levels that every cluster has: mandatory ones, without which no request could be placed, and suggested
// ones, which keep nodes, leader election and the control plane apart from everybody else. Names and numbers are the standard's. Pure.
import type { FlowSchema } from '../../api/kinds/flow-schema.ts'
import type { PriorityLevelConfiguration } from '../../api/kinds/priority-level-configuration.ts'
import type * as types from '../../api/types/flowcontrol.v1.ts'

export const AUTOUPDATE = 'apf.kubernetes.io/autoupdate-spec'
const API_VERSION = 'flowcontrol.apiserver.k8s.io/v1'
/** These can't be changed, and come back when they are removed. */
export const MANDATORY: ReadonlySet<string> = new Set(['exempt', 'catch-all'])

type Wanted<T> = Omit<T, 'metadata' | 'status'> & {
  metadata: { name: string; annotations: Record<string, string> }
}
export type WantedFlowSchema = Wanted<FlowSchema>
export type WantedPriorityLevel = Wanted<PriorityLevelConfiguration>

const metadata = (name: string) => ({ name, annotations: { [AUTOUPDATE]: 'true' } })

function level(name: string, spec: types.PriorityLevelConfigurationSpec): WantedPriorityLevel {
  return { apiVersion: API_VERSION, kind: 'PriorityLevelConfiguration', metadata: metadata(name), spec }
}

function limited(name: string, shares: number, lendablePercent: number, queues: number, handSize: number) {
  const queuing = { queues, handSize, queueLengthLimit: 50 }
  const limitResponse = { type: 'Queue', queuing }
  return level(name, { type: 'Limited', limited: { nominalConcurrencyShares: shares, lendablePercent, limitResponse } })
}

export const priorityLevels: readonly WantedPriorityLevel[] = [
  level('exempt', { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } }),
  level('catch-all', {
    type: 'Limited',
    limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: 'Reject' } },
  }),
  limited('system', 30, 33, 64, 6),
  limited('node-high', 40, 25, 64, 6),
  limited('leader-election', 10, 0, 16, 4),
  limited('workload-high', 40, 50, 128, 6),
  limited('workload-low', 100, 90, 128, 6),
  limited('global-default', 20, 50, 128, 6),
]

type Subjects = types.PolicyRulesWithSubjects['subjects']
const groups = (...names: string[]): Subjects => names.map((name) => ({ kind: 'Group', group: { name } }))
const users = (...names: string[]): Subjects => names.map((name) => ({ kind: 'User', user: { name } }))
const systemAccounts: Subjects = [{ kind: 'ServiceAccount', serviceAccount: { name: '*', namespace: 'kube-system' } }]

const resourceRule = (
  verbs: string[],
  apiGroups: string[],
  resources: string[],
  clusterScope: boolean,
): types.ResourcePolicyRule => ({
  verbs,
  apiGroups,
  resources,
  namespaces: ['*'],
  ...(clusterScope ? { clusterScope } : {}),
})

const everything = (subjects: Subjects): types.PolicyRulesWithSubjects => ({
  subjects,
  resourceRules: [resourceRule(['*'], ['*'], ['*'], true)],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
})

function schema(
  name: string,
  priorityLevel: string,
  matchingPrecedence: number,
  distinguisher: 'ByUser' | 'ByNamespace' | undefined,
  ...rules: types.PolicyRulesWithSubjects[]
): WantedFlowSchema {
  return {
    apiVersion: API_VERSION,
    kind: 'FlowSchema',
    metadata: metadata(name),
    spec: {
      priorityLevelConfiguration: { name: priorityLevel },
      matchingPrecedence,
      ...(distinguisher ? { distinguisherMethod: { type: distinguisher } } : {}),
      rules,
    },
  }
}

const everybody = groups('system:unauthenticated', 'system:authenticated')
const nodes = groups('system:nodes')
const controllers = users('system:kube-controller-manager')
const scheduler = users('system:kube-scheduler')

export const flowSchemas: readonly WantedFlowSchema[] = [
  schema('exempt', 'exempt', 1, undefined, everything(groups('system:masters'))),
  schema('catch-all', 'catch-all', 10_000, 'ByUser', everything(everybody)),
  schema('system-nodes', 'system', 500, 'ByUser', everything(nodes)),
  schema('system-node-high', 'node-high', 400, 'ByUser', {
    subjects: nodes,
    resourceRules: [
      resourceRule(['*'], [''], ['nodes', 'nodes/status'], true),
      resourceRule(['*'], ['coordination.k8s.io'], ['leases'], false),
    ],
  }),
  schema('probes', 'exempt', 2, undefined, {
    subjects: everybody,
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
  }),
  schema('system-leader-election', 'leader-election', 100, 'ByUser', {
    subjects: [...controllers, ...scheduler, ...systemAccounts],
    resourceRules: [resourceRule(['get', 'create', 'update'], ['coordination.k8s.io'], ['leases'], false)],
  }),
  schema('kube-controller-manager', 'workload-high', 800, 'ByNamespace', everything(controllers)),
  schema('kube-scheduler', 'workload-high', 800, 'ByNamespace', everything(scheduler)),
  schema('kube-system-service-accounts', 'workload-high', 900, 'ByNamespace', everything(systemAccounts)),
  schema('service-accounts', 'workload-low', 9000, 'ByUser', everything(groups('system:serviceaccounts'))),
  schema('global-default', 'global-default', 9900, 'ByUser', everything(everybody)),
]
