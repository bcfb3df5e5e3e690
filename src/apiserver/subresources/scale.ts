// The scale subresource: one number to set, wherever the kind keeps it. Reads and writes go to the object itself.
import { defineKind, type Kind, type ScalePaths } from '../../api/kinds/kind.ts'
import { type FieldError, internal, invalid } from '../../api/meta/errors.ts'
import { formatSelector, fromLabelSelector, fromMap } from '../../api/meta/label-selector.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { formatTime } from '../../api/meta/time.ts'
import { decodeBody } from '../../api/schema/body.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import type { Scale as ScaleObject } from '../../api/types/autoscaling.v1.ts'
import type { LabelSelector, ManagedFieldsEntry } from '../../api/types/meta.v1.ts'
import type { ApiResponse } from '../../api/wire.ts'
import { type ApplyTarget, applyConfiguration } from '../patch/apply.ts'
import { type PlainObject, trackUpdate } from '../patch/managed-fields.ts'
import { applyPatch, parsePatch, patchTypeOf } from '../patch/patch.ts'
import type { Call, Obj, Registry } from '../registry/call.ts'
import { type Endpoint, wholeObject } from '../registry/endpoint.ts'
import { setManagedFields } from '../registry/fields.ts'
import { read } from '../registry/get.ts'
import { named, parsePatchOptions } from '../registry/patch.ts'
import { type Change, change, type Next } from '../registry/update.ts'
import { refuseInvalid } from '../registry/write.ts'
import { parseWriteOptions, type WriteOptions } from '../registry/write-options.ts'
import { isTrue } from '../request-info.ts'
import { objectResponse } from '../respond.ts'
import { fromScaleFields, SCALE_VERSION, toScaleFields } from './scale-fields.ts'

const Scale = defineKind<ScaleObject & KubeObject>({
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  plural: 'scales',
  scope: 'Namespaced',
}) as unknown as Kind

const DEFAULT_PATHS: ScalePaths = {
  specReplicas: 'spec.replicas',
  statusReplicas: 'status.replicas',
  selector: 'spec.selector',
}
const pathsOf = (kind: Kind): ScalePaths => kind.scale ?? DEFAULT_PATHS

const scaleEndpoint: Endpoint = {
  ...wholeObject,
  subresource: 'scale',
  creates: false,
  admission: {
    kind: Scale,
    show: (kind, obj) => scaleOf(kind, obj) as KubeObject,
    take(kind, obj, shown) {
      setPath(obj, pathsOf(kind).specReplicas, (shown as unknown as ScaleObject).spec?.replicas ?? 0)
    },
  },
}

export async function getScale(registry: Registry, call: Call): Promise<ApiResponse> {
  const { object } = await read(registry, call)
  return objectResponse(scaleOf(call.kind, object))
}

export async function updateScale(registry: Registry, call: Call): Promise<ApiResponse> {
  const options = parseWriteOptions(call, 'UpdateOptions')
  const { body, headers } = call.request
  const { object } = decodeBody(Scale, body, headers['content-type'], options.validation)
  const wanted = object as unknown as ScaleObject
  const make: Change = (old) => updated(registry, call, old!, wanted, options)
  const outcome = await change(registry, call, scaleEndpoint, options, false, make)
  return objectResponse(scaleOf(call.kind, outcome.shown.object))
}

export async function patchScale(registry: Registry, call: Call): Promise<ApiResponse> {
  const type = patchTypeOf(call.request.headers['content-type'])
  const options = parsePatchOptions(call, type)
  const patch = parsePatch(type, call.request.body)
  const configuration = type === 'apply' ? named(call, patch, Scale) : undefined
  const outcome = await change(registry, call, scaleEndpoint, options, false, (old) => {
    if (type === 'apply') return applied(registry, call, old!, configuration, options)
    const patched = applyPatch(type, Scale.schema, scaleOf(call.kind, old!), patch, options.validation)
    return updated(registry, call, old!, patched.object as unknown as ScaleObject, options)
  })
  return objectResponse(scaleOf(call.kind, outcome.shown.object))
}

const TARGET: ApplyTarget = {
  schema: Scale.schema,
  apiVersion: SCALE_VERSION,
  kind: Scale.kind,
  subresource: 'scale',
  resetFields: [],
}

function updated({ clock }: Registry, call: Call, old: Obj, wanted: ScaleObject, { manager }: WriteOptions): Next {
  const replicas = wanted.spec?.replicas ?? 0
  const before = trackedScale(call.kind, old)
  const after = { ...before, spec: replicas ? { replicas } : {} }
  return scaled(call, old, wanted, trackUpdate(TARGET, before, after, manager, formatTime(clock.now())))
}

function applied({ clock }: Registry, call: Call, old: Obj, configuration: unknown, { manager }: WriteOptions): Next {
  const force = isTrue(call.query.get('force'))
  const live = trackedScale(call.kind, old)
  const result = applyConfiguration(TARGET, live, configuration, { manager, force, now: formatTime(clock.now()) })
  return scaled(call, old, result.object as unknown as ScaleObject, result.managedFields)
}

const scaledKind = (kind: Kind) => ({ apiVersion: kind.apiVersion, path: pathsOf(kind).specReplicas })

/** The scale with the owners of its replicas. */
function trackedScale(kind: Kind, obj: Obj): PlainObject {
  const scale = scaleOf(kind, obj) as unknown as PlainObject
  const managedFields = toScaleFields(scaledKind(kind), obj.metadata.managedFields as ManagedFieldsEntry[] | undefined)
  return { ...scale, metadata: { ...scale.metadata, ...(managedFields ? { managedFields } : {}) } }
}

/** The object with the replicas wanted. @param owners the scale's managed fields by now */
function scaled(call: Call, old: Obj, wanted: ScaleObject, owners: ManagedFieldsEntry[] | undefined): Next {
  const replicas = wanted.spec?.replicas ?? 0
  const errors: FieldError[] = []
  // k8s: of custom resources the object's own rules speak.
  if (replicas < 0 && !call.kind.custom)
    errors.push(invalid('spec.replicas', replicas, 'must be greater than or equal to 0'))
  refuseInvalid(Scale, call.info.name, errors)
  const object = cloneJson(old) as KubeObject
  setPath(object, pathsOf(call.kind).specReplicas, replicas)
  object.metadata.resourceVersion = wanted.metadata?.resourceVersion ?? ''
  if (wanted.metadata?.uid) object.metadata.uid = wanted.metadata.uid
  const { managedFields } = object.metadata
  const entries = fromScaleFields(scaledKind(call.kind), managedFields, owners)
  setManagedFields(object, entries && [...entries])
  return { object, fieldsTracked: true }
}

export function scaleOf(kind: Kind, obj: Obj): Obj {
  const paths = pathsOf(kind)
  if (kind.custom && typeof at(obj, paths.specReplicas) !== 'number') {
    throw internal(`the spec replicas field ${JSON.stringify(paths.specReplicas)} does not exist`)
  }
  const { name, namespace, uid, resourceVersion, creationTimestamp } = obj.metadata
  const selector = paths.selector ? selectorText(at(obj, paths.selector)) : ''
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { ...nonZero('replicas', at(obj, paths.specReplicas)) },
    status: { replicas: Number(at(obj, paths.statusReplicas) ?? 0), ...(selector ? { selector } : {}) },
  } as Obj
}

const nonZero = (key: string, value: unknown) => (value ? { [key]: Number(value) } : {})

function selectorText(selector: unknown): string {
  if (typeof selector === 'string') return selector
  if (typeof selector !== 'object' || selector === null) return ''
  if ('matchLabels' in selector || 'matchExpressions' in selector)
    return formatSelector(fromLabelSelector(selector as LabelSelector))
  return formatSelector(fromMap(selector as Record<string, string>))
}

const steps = (path: string) => path.split('.').filter((step) => step !== '')

function at(obj: unknown, path: string): unknown {
  let value = obj
  for (const step of steps(path)) value = (value as Record<string, unknown> | undefined)?.[step]
  return value
}

function setPath(obj: object, path: string, value: unknown): void {
  const keys = steps(path)
  let target = obj as Record<string, unknown>
  for (const key of keys.slice(0, -1)) {
    const inner = (target[key] ?? {}) as Record<string, unknown>
    target[key] = inner
    target = inner
  }
  target[keys.at(-1)!] = value
}
