// Every namespace has a ServiceAccount named `default`, for pods that name none.
import { Namespace } from '../api/kinds/namespace.ts'
import { ServiceAccount } from '../api/kinds/service-account.ts'
import { defineController } from './controller.ts'
import { ensureCreated, isActiveNamespace, namespaceOfNamed } from './ensure.ts'

export const serviceAccount = defineController<Namespace>({
  name: 'serviceaccount',
  kind: Namespace,
  triggers: [namespaceOfNamed(ServiceAccount, 'default')],
  async sync(ctx, namespace, name, { client, cache }) {
    if (!isActiveNamespace(namespace) || cache.get(ServiceAccount, 'default', name)) return
    await ensureCreated(ctx, client, ServiceAccount, { metadata: { name: 'default', namespace: name } })
  },
})
