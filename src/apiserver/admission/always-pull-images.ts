// Off by default. Every pod pulls its images anew, so that nobody runs another's private image just because a node has it.
import { Pod } from '../../api/kinds/pod.ts'
import { invalidObject, notSupported } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { AdmissionPlugin, AdmissionRequest } from './admission.ts'
import { isKind } from './lookup.ts'

type AnyPod = DeepReadonly<Pod>
const LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const

export const alwaysPullImages: AdmissionPlugin = {
  name: 'AlwaysPullImages',
  concerns: (kind) => isKind(kind, Pod),
  mutate(request) {
    if (!concerns(request)) return
    const { spec } = request.object as unknown as Pod
    for (const list of LISTS) for (const container of spec[list] ?? []) container.imagePullPolicy = 'Always'
  },
  validate(request) {
    if (!concerns(request)) return
    const { spec } = request.object as unknown as AnyPod
    const errors = LISTS.flatMap((list) =>
      (spec[list] ?? []).flatMap(({ imagePullPolicy }, i) =>
        imagePullPolicy === 'Always'
          ? []
          : [notSupported(`spec.${list}[${i}].imagePullPolicy`, imagePullPolicy, ['Always'])],
      ),
    )
    if (errors.length > 0) throw invalidObject(request.kind, request.name, errors)
  },
}

/** k8s: an update that brings no new image is left alone. */
function concerns({ kind, operation, subresource, object, old }: AdmissionRequest): boolean {
  if (!isKind(kind, Pod) || (subresource !== '' && subresource !== 'ephemeralcontainers')) return false
  if (operation === 'CREATE') return true
  if (operation !== 'UPDATE') return false
  const before = imagesOf(old as unknown as AnyPod)
  return [...imagesOf(object as unknown as AnyPod)].some((image) => !before.has(image))
}

const imagesOf = ({ spec }: AnyPod) => new Set(LISTS.flatMap((list) => (spec[list] ?? []).map(({ image }) => image)))
