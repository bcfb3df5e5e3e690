// PATCH in its four types. A patch is applied to the current object and the result goes the way of an update; when somebody else was
// quicker it is applied again to what they left. Apply also creates.
import { badRequest, forbiddenField, invalid, invalidObject, required } from '../../api/meta/errors.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { formatTime } from '../../api/meta/time.ts'
import { decodeValue } from '../../api/schema/body.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import type { ParsedJson } from '../../api/schema/json-text.ts'
import type { ApiResponse } from '../../api/wire.ts'
import { applyConfiguration } from '../patch/apply.ts'
import type { PlainObject } from '../patch/managed-fields.ts'
import { applyPatch, type PatchType, parsePatch, patchTypeOf } from '../patch/patch.ts'
import { isTrue } from '../request-info.ts'
import type { Call, Registry } from './call.ts'
import { checkNamespace } from './create.ts'
import type { Endpoint } from './endpoint.ts'
import { setManagedFields, writeTarget } from './fields.ts'
import { present } from './present.ts'
import { type Change, change } from './update.ts'
import { refuseInvalid } from './write.ts'
import { parseWriteOptions, type WriteOptions } from './write-options.ts'

export async function patch(registry: Registry, call: Call, endpoint: Endpoint): Promise<ApiResponse> {
  const type = patchTypeOf(call.request.headers['content-type'], call.kind.custom !== undefined)
  const options = parsePatchOptions(call, type)
  const body = parsePatch(type, call.request.body)
  const make = type === 'apply' ? applied(registry, call, endpoint, options, body) : patched(call, type, options, body)
  const creates = type === 'apply' && endpoint.creates
  const outcome = await change(registry, call, endpoint, options, creates, make)
  return present(registry, call, outcome.shown.object, outcome.shown.json, outcome.created ? 201 : 200)
}

export function parsePatchOptions(call: Call, type: PatchType): WriteOptions {
  const options = parseWriteOptions(call, 'PatchOptions')
  const refuse = (error: ReturnType<typeof required>) =>
    invalidObject({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [error])
  if (type === 'apply' && !options.managerGiven) throw refuse(required('fieldManager', 'is required for apply patch'))
  if (type !== 'apply' && call.query.has('force')) {
    throw refuse(forbiddenField('force', 'may not be specified for non-apply patch'))
  }
  return options
}

function patched(call: Call, type: Exclude<PatchType, 'apply'>, options: WriteOptions, body: ParsedJson): Change {
  const { kind, info, warnings } = call
  return (old) => {
    const result = applyPatch(type, kind.schema, old!, body, options.validation)
    for (const warning of result.warnings) if (!warnings.includes(warning)) warnings.push(warning)
    const object = result.object as unknown as KubeObject
    object.apiVersion = kind.apiVersion
    object.kind = kind.kind
    object.metadata ??= {} as KubeObject['metadata']
    if (object.metadata.name !== info.name) {
      refuseInvalid(kind, info.name, [invalid('metadata.name', object.metadata.name, 'field is immutable')])
    }
    checkNamespace(call, object)
    return { object }
  }
}

function applied(
  registry: Registry,
  call: Call,
  endpoint: Endpoint,
  { manager, validation }: WriteOptions,
  body: ParsedJson,
): Change {
  const { kind, query } = call
  const configuration = named(call, body)
  call.warnings.push(...decodeValue(kind, { ...body, value: configuration }, validation).warnings)
  const target = writeTarget(kind, endpoint.subresource)
  return (old) => {
    const now = formatTime(registry.clock.now())
    const force = isTrue(query.get('force'))
    const live = old as unknown as PlainObject | undefined
    const { object, managedFields } = applyConfiguration(target, live, configuration, { manager, force, now })
    const next = object as unknown as KubeObject
    setManagedFields(next, managedFields)
    return { object: next, fieldsTracked: true }
  }
}

/** The configuration with the name and the namespace that the URL gives it. */
function named(call: Call, { value }: ParsedJson): object {
  const { kind, info } = call
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest('error decoding YAML: the patch must be an object')
  }
  const configuration = cloneJson(value) as Partial<KubeObject>
  if (!configuration.apiVersion || !configuration.kind) {
    throw badRequest(
      `apply configuration of ${kind.plural} ${JSON.stringify(info.name)}: apiVersion and kind must be set`,
    )
  }
  const given = configuration.metadata?.name
  if (given && given !== info.name) {
    throw badRequest(`the name of the object (${given}) does not match the name on the URL (${info.name})`)
  }
  configuration.metadata = { ...configuration.metadata, name: info.name } as KubeObject['metadata']
  checkNamespace(call, configuration as KubeObject)
  return configuration
}
