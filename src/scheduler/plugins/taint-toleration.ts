// Keeps pods off nodes with taints that they don't tolerate; among the rest prefers those with fewer PreferNoSchedule taints.
import { normalise, type Plugin, unresolvable } from '../framework.ts'
import { isTolerated, untoleratedTaint } from '../taints.ts'

export const taintToleration: Plugin = {
  name: 'TaintToleration',
  prepare({ pod }) {
    const { tolerations } = pod.spec
    // k8s: only tolerations without effect or for PreferNoSchedule count when scoring
    const preferring = tolerations?.filter((t) => !t.effect || t.effect === 'PreferNoSchedule')
    return {
      filter: ({ taints }) =>
        untoleratedTaint(taints, tolerations) ? unresolvable('node(s) had untolerated taint(s)') : undefined,
      score: (nodes) =>
        normalise(
          nodes.map(
            ({ taints }) => taints.filter((t) => t.effect === 'PreferNoSchedule' && !isTolerated(preferring, t)).length,
          ),
          true,
        ),
    }
  },
  mayHelp: (event, { pod }) =>
    event.resource === 'node' &&
    event.type !== 'deleted' &&
    !untoleratedTaint(event.object.spec?.taints ?? [], pod.spec.tolerations),
}
