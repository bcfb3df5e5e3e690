// The node that the control plane runs on has the label of its role. A node may not give itself such a label (NodeRestriction), so
// the control plane does, as kubeadm would.
import { Node } from '../../api/kinds/node.ts'
import { type Controller, defineController } from '../controller.ts'

const CONTROL_PLANE = 'node-role.kubernetes.io/control-plane'

export function controlPlaneLabel(nodeName: string): Controller<never> {
  return defineController<Node>({
    name: 'control-plane-label',
    kind: Node,
    triggers: [],
    async sync(ctx, node, name, { client }) {
      if (name !== nodeName || !node || node.metadata.labels?.[CONTROL_PLANE] !== undefined) return
      const body = { metadata: { labels: { [CONTROL_PLANE]: '' } } }
      await client.patch(ctx, Node, { name }, { type: 'strategic', body })
    },
  })
}
