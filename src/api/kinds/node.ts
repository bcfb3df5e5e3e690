// Node: a machine that runs pods.

import { networkWarnings, parseNetwork } from '../meta/addresses.ts'
import { semanticEqual } from '../meta/equality.ts'
import { duplicate, type FieldError, forbiddenField, invalid } from '../meta/errors.ts'
import { labelValue, qualifiedName } from '../meta/names.ts'
import type { DeepReadonly } from '../meta/object.ts'
import type * as types from '../types/core.v1.ts'
import { checkCidr, checkListed } from './check.ts'
import { age, text, wide } from './columns.ts'
import { ADDRESS_FIELDS, internalShape, TAINT_FIELDS } from './internal-shape.ts'
import { defineKind } from './kind.ts'
import { checkAmount } from './resource-names.ts'

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

function checkTaints(
  errors: FieldError[],
  field: string,
  taints: readonly DeepReadonly<types.Taint>[] | undefined,
): void {
  const seen = new Set<string>()
  taints?.forEach((taint, i) => {
    const at = `${field}[${i}]`
    for (const problem of qualifiedName(taint.key ?? '')) errors.push(invalid(`${at}.key`, taint.key ?? '', problem))
    const problems = labelValue(taint.value ?? '')
    if (problems.length > 0) errors.push(invalid(`${at}.value`, taint.value, problems.join(';')))
    checkListed(errors, `${at}.effect`, taint.effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
    const key = `${taint.key}:${taint.effect}`
    if (seen.has(key)) {
      const why = 'taints must be unique by key and effect pair'
      errors.push(duplicate(at, internalShape(taint, TAINT_FIELDS), why))
    }
    seen.add(key)
  })
}

function checkAmounts(errors: FieldError[], { status }: AnyNode): void {
  for (const list of ['capacity', 'allocatable'] as const) {
    for (const [name, amount] of Object.entries(status?.[list] ?? {})) {
      checkAmount(errors, `status.${list}.${name}`, name, amount)
    }
  }
}

/** k8s: taints are reported below the metadata. */
const TAINTS = 'metadata.taints'

function validateNode(node: AnyNode, old?: AnyNode): FieldError[] {
  const errors: FieldError[] = []
  const cidrs = node.spec?.podCIDRs ?? []
  checkTaints(errors, TAINTS, node.spec?.taints)
  checkAmounts(errors, node)
  cidrs.forEach((cidr, i) => {
    checkCidr(errors, `spec.podCIDRs[${i}]`, cidr, old?.spec?.podCIDRs)
  })
  if (cidrs.length < 2) return errors
  const families = cidrs.map((cidr) => parseNetwork(cidr)?.family)
  if (cidrs.length > 2 || !families.includes(4) || !families.includes(6)) {
    errors.push(invalid('spec.podCIDRs', cidrs, 'may specify no more than one CIDR for each IP family'))
  }
  cidrs.forEach((cidr, i) => {
    if (cidrs.indexOf(cidr) < i) errors.push(duplicate(`spec.podCIDRs[${i}]`, cidr))
  })
  return errors
}

/** What may change, of the node and of its status. */
function validateNodeUpdate(node: AnyNode, old: AnyNode): FieldError[] {
  const errors: FieldError[] = []
  checkAmounts(errors, node)
  const seen = new Set<string>()
  node.status?.addresses?.forEach((address, i) => {
    const key = `${address.type}/${address.address}`
    if (seen.has(key)) errors.push(duplicate(`status.addresses[${i}]`, internalShape(address, ADDRESS_FIELDS)))
    seen.add(key)
  })
  // k8s: both may be set once
  const [cidrs, before] = [node.spec?.podCIDRs ?? [], old.spec?.podCIDRs ?? []]
  if (before.length > 0 && !semanticEqual(cidrs, before)) {
    errors.push(forbiddenField('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'))
  }
  if (old.spec?.providerID && old.spec.providerID !== node.spec?.providerID) {
    errors.push(forbiddenField('spec.providerID', 'node updates may not change providerID except from "" to valid'))
  }
  checkTaints(errors, TAINTS, node.spec?.taints)
  if ((node.spec?.externalID ?? '') !== (old.spec?.externalID ?? '')) {
    errors.push(forbiddenField('spec.externalID', 'may not be updated'))
  }
  return errors
}

function nodeWarnings({ spec }: AnyNode): string[] {
  const warnings: string[] = []
  if (spec?.externalID) warnings.push('spec.externalID: this field is deprecated, and is unused by Kubernetes')
  spec?.podCIDRs?.forEach((cidr, i) => {
    warnings.push(...networkWarnings(`spec.podCIDRs[${i}]`, cidr))
  })
  return warnings
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
  validate: (node) => validateNode(node),
  validateChange: (node, old) => [...validateNode(node, old), ...validateNodeUpdate(node, old)],
  validateStatusUpdate: validateNodeUpdate,
  warnings: nodeWarnings,
  keepStatusOnCreate: true,
  hasGeneration: false,
  volatile: (node, old) => old !== undefined && onlyHeartbeat(node, old),
})
