// Server-side apply: the configuration is laid over the live object, fields that this manager applied before and that nobody holds
// any more are removed, fields that others hold with another value are conflicts (unless forced). Pure: the caller stores
// the result, defaults and validates it.

import { jsonEqual } from '../../api/meta/equality.ts'
import { StatusError } from '../../api/meta/errors.ts'
import { DecodeError, decodeObject } from '../../api/schema/decode.ts'
import type { ManagedFieldsEntry, StatusCause } from '../../api/types/meta.v1.ts'
import { difference, type FieldSet, formatPaths, intersection, isEmptySet, withNamedParents } from './field-set.ts'
import {
  BEFORE_FIRST_APPLY,
  changesOf,
  emptyObject,
  entryFor,
  formatManagers,
  keyOf,
  type Manager,
  type Managers,
  ownable,
  type PlainObject,
  parseManagers,
  takeFromOthers,
  type WriteTarget,
} from './managed-fields.ts'
import { malformedPatch } from './patch-errors.ts'
import { compare, mergeApplied, pathsOf, removePaths, TypedValueError } from './typed-value.ts'

export interface ApplyOptions {
  manager: string
  force: boolean
  /** RFC 3339 seconds. */
  now: string
}

export interface ApplyTarget extends WriteTarget {
  kind: string
}

export interface Applied {
  /** Decoded, without managedFields; equal to the live object's content when nothing changed. Defaults are still to be applied. */
  object: PlainObject
  managedFields: ManagedFieldsEntry[] | undefined
}

export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'
const KUBECTL = 'kubectl'
/** k8s: all annotations of an object together. */
const MAX_ANNOTATIONS_BYTES = 256 * 1024

/**
 * `live` is undefined when apply creates the object. @throws StatusError: 409 with FieldManagerConflict causes, 400 for what is not
 * an apply configuration of this kind.
 */
export function applyConfiguration(
  target: ApplyTarget,
  live: PlainObject | undefined,
  configuration: unknown,
  options: ApplyOptions,
): Applied {
  const config = readConfiguration(target, configuration)
  const managers = trackedManagers(target, live, options.now)
  const attempt = merge(target, live, config, managers, options, options.force)
  if ('applied' in attempt) return finish(target, live, config, attempt.applied, options)

  // k8s: kubectl moving from client-side apply to server-side apply does not conflict with what it applied itself
  const own = options.manager === KUBECTL ? lastAppliedPaths(target, live) : undefined
  const conflicts = own ? withoutPaths(attempt.conflicts, own) : attempt.conflicts
  if (conflicts.length > 0) throw conflictError(conflicts)
  const forced = merge(target, live, config, trackedManagers(target, live, options.now), options, true)
  if (!('applied' in forced)) throw conflictError(forced.conflicts)
  return finish(target, live, config, forced.applied, options)
}

function readConfiguration(target: ApplyTarget, configuration: unknown): PlainObject {
  const given = (configuration ?? {}) as PlainObject
  if (typeof given !== 'object' || Array.isArray(given))
    throw malformedPatch('error decoding YAML: the patch must be an object')
  if (given['apiVersion'] !== target.apiVersion) {
    throw malformedPatch(
      `Incorrect version specified in apply patch. Specified patch version: ${given['apiVersion'] ?? ''}, expected: ${target.apiVersion}`,
    )
  }
  if (given.metadata?.managedFields) throw malformedPatch('metadata.managedFields must be nil')
  try {
    const { object, unknown } = decodeObject(target.schema, given, { partial: true })
    if (unknown.length > 0)
      throw new TypedValueError(unknown.map((path) => `.${path}: field not declared in schema`).join('\n'))
    return object as PlainObject
  } catch (err) {
    throw notTyped(target, given, err)
  }
}

function notTyped(target: ApplyTarget, { metadata }: PlainObject, err: unknown): unknown {
  if (!(err instanceof TypedValueError) && !(err instanceof DecodeError)) return err
  const { namespace, name } = (metadata ?? {}) as { namespace?: string; name?: string }
  const of = `${namespace ? `${namespace}/` : '/'}${name ?? ''}; ${target.apiVersion.includes('/') ? '' : '/'}${target.apiVersion}, Kind=${target.kind}`
  return malformedPatch(`failed to create typed patch object (${of}): ${err.message}`)
}

/** The live object's managers; what an untracked object already has belongs to `before-first-apply`. */
function trackedManagers(target: WriteTarget, live: PlainObject | undefined, now: string): Managers {
  const known = parseManagers(live?.metadata?.managedFields)
  if (known || !live) return known ?? new Map()
  const { changed } = changesOf({ ...target, resetFields: [] }, undefined, live)
  const entry = entryFor({ ...target, subresource: '' }, BEFORE_FIRST_APPLY, 'Update')
  return isEmptySet(changed)
    ? new Map()
    : new Map([[keyOf(entry), { entry, time: now, set: changed, stored: undefined }]])
}

interface Conflict {
  manager: Manager
  paths: FieldSet
}
interface Outcome {
  merged: PlainObject
  managers: Managers
  key: string
}

function merge(
  target: ApplyTarget,
  live: PlainObject | undefined,
  config: PlainObject,
  managers: Managers,
  { manager, now }: ApplyOptions,
  force: boolean,
): { applied: Outcome } | { conflicts: Conflict[] } {
  const entry = entryFor(target, manager, 'Apply')
  const key = keyOf(entry)
  const previous = managers.get(key)
  const set = ownable(target, configuredPaths(target, config))
  const sameEntry = previous && jsonEqual(previous.set, set) && previous.entry.apiVersion === entry.apiVersion
  managers.set(key, sameEntry ? previous : { entry, time: previous?.time ?? now, set, stored: undefined })

  const base = live ?? emptyObject(target.schema)
  let merged = mergeApplied(target.schema, base, config) as PlainObject
  let compared = merged
  if (previous && previous.set !== set) {
    const abandoned = abandonedPaths(previous.set, managers)
    compared = (removePaths(target.schema, merged, abandoned, true) ?? {}) as PlainObject
    merged = (removePaths(target.schema, merged, abandoned) ?? {}) as PlainObject
  }

  const changes = compare(target.schema, base, compared)
  const changed = ownable(target, changes.changed)
  const conflicts: Conflict[] = []
  for (const [other, held] of managers) {
    if (other === key) continue
    const paths = intersection(held.set, changed)
    if (!isEmptySet(paths)) conflicts.push({ manager: held, paths })
  }
  if (conflicts.length > 0 && !force) return { conflicts }
  takeFromOthers(managers, { changed, removed: ownable(target, changes.removed) }, key)
  if (isEmptySet(set)) managers.delete(key)
  return { applied: { merged, managers, key } }
}

function configuredPaths(target: ApplyTarget, config: PlainObject): FieldSet {
  try {
    return pathsOf(target.schema, config)
  } catch (err) {
    throw notTyped(target, config, err)
  }
}

/** What the manager applied before and no manager holds any more. */
function abandonedPaths(previous: FieldSet, managers: Managers): FieldSet {
  let abandoned = withNamedParents(previous)
  for (const { set } of managers.values()) {
    if (isEmptySet(abandoned)) return abandoned
    abandoned = difference(abandoned, withNamedParents(set))
  }
  return abandoned
}

function finish(
  target: ApplyTarget,
  live: PlainObject | undefined,
  config: PlainObject,
  { merged, managers, key }: Outcome,
  { manager, now }: ApplyOptions,
): Applied {
  const { managedFields: _, ...metadata } = merged.metadata ?? {}
  const object = decodeObject(target.schema, { ...merged, metadata }).object as PlainObject
  if (manager === KUBECTL && live) refreshLastApplied(object, config)
  const own = managers.get(key)
  if (own && (!live || !isUnchanged(live, object))) managers.set(key, { ...own, time: now, stored: undefined })
  return { object, managedFields: formatManagers(managers) }
}

function isUnchanged(live: PlainObject, object: PlainObject): boolean {
  const { managedFields: _, ...metadata } = live.metadata ?? {}
  return jsonEqual({ ...live, metadata }, object)
}

type Annotated = { annotations?: Record<string, string> }

/** k8s: the annotation of client-side apply is kept in step, so that one may go back. */
function refreshLastApplied(object: PlainObject, config: PlainObject): void {
  const { annotations } = (object.metadata ?? {}) as Annotated
  if (annotations?.[LAST_APPLIED] === undefined) return
  const { [LAST_APPLIED]: _, ...others } = (config.metadata as Annotated | undefined)?.annotations ?? {}
  const shown = { ...config, metadata: { ...config.metadata, annotations: others } }
  const text = `${JSON.stringify(shown)}\n`
  let total = 0
  for (const [name, value] of Object.entries({ ...annotations, [LAST_APPLIED]: text }))
    total += name.length + value.length
  if (total <= MAX_ANNOTATIONS_BYTES) annotations[LAST_APPLIED] = text
}

/** What the last client-side apply wrote and still stands as written. */
function lastAppliedPaths(target: ApplyTarget, live: PlainObject | undefined): FieldSet | undefined {
  const text = (live?.metadata as Annotated | undefined)?.annotations?.[LAST_APPLIED]
  if (!live || text === undefined) return undefined
  try {
    const config = decodeObject(target.schema, JSON.parse(text), { partial: true }).object
    const { changed } = compare(target.schema, config, live)
    return difference(pathsOf(target.schema, config), changed)
  } catch {
    return undefined // an annotation that is no configuration allows nothing
  }
}

function withoutPaths(conflicts: Conflict[], allowed: FieldSet): Conflict[] {
  return conflicts
    .map(({ manager, paths }) => ({ manager, paths: difference(paths, allowed) }))
    .filter(({ paths }) => !isEmptySet(paths))
}

function conflictError(conflicts: readonly Conflict[]): StatusError {
  const found = conflicts
    .map(({ manager, paths }) => ({ who: printManager(manager.entry), paths: formatPaths(paths) }))
    .sort((a, b) => (a.who < b.who ? -1 : 1))
  const causes: StatusCause[] = found.flatMap(({ who, paths }) =>
    paths.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${who}`, field })),
  )
  const [first] = found
  const message =
    causes.length === 1
      ? `Apply failed with 1 conflict: conflict with ${first!.who}: ${first!.paths[0]}`
      : `Apply failed with ${causes.length} conflicts: ${found
          .flatMap(({ who, paths }) => [`conflicts with ${who}:`, ...paths.map((path) => `- ${path}`)])
          .join('\n')}`
  return new StatusError(409, 'Conflict', message, { causes })
}

function printManager({ manager, operation, apiVersion, subresource }: Manager['entry']): string {
  const name = JSON.stringify(manager ?? '') + (subresource ? ` with subresource ${JSON.stringify(subresource)}` : '')
  return operation === 'Update' ? `${name} using ${apiVersion}` : name
}
