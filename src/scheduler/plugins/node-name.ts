// A pod that names its node goes nowhere else. Such pods pass by the scheduler; the answer to "why is it pending?" needs it.
import { type Plugin, unresolvable } from '../framework.ts'

export const nodeName: Plugin = {
  name: 'NodeName',
  prepare({ pod }) {
    const wanted = pod.spec.nodeName
    if (!wanted) return undefined
    return {
      filter: ({ name }) =>
        name === wanted ? undefined : unresolvable("node(s) didn't match the requested node name"),
    }
  },
  mayHelp: (event, { pod }) => event.resource === 'node' && event.object.metadata.name === pod.spec.nodeName,
}
