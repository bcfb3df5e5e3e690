// What a custom resource is when it has been read: a copy with the fields that its schema doesn't know left out (and named), and with
// the metadata of the resource and of those embedded in it read as metadata. Values of the wrong type stay: validation names them.
import { cloneJson, setKey } from '../schema/clone.ts'
import { DecodeError, decodeObject } from '../schema/decode.ts'
import type { StructSchema } from '../schema/schema.ts'
import { structNamed } from '../schema/tables.ts'
import { type Fields, isEmbedded, isFields, itemsOf, keepsUnknown, type Props, propertyOf, valuesOf } from './props.ts'

export interface PruneResult {
  object: Fields
  /** Paths of what was left out, in the order of the text. */
  unknown: string[]
}

const META_FIELDS: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata'])
/** As many are named. */
const MAX_NAMED = 100

let metadata: StructSchema | undefined
export function metadataSchema(): StructSchema {
  metadata ??= structNamed('meta.v1.ObjectMeta')
  return metadata
}

/**
 * What is read. `whole`: an object from a client. `partial`: an apply configuration, in which only what the client wrote stands.
 * `stored`: an object that the store has; what is wrong with metadata inside of it is left out, for it can be refused no more.
 */
export type Reading = 'whole' | 'partial' | 'stored'

/** A whole resource. @throws DecodeError when metadata is none */
export function pruneResource(props: Props, value: Fields, reading: Reading): PruneResult {
  const pruning = { unknown: [] as string[], reading }
  return { object: object(props, value, '', true, pruning), unknown: pruning.unknown }
}

interface Pruning {
  unknown: string[]
  reading: Reading
}

function prune(props: Props | undefined, value: unknown, path: string, pruning: Pruning): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const items = itemsOf(props)
    return value.map((item, i) => (items ? prune(items, item, `${path}[${i}]`, pruning) : cloneJson(item)))
  }
  return object(props, value as Fields, path, isEmbedded(props), pruning)
}

function object(props: Props | undefined, value: Fields, path: string, isResource: boolean, pruning: Pruning): Fields {
  const out: Fields = {}
  const keepAll = keepsUnknown(props)
  const values = valuesOf(props)
  for (const key in value) {
    const entry = value[key]
    if (entry === undefined) continue
    const at = path ? `${path}.${key}` : key
    if (isResource && META_FIELDS.has(key)) {
      const meta = key === 'metadata' ? readMetadata(entry, at, path === '', pruning) : entry
      if (meta !== undefined) out[key] = meta
      continue
    }
    const known = propertyOf(props, key)
    if (known) setKey(out, key, prune(known, entry, at, pruning))
    else if (values && values !== true) setKey(out, key, prune(values, entry, at, pruning))
    else if (values || keepAll) setKey(out, key, cloneJson(entry))
    else if (pruning.unknown.length < MAX_NAMED) pruning.unknown.push(at)
  }
  return out
}

/** k8s: metadata of embedded resources is refused like the resource's own, but named. */
function readMetadata(value: unknown, path: string, isRoot: boolean, pruning: Pruning): unknown {
  if (value === null) return undefined
  if (pruning.reading === 'stored') return isRoot ? value : readable(value)
  try {
    const { object, unknown } = decodeObject(metadataSchema(), value, {
      partial: !isRoot || pruning.reading === 'partial',
    })
    for (const field of unknown) if (pruning.unknown.length < MAX_NAMED) pruning.unknown.push(`${path}.${field}`)
    return object
  } catch (err) {
    if (isRoot || !(err instanceof DecodeError)) throw err
    throw new DecodeError(`${path}: Invalid value: ${JSON.stringify(value)}: ${err.message}`)
  }
}

/** Field by field, what can be read. */
function readable(value: unknown): Fields | undefined {
  if (!isFields(value)) return undefined
  const out: Fields = {}
  for (const key in value) {
    if (value[key] === null) continue
    try {
      Object.assign(out, decodeObject(metadataSchema(), { [key]: value[key] }, { partial: true }).object)
    } catch (err) {
      if (!(err instanceof DecodeError)) throw err
    }
  }
  return out
}
