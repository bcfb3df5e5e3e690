// Keeps pods off cordoned nodes, unless they tolerate the taint that stands for it.
import { type Plugin, unresolvable } from '../framework.ts'
import { isTolerated, UNSCHEDULABLE_TAINT } from '../taints.ts'

export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  prepare({ pod }) {
    if (isTolerated(pod.spec.tolerations, UNSCHEDULABLE_TAINT)) return undefined
    return {
      filter: ({ node }) => (node.spec?.unschedulable ? unresolvable('node(s) were unschedulable') : undefined),
    }
  },
  mayHelp: (event) => event.resource === 'node' && event.type !== 'deleted' && !event.object.spec?.unschedulable,
}
