// Claims and Ingresses that name no class get the one that is marked as the default.

import { Ingress } from '../../api/kinds/ingress.ts'
import { IngressClass } from '../../api/kinds/ingress-class.ts'
import type { Kind } from '../../api/kinds/kind.ts'
import { PersistentVolumeClaim } from '../../api/kinds/persistent-volume-claim.ts'
import { StorageClass } from '../../api/kinds/storage-class.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import type { AdmissionPlugin } from './admission.ts'
import { isKind, type Lookup } from './lookup.ts'

const STORAGE_DEFAULTS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
]
const INGRESS_DEFAULTS = ['ingressclass.kubernetes.io/is-default-class']

export function defaultStorageClass(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'DefaultStorageClass',
    concerns: (kind) => isKind(kind, PersistentVolumeClaim),
    async mutate({ kind, operation, subresource, object }) {
      if (!isKind(kind, PersistentVolumeClaim) || operation !== 'CREATE' || subresource !== '') return
      const claim = object as unknown as PersistentVolumeClaim
      const annotated = claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] !== undefined
      if (annotated || claim.spec.storageClassName !== undefined) return
      const chosen = await defaultOf(lookup, StorageClass, STORAGE_DEFAULTS)
      if (chosen) claim.spec.storageClassName = chosen
    },
  }
}

export function defaultIngressClass(lookup: Lookup): AdmissionPlugin {
  return {
    name: 'DefaultIngressClass',
    concerns: (kind) => isKind(kind, Ingress),
    async mutate({ kind, operation, subresource, object }) {
      if (!isKind(kind, Ingress) || operation !== 'CREATE' || subresource !== '') return
      const ingress = object as unknown as Ingress
      if (ingress.spec.ingressClassName !== undefined) return
      // k8s: the older way to name a class.
      if (ingress.metadata.annotations?.['kubernetes.io/ingress.class'] !== undefined) return
      const chosen = await defaultOf(lookup, IngressClass, INGRESS_DEFAULTS)
      if (chosen) ingress.spec.ingressClassName = chosen
    },
  }
}

async function defaultOf<T extends KubeObject>(lookup: Lookup, kind: Kind<T>, marks: readonly string[]) {
  return newestDefault(await lookup.list(kind), marks)
}

/** k8s: of several defaults the newest counts, then the first by name. */
export function newestDefault(
  classes: readonly DeepReadonly<KubeObject>[],
  marks: readonly string[],
): string | undefined {
  const defaults = classes.filter(({ metadata }) => marks.some((mark) => metadata.annotations?.[mark] === 'true'))
  const key = ({ metadata }: DeepReadonly<KubeObject>) => metadata.creationTimestamp ?? ''
  const byAge = [...defaults].sort((a, b) => {
    if (key(a) !== key(b)) return key(a) < key(b) ? 1 : -1
    return a.metadata.name < b.metadata.name ? -1 : 1
  })
  return byAge[0]?.metadata.name
}
