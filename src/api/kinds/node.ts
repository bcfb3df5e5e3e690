// Node: a machine that runs pods.
import { semanticEqual } from '../meta/equality.ts'
import { duplicate, type FieldError, forbiddenField } from '../meta/errors.ts'
import { labelValue } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/core.v1.ts'
import { checkCidr, checkName, checkOneOf, checkQualified } from './check.ts'
import { age, text, wide } from './columns.ts'
import { defineKind } from './kind.ts'

export type Node = types.Node

type AnyNode = DeepReadonly<types.Node>

function statusOf(node: AnyNode): string {
  const ready = node.status?.conditions?.find((c) => c.type === 'Ready')
  const word = ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown'
  return node.spec?.unschedulable ? `${word},SchedulingDisabled` : word
}

const ROLE_PREFIX = 'node-role.kubernetes.io/'

function rolesOf(node: AnyNode): string {
  const roles = new Set<string>()
  for (const [key, value] of Object.entries(node.metadata.labels ?? {})) {
    if (key.startsWith(ROLE_PREFIX) && key.length > ROLE_PREFIX.length) roles.add(key.slice(ROLE_PREFIX.length))
    else if (key === 'kubernetes.io/role' && value) roles.add(value)
  }
  return [...roles].sort().join(',') || '<none>'
}

const addressOf = (node: AnyNode, type: string) =>
  node.status?.addresses?.find((a) => a.type === type)?.address ?? '<none>'

export function validateTaints(taints: readonly DeepReadonly<types.Taint>[] | undefined, field: string): FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  taints?.forEach((taint, i) => {
    const at = `${field}[${i}]`
    checkQualified(errors, `${at}.key`, taint.key)
    checkName(errors, `${at}.value`, taint.value, labelValue, true)
    checkOneOf(errors, `${at}.effect`, taint.effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
    const key = `${taint.key}:${taint.effect}`
    if (seen.has(key)) errors.push(duplicate(at, taint))
    seen.add(key)
  })
  return errors
}

/** The node says no more than that it is alive: only times of heartbeats differ. */
function onlyHeartbeat(node: AnyNode, old: AnyNode): boolean {
  const still = ({ metadata, spec, status }: AnyNode) => ({
    metadata: { ...metadata, resourceVersion: undefined, managedFields: undefined },
    spec,
    status: { ...status, conditions: status?.conditions?.map((c) => ({ ...c, lastHeartbeatTime: undefined })) },
  })
  return semanticEqual(still(node), still(old))
}

export const Node = defineKind<Node>({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  scope: 'Cluster',
  shortNames: ['no'],
  subresources: ['status', 'proxy'],
  description: 'A machine that runs pods.',
  columns: [
    text('Status', (node) => statusOf(node), 'Whether the node is ready, and whether it takes new pods.'),
    text('Roles', (node) => rolesOf(node), 'The roles of the node.'),
    age(),
    text('Version', (node) => node.status?.nodeInfo?.kubeletVersion ?? '', 'Version that the node agent reports.'),
    wide(text('Internal-IP', (node) => addressOf(node, 'InternalIP'), 'Address inside the cluster.')),
    wide(text('External-IP', (node) => addressOf(node, 'ExternalIP'), 'Address outside the cluster.')),
    wide(text('OS-Image', (node) => node.status?.nodeInfo?.osImage || '<unknown>', 'The operating system.')),
    wide(text('Kernel-Version', (node) => node.status?.nodeInfo?.kernelVersion || '<unknown>', 'The kernel.')),
    wide(
      text(
        'Container-Runtime',
        (node) => node.status?.nodeInfo?.containerRuntimeVersion || '<unknown>',
        'The container runtime and its version.',
      ),
    ),
  ],
  selectableFields: { 'spec.unschedulable': (node) => String(node.spec?.unschedulable ?? false) },
  default(node) {
    node.spec ??= {}
    node.status ??= {}
    if (node.status.capacity && Object.keys(node.status.allocatable ?? {}).length === 0) {
      node.status.allocatable = { ...node.status.capacity }
    }
  },
  validate({ spec }) {
    const errors: FieldError[] = []
    errors.push(...validateTaints(spec?.taints, 'spec.taints'))
    spec?.podCIDRs?.forEach((cidr, i) => {
      checkCidr(errors, `spec.podCIDRs[${i}]`, cidr)
    })
    return errors
  },
  validateUpdate(node, old) {
    const errors: FieldError[] = []
    // k8s: both may be set once
    if (old.spec?.providerID && old.spec.providerID !== node.spec?.providerID) {
      errors.push(forbiddenField('spec.providerID', 'node updates may not change providerID except from "" to valid'))
    }
    if (old.spec?.podCIDRs?.length && !semanticEqual(node.spec?.podCIDRs, old.spec.podCIDRs)) {
      errors.push(forbiddenField('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'))
    }
    return errors
  },
  keepStatusOnCreate: true,
  hasGeneration: false,
  volatile: (node, old) => old !== undefined && onlyHeartbeat(node, old),
})
