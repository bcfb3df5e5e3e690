// Host ports: two pods on a node can't hold the same port, protocol and address.
import { type Plugin, unschedulable } from '../framework.ts'
import { portsConflict } from '../node-info.ts'
import { podInfo } from '../pod-info.ts'

export const nodePorts: Plugin = {
  name: 'NodePorts',
  prepare({ hostPorts }) {
    if (hostPorts.length === 0) return undefined
    return {
      filter: (node) =>
        hostPorts.some((port) => node.isPortTaken(port))
          ? unschedulable("node(s) didn't have free ports for the requested pod ports")
          : undefined,
    }
  },
  mayHelp(event, { hostPorts }) {
    if (event.resource === 'node') return event.type === 'added'
    if (event.resource !== 'assigned-pod' || event.type !== 'deleted') return false
    return podInfo(event.object).hostPorts.some((held) => hostPorts.some((wanted) => portsConflict(held, wanted)))
  },
}
