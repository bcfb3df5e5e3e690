// The query of a list or watch, checked: which revision is asked for and how exactly, which objects, how many at once.

import type { Kind } from '../../api/kinds/kind.ts'
import {
  badRequest,
  type FieldError,
  forbiddenField,
  invalid,
  invalidObject,
  notSupported,
} from '../../api/meta/errors.ts'
import { checkFields, matchesFields, parseFieldSelector } from '../../api/meta/field-selector.ts'
import { matches, parseSelector } from '../../api/meta/label-selector.ts'
import { isTrue } from '../request-info.ts'
import type { Revision } from '../storage/store.ts'
import type { Obj } from './call.ts'

export interface ListOptions {
  /** Undefined: the newest. 0: any will do. */
  readonly revision: Revision | undefined
  readonly match: 'Exact' | 'NotOlderThan' | undefined
  /** 0: all. */
  readonly limit: number
  readonly continueToken: string
  readonly timeoutSeconds: number | undefined
  readonly bookmarks: boolean
  readonly sendInitialEvents: boolean | undefined
  readonly selection: Selection
}

export interface Selection {
  /** True when nothing is left out. */
  readonly everything: boolean
  matches(obj: Obj): boolean
  /** The value that a field must have; undefined where the selection says nothing of the sort. */
  exact?(field: string): string | undefined
}

export function parseListOptions(kind: Kind, query: URLSearchParams, forWatch: boolean): ListOptions {
  const version = query.get('resourceVersion') ?? ''
  const match = query.get('resourceVersionMatch') ?? ''
  const initial = query.get('sendInitialEvents')
  const options: ListOptions = {
    revision: undefined,
    match: match as ListOptions['match'],
    limit: parseCount(query, 'limit') ?? 0,
    continueToken: query.get('continue') ?? '',
    timeoutSeconds: parseCount(query, 'timeoutSeconds'),
    bookmarks: isTrue(query.get('allowWatchBookmarks')),
    sendInitialEvents: initial === null ? undefined : isTrue(initial),
    selection: parseSelection(kind, query),
  }
  const errors = forWatch ? watchErrors(options, match, version) : listErrors(options, match, version)
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors)
  const revision = forWatch ? parseWatchVersion(version) : parseResourceVersion(version)
  return { ...options, revision, match: match === '' ? undefined : options.match }
}

function listErrors(options: ListOptions, match: string, version: string): FieldError[] {
  const errors: FieldError[] = []
  const refuse = (why: string) => errors.push(forbiddenField('resourceVersionMatch', why))
  const initial = () => {
    if (options.sendInitialEvents !== undefined) {
      errors.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'))
    }
    return errors
  }
  if (match === '') return initial()
  if (version === '') refuse('resourceVersionMatch is forbidden unless resourceVersion is provided')
  if (options.continueToken) refuse('resourceVersionMatch is forbidden when continue is provided')
  if (match !== 'Exact' && match !== 'NotOlderThan') {
    errors.push(notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']))
  }
  if (match === 'Exact' && version === '0') {
    refuse('resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
  }
  return initial()
}

function watchErrors(options: ListOptions, match: string, version: string): FieldError[] {
  const errors: FieldError[] = []
  const refuse = (why: string) => errors.push(forbiddenField('resourceVersionMatch', why))
  if (options.sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    refuse('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan')
  }
  // k8s: a watch from any revision is one with initial events, as if it had been asked for.
  const implied = options.sendInitialEvents === undefined && match === '' && (version === '' || version === '0')
  if (implied && options.continueToken) refuse('resourceVersionMatch is forbidden when continue is provided')
  if (match === '') return errors
  if (options.sendInitialEvents === undefined) {
    refuse('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided')
  }
  if (match !== 'NotOlderThan') errors.push(notSupported('resourceVersionMatch', match, ['NotOlderThan']))
  if (options.continueToken) refuse('resourceVersionMatch is forbidden when continue is provided')
  return errors
}

/** @throws BadRequest */
export function parseResourceVersion(text: string): Revision | undefined {
  if (text === '') return undefined
  if (isRevision(text)) return Number(text)
  throw badRequest(`invalid resource version: ${versionProblem(text)}`)
}

/** Of one object or of a watch. The real server says the same with 500. @throws BadRequest */
export function parseWatchVersion(text: string): Revision | undefined {
  if (text === '') return undefined
  if (isRevision(text)) return Number(text)
  throw badRequest(versionProblem(text))
}

const isRevision = (text: string) => /^\d+$/.test(text) && Number.isSafeInteger(Number(text))

function versionProblem(text: string): string {
  const { field, message } = invalid('resourceVersion', text, unparsed('ParseUint', text))
  return `${field}: ${message}`
}

/** What the real server says of a number that it can't read. */
export function unparsed(reader: 'ParseInt' | 'ParseUint', text: string): string {
  const digits = reader === 'ParseInt' ? /^[-+]?\d+$/ : /^\d+$/
  return `strconv.${reader}: parsing ${JSON.stringify(text)}: ${digits.test(text) ? 'value out of range' : 'invalid syntax'}`
}

export const isInteger = (text: string) => /^[-+]?\d+$/.test(text) && Math.abs(Number(text)) < 2 ** 63

export function parseCount(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (!isInteger(text)) throw badRequest(unparsed('ParseInt', text))
  return Math.max(Number(text), 0)
}

export function parseSelection(kind: Kind, query: URLSearchParams): Selection {
  const labelText = query.get('labelSelector') ?? ''
  const fieldText = query.get('fieldSelector') ?? ''
  if (labelText === '' && fieldText === '') return { everything: true, matches: () => true }
  const labels = parseSelector(labelText)
  const fields = parseFieldSelector(fieldText)
  checkFields(kind, fields)
  return {
    everything: labels.requirements.length === 0 && fields.length === 0,
    matches: (obj) => matches(labels, obj.metadata.labels) && matchesFields(kind, fields, obj),
    exact: (field) => fields.find((term) => term.equal && term.field === field)?.value,
  }
}
