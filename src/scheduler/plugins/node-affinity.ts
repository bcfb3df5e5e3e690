// nodeSelector and node affinity: required terms filter, preferred ones add their weights.

import { matchesRequiredNodes, matchesTerm } from '../../api/meta/node-selector.ts'
import { normalise, type Plugin, unresolvable } from '../framework.ts'

export const nodeAffinity: Plugin = {
  name: 'NodeAffinity',
  prepare({ pod }) {
    const affinity = pod.spec.affinity?.nodeAffinity
    const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
    const required = pod.spec.nodeSelector || affinity?.requiredDuringSchedulingIgnoredDuringExecution
    if (!required && preferred.length === 0) return undefined
    return {
      ...(required && {
        filter: (node) =>
          matchesRequiredNodes(pod, node)
            ? undefined
            : unresolvable("node(s) didn't match Pod's node affinity/selector"),
      }),
      ...(preferred.length > 0 && {
        score: (nodes) =>
          normalise(
            nodes.map((node) =>
              preferred.reduce((sum, term) => sum + (matchesTerm(term.preference, node) ? term.weight : 0), 0),
            ),
          ),
      }),
    }
  },
  mayHelp: (event, { pod }) =>
    event.resource === 'node' &&
    event.type !== 'deleted' &&
    matchesRequiredNodes(pod, { name: event.object.metadata.name, labels: event.object.metadata.labels ?? {} }),
}
