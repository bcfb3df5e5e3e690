// Every namespace has a ConfigMap `kube-root-ca.crt` with the authority that signed the API server's certificate; pods mount it.
import { ConfigMap } from '../api/kinds/config-map.ts'
import { Namespace } from '../api/kinds/namespace.ts'
import type { DeepReadonly, KubeObject } from '../api/meta/object.ts'
import { type Controller, defineController } from './controller.ts'
import { ensureCreated, isActiveNamespace, namespaceOfNamed } from './ensure.ts'

const NAME = 'kube-root-ca.crt'

/**
 * What the controllers' cache keeps of a ConfigMap: nobody here reads the contents of others than the one above, and they may be
 * large and many. The garbage collector looks at the metadata.
 */
export function keptOfConfigMap(map: DeepReadonly<KubeObject>): DeepReadonly<KubeObject> {
  if (map.metadata.name === NAME) return map
  const { managedFields: _, annotations: __, labels: ___, ...metadata } = map.metadata
  return { apiVersion: map.apiVersion, kind: map.kind, metadata }
}

/** @param ca PEM */
export function rootCa(ca: string): Controller<never> {
  const data = { 'ca.crt': ca }
  const annotations = {
    'kubernetes.io/description': 'The certificate authority by which pods of this cluster can verify the API server.',
  }
  return defineController<Namespace>({
    name: 'root-ca-certificate-publisher',
    kind: Namespace,
    triggers: [namespaceOfNamed(ConfigMap, NAME)],
    async sync(ctx, namespace, name, { client, cache }) {
      if (!isActiveNamespace(namespace)) return
      const current = cache.get(ConfigMap, NAME, name)
      if (!current) {
        await ensureCreated(ctx, client, ConfigMap, { metadata: { name: NAME, namespace: name, annotations }, data })
      } else if (current.data?.['ca.crt'] !== ca || Object.keys(current.data).length > 1) {
        await client.update(ctx, ConfigMap, { ...current, data })
      }
    },
  })
}
