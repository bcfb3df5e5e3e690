// Field selectors: `metadata.name=web,status.phase!=Running`. Which fields can be named is the kind's affair (`selectableFields`);
// metadata.name and metadata.namespace always can.
import { badRequest, type StatusError } from './errors.ts'
import type { DeepReadonly, KubeObject } from './object.ts'

export interface FieldRequirement {
  readonly field: string
  readonly equal: boolean
  readonly value: string
}
export type FieldSelector = readonly FieldRequirement[]

/** The part of a kind that matters here. */
export interface SelectableKind<T> {
  group: string
  version: string
  kind: string
  selectableFields?: Readonly<Record<string, (obj: DeepReadonly<T>) => string>>
  custom?: unknown
}

/** @throws StatusError 400. Backslash escapes `\`, `,` and `=` in values. */
export function parseFieldSelector(text: string): FieldSelector {
  return splitTerms(text).flatMap((term) => {
    if (term === '') return []
    const operator = /^((?:\\[\s\S]|[^\\=!]|!(?!=))*?)(!=|==|=)([\s\S]*)$/.exec(term)
    if (!operator) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`)
    const [, field = '', sign, value = ''] = operator
    if (field === '' && value === '') return [] // k8s: says nothing
    return [{ field, equal: sign !== '!=', value: unescapeValue(value) }]
  })
}

function splitTerms(text: string): string[] {
  const terms: string[] = []
  let from = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === ',') {
      terms.push(text.slice(from, i))
      from = i + 1
    }
  }
  terms.push(text.slice(from))
  return terms
}

function unescapeValue(value: string): string {
  return value.replace(/\\([\s\S]?)|[,=]/g, (match, escaped: string | undefined) => {
    if (escaped === undefined)
      throw badRequest(`invalid field selector: unescaped character in value: ${match.charCodeAt(0)}`)
    if (escaped !== '\\' && escaped !== ',' && escaped !== '=') {
      throw badRequest(`invalid field selector: invalid escape sequence: \\${escaped}`)
    }
    return escaped
  })
}

export function formatFieldSelector(selector: FieldSelector): string {
  return selector
    .map(({ field, equal, value }) => `${field}${equal ? '=' : '!='}${value.replace(/[\\,=]/g, '\\$&')}`)
    .join(',')
}

/** The value of a field as selectors compare it. @throws StatusError 400 for a field that this kind does not offer. */
export function selectableValue<T extends KubeObject>(
  kind: SelectableKind<T>,
  obj: DeepReadonly<T>,
  field: string,
): string {
  if (field === 'metadata.name') return obj.metadata?.name ?? ''
  if (field === 'metadata.namespace') return obj.metadata?.namespace ?? ''
  const read = kind.selectableFields?.[field]
  if (!read) throw unsupportedField(kind, field)
  return read(obj)
}

/** Found out before any object is looked at. @throws StatusError 400. */
export function checkFields<T>(kind: SelectableKind<T>, selector: FieldSelector): void {
  for (const { field } of selector) {
    if (field === 'metadata.name' || field === 'metadata.namespace') continue
    if (!kind.selectableFields || !Object.hasOwn(kind.selectableFields, field)) throw unsupportedField(kind, field)
  }
}

function unsupportedField(kind: SelectableKind<never>, field: string): StatusError {
  return kind.selectableFields || kind.custom
    ? badRequest(`field label not supported: ${field}`)
    : badRequest(`${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`)
}

export function matchesFields<T extends KubeObject>(
  kind: SelectableKind<T>,
  selector: FieldSelector,
  obj: DeepReadonly<T>,
): boolean {
  return selector.every(({ field, equal, value }) => (selectableValue(kind, obj, field) === value) === equal)
}
