// What a write to an object's main endpoint or to one of its subresources may change. `restrict` puts everything else back as it
// was; `errors` are the rules of that kind of write. One value per endpoint.
import type { Kind, Subresource } from '../../api/kinds/kind.ts'
import type { FieldError } from '../../api/meta/errors.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import type { GroupVersionKind } from '../admission/admission.ts'
import type { Obj } from './call.ts'
import { objectErrors } from './write.ts'

export interface Endpoint {
  /** As in managed fields and admission: empty for the object itself. */
  readonly subresource: string
  restrict(kind: Kind, obj: KubeObject, old: Obj): void
  errors(kind: Kind, obj: Obj, old: Obj): FieldError[]
  /** May a PUT or an apply create the object? */
  readonly creates: boolean
  /** How admission sees the write: as one of the object itself unless given; `none`: whoever began it has asked already. */
  readonly admission?: 'none' | AdmissionView
}

/** Another shape in which a write is shown to admission (Scale), and back. */
export interface AdmissionView {
  readonly kind: GroupVersionKind
  show(kind: Kind, obj: Obj): KubeObject
  /** Takes over what admission made of what it was shown. */
  take(kind: Kind, obj: KubeObject, shown: KubeObject): void
}

type Fields = Record<string, unknown>
const fieldsOf = (obj: Obj | KubeObject) => obj as unknown as Fields

function put(target: Fields, key: string, value: unknown): void {
  if (value === undefined) delete target[key]
  else target[key] = cloneJson(value)
}

/** Everything as it was, but for what `keep` takes from the new object. */
function onlyFrom(obj: KubeObject, old: Obj, keep: (wanted: Fields, next: Fields) => void): void {
  const wanted = { ...fieldsOf(obj) }
  const { metadata } = obj
  const next = cloneJson(old) as unknown as Fields
  keep(wanted, next)
  for (const key of Object.keys(obj)) delete fieldsOf(obj)[key]
  Object.assign(obj, next)
  obj.metadata.resourceVersion = metadata.resourceVersion
  put(fieldsOf(obj)['metadata'] as Fields, 'managedFields', metadata.managedFields)
}

const updateErrors = (kind: Kind, obj: Obj, old: Obj) =>
  kind.validateChange
    ? kind.validateChange(obj, old)
    : [...objectErrors(kind, obj), ...(kind.validateUpdate?.(obj, old) ?? [])]

const subresourceErrors =
  (subresource: Subresource): Endpoint['errors'] =>
  (kind, obj, old) =>
    kind.validateSubresource?.[subresource]?.(obj, old) ?? []

export const wholeObject: Endpoint = {
  subresource: '',
  creates: true,
  restrict(kind, obj, old) {
    if (kind.subresources.includes('status')) put(fieldsOf(obj), 'status', fieldsOf(old)['status'])
    kind.prepareForUpdate?.(obj, old)
  },
  errors: updateErrors,
}

/** k8s: these groups' status endpoints also ignore labels; annotations are taken everywhere. */
const LABELS_FIXED: ReadonlySet<string> = new Set(['apps', 'batch'])

export const statusOnly: Endpoint = {
  subresource: 'status',
  creates: false,
  restrict(kind, obj, old) {
    const { labels, annotations, finalizers } = obj.metadata
    // k8s: of a custom resource the status alone is taken.
    if (kind.custom) return onlyFrom(obj, old, (wanted, next) => put(next, 'status', wanted['status']))
    onlyFrom(obj, old, (wanted, next) => put(next, 'status', wanted['status'] ?? {}))
    const metadata = obj.metadata as unknown as Fields
    put(metadata, 'annotations', annotations)
    put(metadata, 'finalizers', finalizers)
    if (!LABELS_FIXED.has(kind.group)) put(metadata, 'labels', labels)
  },
  errors: (kind, obj, old) => kind.validateStatusUpdate?.(obj, old) ?? [],
}

type Container = { name: string; resources?: unknown; resizePolicy?: unknown }
type PodFields = { spec: { containers: Container[]; initContainers?: Container[]; ephemeralContainers?: Container[] } }

/** Pods: debug containers, which can only be added. */
export const ephemeralContainersOnly: Endpoint = {
  subresource: 'ephemeralcontainers',
  creates: false,
  restrict(_kind, obj, old) {
    onlyFrom(obj, old, (wanted, next) => {
      const { spec } = wanted as unknown as PodFields
      put((next as unknown as PodFields).spec as unknown as Fields, 'ephemeralContainers', spec?.ephemeralContainers)
    })
  },
  errors: subresourceErrors('ephemeralcontainers'),
}

/** Pods: the containers' resources, while they run. */
export const resizeOnly: Endpoint = {
  subresource: 'resize',
  creates: false,
  restrict(_kind, obj, old) {
    onlyFrom(obj, old, (wanted, next) => {
      const [from, to] = [wanted as unknown as PodFields, next as unknown as PodFields]
      for (const list of ['containers', 'initContainers'] as const) {
        for (const container of to.spec?.[list] ?? []) {
          const asked = from.spec?.[list]?.find(({ name }) => name === container.name)
          if (!asked) continue
          put(container as unknown as Fields, 'resources', asked.resources)
          put(container as unknown as Fields, 'resizePolicy', asked.resizePolicy)
        }
      }
    })
  },
  errors: subresourceErrors('resize'),
}

/** Namespaces: the finalizers of the spec, as whoever cleaned up takes its own off. */
export const finalizersOnly: Endpoint = {
  subresource: 'finalize',
  creates: false,
  restrict(_kind, obj, old) {
    const { finalizers } = obj.metadata
    onlyFrom(obj, old, (wanted, next) => {
      const spec = wanted['spec'] as { finalizers?: string[] } | undefined
      next['spec'] = { ...(next['spec'] as object), finalizers: spec?.finalizers ?? [] }
    })
    put(obj.metadata as unknown as Fields, 'finalizers', finalizers)
  },
  errors: subresourceErrors('finalize'),
}

/** CertificateSigningRequests: the conditions, by whoever approves or denies. */
export const approvalOnly: Endpoint = {
  subresource: 'approval',
  creates: false,
  restrict(_kind, obj, old) {
    onlyFrom(obj, old, (wanted, next) => {
      const status = wanted['status'] as { conditions?: unknown } | undefined
      const current = { ...(next['status'] as Fields | undefined) }
      put(current, 'conditions', status?.conditions)
      next['status'] = current
    })
  },
  errors: subresourceErrors('approval'),
}

const endpoints: Readonly<Record<string, Endpoint>> = Object.fromEntries(
  [wholeObject, statusOnly, ephemeralContainersOnly, resizeOnly, finalizersOnly, approvalOnly].map((e) => [
    e.subresource,
    e,
  ]),
)
/** Undefined for subresources that aren't a view of the object itself. */
export const endpointOf = (subresource: string): Endpoint | undefined => endpoints[subresource]
