// The scale subresource: one number to set, wherever the kind keeps it. Reads and writes go to the object itself.
import { defineKind, type Kind, type ScalePaths } from '../../api/kinds/kind.ts'
import { type FieldError, internal, invalid } from '../../api/meta/errors.ts'
import { formatSelector, fromLabelSelector, fromMap } from '../../api/meta/label-selector.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { decodeBody } from '../../api/schema/body.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import type { Scale as ScaleObject } from '../../api/types/autoscaling.v1.ts'
import type { LabelSelector } from '../../api/types/meta.v1.ts'
import type { ApiResponse } from '../../api/wire.ts'
import { applyPatch, parsePatch, patchTypeOf } from '../patch/patch.ts'
import type { Call, Obj, Registry } from '../registry/call.ts'
import { type Endpoint, wholeObject } from '../registry/endpoint.ts'
import { read } from '../registry/get.ts'
import { parsePatchOptions } from '../registry/patch.ts'
import { change, type Next } from '../registry/update.ts'
import { refuseInvalid } from '../registry/write.ts'
import { parseWriteOptions } from '../registry/write-options.ts'
import { objectResponse } from '../respond.ts'

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
  const outcome = await change(registry, call, scaleEndpoint, options, false, (old) => scaled(call, old!, wanted))
  return objectResponse(scaleOf(call.kind, outcome.shown.object))
}

export async function patchScale(registry: Registry, call: Call): Promise<ApiResponse> {
  const given = patchTypeOf(call.request.headers['content-type'])
  const options = parsePatchOptions(call, given)
  const patch = parsePatch(given, call.request.body)
  // An applied scale sets the one number it has, like a merge of it.
  const type = given === 'apply' ? 'merge' : given
  const outcome = await change(registry, call, scaleEndpoint, options, false, (old) => {
    const patched = applyPatch(type, Scale.schema, scaleOf(call.kind, old!), patch, options.validation)
    return scaled(call, old!, patched.object as unknown as ScaleObject)
  })
  return objectResponse(scaleOf(call.kind, outcome.shown.object))
}

function scaled(call: Call, old: Obj, wanted: ScaleObject): Next {
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
  return { object }
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
