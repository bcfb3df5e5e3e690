// Off by default. Pods that ask for a resource of an own domain (a GPU) tolerate the taint that keeps others off nodes that have it.
import { Pod } from '../../api/kinds/pod.ts'
import type { AdmissionPlugin } from './admission.ts'
import { isKind } from './lookup.ts'

export const extendedResourceToleration: AdmissionPlugin = {
  name: 'ExtendedResourceToleration',
  concerns: (kind) => isKind(kind, Pod),
  mutate({ kind, operation, subresource, object }) {
    if (!isKind(kind, Pod) || subresource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return
    const { spec } = object as unknown as Pod
    const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])]
    const names = containers.flatMap(({ resources }) => Object.keys(resources?.requests ?? {})).filter(isExtended)
    const has = (key: string) => spec.tolerations?.some((t) => t.key === key && t.operator === 'Exists' && !t.effect)
    const missing = [...new Set(names)].sort().filter((name) => !has(name))
    if (missing.length === 0) return
    spec.tolerations = [...(spec.tolerations ?? []), ...missing.map((key) => ({ key, operator: 'Exists' as const }))]
  },
}

const isExtended = (name: string) => name.includes('/') && !name.split('/')[0]!.endsWith('kubernetes.io')
