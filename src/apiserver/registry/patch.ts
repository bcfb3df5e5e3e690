// PATCH in its four types. A patch is applied to the current object and the result goes the way of an update; when somebody else was
// quicker it is applied again to what they left. Apply also creates.
import type { Kind } from '../../api/kinds/kind.ts'
import { badRequest, type FieldError, forbiddenField, required } from '../../api/meta/errors.ts'
import type { KubeObject } from '../../api/meta/object.ts'
import { formatTime } from '../../api/meta/time.ts'
import { type FieldValidation, yamlErrors } from '../../api/schema/body.ts'
import { cloneJson } from '../../api/schema/clone.ts'
import { duplicateFieldMessage } from '../../api/schema/decode.ts'
import type { ParsedJson } from '../../api/schema/json-text.ts'
import type { ApiResponse } from '../../api/wire.ts'
import { applyConfiguration } from '../patch/apply.ts'
import type { PlainObject } from '../patch/managed-fields.ts'
import { applyPatch, type PatchType, parsePatch, patchTypeOf } from '../patch/patch.ts'
import { isTrue } from '../request-info.ts'
import type { Call, Registry } from './call.ts'
import type { Endpoint } from './endpoint.ts'
import { setManagedFields, writeTarget } from './fields.ts'
import { present } from './present.ts'
import { type Change, change, checkName } from './update.ts'
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
  const refused: FieldError[] = []
  if (type === 'apply') {
    if (!call.query.get('fieldManager')) refused.push(required('fieldManager', 'is required for apply patch'))
  } else if (call.query.has('force')) refused.push(forbiddenField('force', 'may not be specified for non-apply patch'))
  return parseWriteOptions(call, 'PatchOptions', refused)
}

function patched(call: Call, type: Exclude<PatchType, 'apply'>, options: WriteOptions, body: ParsedJson): Change {
  const { kind, warnings } = call
  return (old) => {
    const result = applyPatch(type, kind.schema, old!, body, options.validation)
    for (const warning of result.warnings) if (!warnings.includes(warning)) warnings.push(warning)
    const object = result.object as unknown as KubeObject
    object.apiVersion = kind.apiVersion
    object.kind = kind.kind
    checkName(call, object)
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
  const target = writeTarget(kind, endpoint.subresource)
  return (old) => {
    const now = formatTime(registry.clock.now())
    const force = isTrue(query.get('force'))
    const live = old as unknown as PlainObject | undefined
    const { object, managedFields } = applyConfiguration(target, live, configuration, { manager, force, now })
    const next = object as unknown as KubeObject
    setManagedFields(next, managedFields)
    call.warnings.push(...writtenTwice(body, validation).filter((text) => !call.warnings.includes(text)))
    return { object: next, fieldsTracked: true }
  }
}

/** k8s: only looked at when nothing else was wrong. @throws BadRequest when it must not be */
function writtenTwice({ duplicates, duplicateLines }: ParsedJson, validation: FieldValidation): string[] {
  if (validation === 'Ignore' || duplicates.length === 0) return []
  const texts = duplicateLines ?? duplicates.map(duplicateFieldMessage)
  if (validation === 'Warn') return texts
  const why = duplicateLines ? `error converting YAML to JSON: ${yamlErrors(duplicateLines)}` : texts.join(', ')
  throw badRequest(`error strict decoding YAML: ${why}`)
}

/** The configuration with the name and the namespace that the URL gives it. @param kind that it must be of */
export function named(call: Call, { value }: ParsedJson, kind: Kind = call.kind): object {
  const { info } = call
  const given = value ?? {}
  if (typeof given !== 'object' || Array.isArray(given)) {
    const what = Array.isArray(given) ? 'array' : typeof given
    throw badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${what} into Go value of type map[string]interface {}`,
    )
  }
  const configuration = cloneJson(given) as Partial<KubeObject>
  if (configuration.apiVersion !== kind.apiVersion || configuration.kind !== kind.kind) {
    throw badRequest(`invalid object type: ${typeText(configuration)}`)
  }
  configuration.metadata = { ...configuration.metadata } as KubeObject['metadata']
  configuration.metadata.name ||= info.name
  checkName(call, configuration as KubeObject)
  return configuration
}

/** As Go prints a type's identity: `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`. What is no text isn't there. */
function typeText(given: { apiVersion?: unknown; kind?: unknown }): string {
  const [apiVersion, kind] = [given.apiVersion, given.kind].map((part) => (typeof part === 'string' ? part : ''))
  return `${apiVersion!.includes('/') ? '' : '/'}${apiVersion}, Kind=${kind}`
}
