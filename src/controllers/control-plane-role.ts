// The node that the control plane runs on is labelled as one. k8s: a node may not give itself a role, so the agent can't do it.
import { Node } from '../api/kinds/node.ts'
import { type Controller, defineController } from './controller.ts'

const LABEL = 'node-role.kubernetes.io/control-plane'

export function controlPlaneRole(nodeName: string): Controller<never> {
  return defineController<Node>({
    name: 'control-plane-role',
    kind: Node,
    triggers: [],
    async sync(ctx, node, name, { client }) {
      if (name !== nodeName || !node || node.metadata.labels?.[LABEL] !== undefined) return
      const body = { metadata: { labels: { [LABEL]: '' } } }
      await client.patch(ctx, Node, { name }, { type: 'strategic', body })
    },
  })
}
