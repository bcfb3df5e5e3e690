// The types that expressions are checked with. Types that come from a schema also carry the largest number of elements (characters,
// items, entries) and the smallest JSON size that a value can have: cost estimates stand on these.

import type { ListSemantics } from './values.ts'

export type SimpleKind =
  | 'dyn'
  | 'null'
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'timestamp'
  | 'duration'
  | 'error'

interface Sized {
  readonly maxElements?: number
  readonly minSize?: number
}
export interface ObjectType extends Sized {
  readonly kind: 'object'
  readonly name: string
  /** By the name that expressions use (escaped). A thunk, so that recursive types can be built. */
  readonly fields: () => ReadonlyMap<string, ObjectField>
  /** `Object.spec{…}` may be written. */
  readonly constructible?: boolean
}
export interface ObjectField {
  readonly name: string
  readonly jsonName: string
  readonly type: CelType
}
export type CelType =
  | (Sized & { readonly kind: SimpleKind })
  | (Sized & { readonly kind: 'list'; readonly elem: CelType; readonly semantics?: ListSemantics })
  | (Sized & { readonly kind: 'map'; readonly key: CelType; readonly value: CelType })
  | (Sized & { readonly kind: 'optional'; readonly of: CelType })
  | (Sized & { readonly kind: 'type'; readonly of: CelType | undefined })
  | (Sized & { readonly kind: 'param'; readonly name: string })
  /** A type of a library, known by its name only: `kubernetes.Quantity`, `net.IP`. */
  | (Sized & { readonly kind: 'opaque'; readonly name: string })
  | ObjectType

const simple = (kind: SimpleKind): CelType => ({ kind })
export const DYN = simple('dyn')
export const NULL = simple('null')
export const BOOL = simple('bool')
export const INT = simple('int')
export const UINT = simple('uint')
export const DOUBLE = simple('double')
export const STRING = simple('string')
export const BYTES = simple('bytes')
export const TIMESTAMP = simple('timestamp')
export const DURATION = simple('duration')
export const ERROR = simple('error')
export const listOf = (elem: CelType): CelType => ({ kind: 'list', elem })
export const mapOf = (key: CelType, value: CelType): CelType => ({ kind: 'map', key, value })
export const optionalOf = (of: CelType): CelType => ({ kind: 'optional', of })
export const typeOfType = (of: CelType | undefined): CelType => ({ kind: 'type', of })
export const param = (name: string): CelType => ({ kind: 'param', name })
export const opaque = (name: string): CelType => ({ kind: 'opaque', name })

/** An object type whose fields have the same names in JSON. */
export function objectType(name: string, fields: Readonly<Record<string, CelType>>): ObjectType {
  const map = new Map(Object.entries(fields).map(([key, type]) => [key, { name: key, jsonName: key, type }]))
  return { kind: 'object', name, fields: () => map }
}

export const QUANTITY = opaque('kubernetes.Quantity')
export const URL_TYPE = opaque('kubernetes.URL')
export const IP = opaque('net.IP')
export const CIDR = opaque('net.CIDR')
export const SEMVER = opaque('kubernetes.Semver')
export const FORMAT = opaque('kubernetes.NamedFormat')
export const AUTHORIZER = opaque('kubernetes.authorization.Authorizer')
export const PATH_CHECK = opaque('kubernetes.authorization.PathCheck')
export const GROUP_CHECK = opaque('kubernetes.authorization.GroupCheck')
export const RESOURCE_CHECK = opaque('kubernetes.authorization.ResourceCheck')
export const DECISION = opaque('kubernetes.authorization.Decision')

/** As messages show a type: `list(string)`, `map(string, int)`, `dyn`. */
export function formatType(type: CelType): string {
  switch (type.kind) {
    case 'list':
      return `list(${formatType(type.elem)})`
    case 'map':
      return `map(${formatType(type.key)}, ${formatType(type.value)})`
    case 'optional':
      return `optional_type(${formatType(type.of)})`
    case 'type':
      return type.of ? `type(${formatType(type.of)})` : 'type'
    case 'param':
    case 'opaque':
    case 'object':
      return type.name
    case 'error':
      return '!error!'
    default:
      return type.kind
  }
}

/** The same type in every part; what is known about sizes does not count. */
export function sameType(a: CelType, b: CelType): boolean {
  if (a === b) return true
  if (a.kind !== b.kind) return false
  switch (a.kind) {
    case 'list':
      return sameType(a.elem, (b as typeof a).elem)
    case 'map':
      return sameType(a.key, (b as typeof a).key) && sameType(a.value, (b as typeof a).value)
    case 'optional':
      return sameType(a.of, (b as typeof a).of)
    case 'type': {
      const other = (b as typeof a).of
      return a.of && other ? sameType(a.of, other) : a.of === other
    }
    case 'param':
    case 'opaque':
    case 'object':
      return a.name === (b as typeof a).name
    default:
      return true
  }
}
