// Objects as the rows of a Table, and objects reduced to their metadata: the two views of an answer besides the object itself.
// Columns come from the kind. Pure.
import type { Column, Kind } from '../../api/kinds/kind.ts'
import { badRequest, invalid } from '../../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../../api/meta/object.ts'
import { ageOf } from '../../api/meta/time.ts'

export type IncludeObject = 'None' | 'Metadata' | 'Object'

type Obj = DeepReadonly<KubeObject>

const NAME: Column<KubeObject> = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'The name of the object, unique among its kind in its namespace.',
  value: (obj) => obj.metadata.name,
}
const AGE: Column<KubeObject> = {
  name: 'Age',
  type: 'date',
  description: 'The time since the object was created.',
  value: (obj) => obj.metadata.creationTimestamp,
}

/** What views are made of: which objects come along, and in which version of meta.k8s.io. */
export interface ViewOptions {
  readonly include: IncludeObject
  readonly version: 'v1' | 'v1beta1'
}

/** @throws BadRequest-like Invalid for a value that isn't one of the three */
function parseIncludeObject(value: string | null): IncludeObject {
  if (value === null || value === '') return 'Metadata'
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value
  const { field, message } = invalid('includeObject', value, "must be 'Metadata', 'Object', 'None', or empty")
  throw badRequest(`Unable to convert to Table as requested: ${field}: ${message}`)
}

function columnsOf(kind: Kind): readonly Column<KubeObject>[] {
  const own = kind.columns as readonly Column<KubeObject>[] | undefined
  if (!own) return [NAME, AGE]
  return !kind.custom && own.some((column) => column.name === 'Name') ? own : [NAME, ...own]
}

export function columnDefinitions(kind: Kind): object[] {
  return columnsOf(kind).map(({ name, type, shownType, format, description, priority }) => ({
    name,
    // k8s: ages are sent as text that is ready to be shown; columns of custom resources keep their type all the same.
    type: shownType ?? (type === 'date' && !kind.custom ? 'string' : type),
    format: format ?? (name === 'Name' ? 'name' : ''),
    description: description ?? '',
    priority: priority ?? 0,
  }))
}

export function tableRow(kind: Kind, obj: Obj, { include, version }: ViewOptions, nowMs: number): object {
  const cells = columnsOf(kind).map((column) => {
    const value = column.value(obj, nowMs)
    return column.type === 'date' ? ageOf(value as string | undefined, nowMs) : (value ?? null)
  })
  const object = include === 'None' ? null : include === 'Object' ? obj : partialMetadata(obj, version)
  return { cells, object }
}

/** @param head list metadata (resourceVersion, continue …); @param headers false for the later events of a watch */
export function table(
  kind: Kind,
  objects: readonly Obj[],
  options: ViewOptions,
  nowMs: number,
  head: object,
  headers = true,
): object {
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata: head,
    columnDefinitions: headers ? columnDefinitions(kind) : null,
    rows: objects.map((obj) => tableRow(kind, obj, options, nowMs)),
  }
}

export function partialMetadata(obj: Obj, version: ViewOptions['version'] = 'v1'): object {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: obj.metadata }
}

export function partialMetadataList(objects: readonly Obj[], head: object, version: ViewOptions['version']): object {
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: `meta.k8s.io/${version}`,
    metadata: head,
    items: objects.map((obj) => partialMetadata(obj, version)),
  }
}

/** @throws BadRequest */
export const viewOptions = ({
  query,
  viewVersion,
}: {
  query: URLSearchParams
  viewVersion?: 'v1beta1'
}): ViewOptions => ({
  include: parseIncludeObject(query.get('includeObject')),
  version: viewVersion ?? 'v1',
})
