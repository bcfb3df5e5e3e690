// The shape of a type, as one small algebra: built-in kinds get it from the tables beside this file, custom resources from their
// CRD at run time. Decoding, pruning, defaulting, all patch types, OpenAPI and protobuf are walks over these values.

/** Leaf types. How each looks in JSON: */
export type ScalarType =
  | 'string'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'double'
  | 'bytes' // base64 string
  | 'Time' // RFC 3339, seconds, UTC
  | 'MicroTime' // RFC 3339, microseconds
  | 'Duration' // Go duration, "1h2m3s"
  | 'Quantity' // "100m", "1Gi" (numbers are accepted and turned into strings)
  | 'IntOrString'
  | 'RawExtension' // any JSON object
  | 'JSON' // any JSON value

export interface ScalarSchema {
  readonly type: ScalarType
}
export interface ListSchema {
  readonly type: 'list'
  readonly items: Schema
  /** Server-side apply's view: one value, a set of scalars, or a map by `mapKeys`. */
  readonly listType: 'atomic' | 'set' | 'map'
  readonly mapKeys: readonly string[]
}
export interface MapSchema {
  readonly type: 'map'
  readonly values: Schema
  readonly mapType: 'granular' | 'atomic'
}
export interface StructSchema {
  readonly type: 'struct'
  /** OpenAPI definition name: `io.k8s.api.apps.v1.Deployment`; empty for an anonymous CRD object. */
  readonly name: string
  /** By JSON name; embedded (Go inline) structs are flattened in. */
  readonly fields: ReadonlyMap<string, FieldSchema>
  /** Embedded structs with their protobuf number, for protobuf only: the fields they carry are also in `fields`. */
  readonly embedded: readonly { readonly schema: StructSchema; readonly number: number }[]
  readonly structType: 'granular' | 'atomic'
  /** CRDs: unknown fields are kept. */
  readonly preserveUnknown: boolean
  /** CRDs: how apply sees the fields that are kept without being known. */
  readonly others?: Schema
  /** Custom resources: reads and prunes a whole object instead of the common reader, and names what it left out. */
  readonly read?: (value: Readonly<Record<string, unknown>>, partial: boolean) => ReadResult
  /** Custom resources: the definition's own schema, as OpenAPI documents show it. */
  readonly openapi?: (flavor: 'v2' | 'v3') => Record<string, unknown>
}
export interface ReadResult {
  object: Record<string, unknown>
  unknown: string[]
}
export type Schema = ScalarSchema | ListSchema | MapSchema | StructSchema

export interface FieldSchema {
  readonly name: string
  readonly schema: Schema
  /** Must be present in JSON for the object to be valid (OpenAPI's `required`). */
  readonly required: boolean
  /** Left out of JSON when it has its zero value. */
  readonly omitEmpty: boolean
  /** A Go pointer: absent and zero are different things. */
  readonly pointer: boolean
  readonly default: unknown
  readonly enum: readonly string[] | undefined
  /** Strategic merge: 'merge', 'replace', 'retainKeys' or 'merge,retainKeys'. */
  readonly patchStrategy: string | undefined
  readonly patchMergeKey: string | undefined
  /** Protobuf field number; 0 where the type has none. */
  readonly number: number
}
