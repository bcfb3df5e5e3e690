// The schema of a custom resource's version, as its definition gives it (OpenAPI v3), with the few questions that every walk over it asks.
import type { DeepReadonly } from '../meta/object.ts'
import type { JSONSchemaProps } from '../types/apiextensions.v1.ts'

export type Props = DeepReadonly<JSONSchemaProps>
export type Fields = Record<string, unknown>

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A property's schema; never one that only the prototype has. */
export const propertyOf = (props: Props | undefined, name: string): Props | undefined =>
  props?.properties && Object.hasOwn(props.properties, name) ? props.properties[name] : undefined

/** The schema of a list's items; undefined for the outdated form of one schema per position. */
export const itemsOf = (props: Props | undefined): Props | undefined =>
  isFields(props?.items) ? (props.items as Props) : undefined

/** The schema of a map's values: `true` says that there may be any, undefined that there is no map. */
export function valuesOf(props: Props | undefined): Props | true | undefined {
  const given = props?.additionalProperties
  if (isFields(given)) return given as Props
  return given === true ? true : undefined
}

export const keepsUnknown = (props: Props | undefined) => props?.['x-kubernetes-preserve-unknown-fields'] === true
export const isEmbedded = (props: Props | undefined) => props?.['x-kubernetes-embedded-resource'] === true
export const isIntOrString = (props: Props | undefined) => props?.['x-kubernetes-int-or-string'] === true

/** Visits a schema and everything below it, in what is structure and in what only restricts; ends early when `visit` says true. */
export function someProps(props: Props | undefined, visit: (props: Props) => boolean): boolean {
  if (!isFields(props)) return false
  if (visit(props)) return true
  const all = (list: readonly Props[] | undefined) => list?.some((p) => someProps(p, visit)) ?? false
  const named = (map: Readonly<Record<string, Props>> | undefined) =>
    Object.values(map ?? {}).some((p) => someProps(p, visit))
  const values = valuesOf(props)
  return (
    someProps(itemsOf(props), visit) ||
    all(props.allOf as readonly Props[]) ||
    all(props.anyOf as readonly Props[]) ||
    all(props.oneOf as readonly Props[]) ||
    someProps(props.not as Props | undefined, visit) ||
    named(props.properties as Readonly<Record<string, Props>>) ||
    (values !== true && someProps(values, visit))
  )
}
