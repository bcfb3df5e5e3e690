// Whether a node is one that a pod (or a volume) asks for: nodeSelector, node affinity terms, and the two together.

import type { NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod } from '../types/core.v1.ts'
import { type Labels, requirementMatches } from './label-selector.ts'
import type { DeepReadonly } from './object.ts'

/** What terms speak of: labels and, as the only field, metadata.name. */
export interface SelectableNode {
  readonly name: string
  readonly labels: Labels
}

const meets = ({ key, operator, values = [] }: DeepReadonly<NodeSelectorRequirement>, labels: Labels) =>
  requirementMatches({ key, operator, values }, labels)

export function matchesTerm(term: DeepReadonly<NodeSelectorTerm>, node: SelectableNode): boolean {
  const expressions = term.matchExpressions ?? []
  const fields = term.matchFields ?? []
  if (expressions.length + fields.length === 0) return false // k8s: an empty term matches nothing
  return (
    expressions.every((requirement) => meets(requirement, node.labels)) &&
    fields.every((requirement) => meets(requirement, { 'metadata.name': node.name }))
  )
}

/** Terms are alternatives. */
export const matchesNodeSelector = (selector: DeepReadonly<NodeSelector>, node: SelectableNode) =>
  selector.nodeSelectorTerms.some((term) => matchesTerm(term, node))

/** nodeSelector and required node affinity, both. */
export function matchesRequiredNodes(pod: DeepReadonly<Pod>, node: SelectableNode): boolean {
  for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {})) {
    if (node.labels[key] !== value) return false
  }
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return !required || matchesNodeSelector(required, node)
}
