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
}

export function parseListOptions(kind: Kind, query: URLSearchParams, forWatch: boolean): ListOptions {
  const version = query.get('resourceVersion') ?? ''
  const match = query.get('resourceVersionMatch') ?? ''
  const initial = query.get('sendInitialEvents')
  const options: ListOptions = {
    revision: forWatch ? parseWatchVersion(version) : parseResourceVersion(version),
    match: match as ListOptions['match'],
    limit: parseCount(query, 'limit') ?? 0,
    continueToken: query.get('continue') ?? '',
    timeoutSeconds: parseCount(query, 'timeoutSeconds'),
    bookmarks: isTrue(query.get('allowWatchBookmarks')),
    sendInitialEvents: initial === null ? undefined : isTrue(initial),
    selection: parseSelection(kind, query),
  }
  const errors = forWatch ? watchErrors(options, match) : listErrors(options, match, version)
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors)
  return { ...options, match: match === '' ? undefined : options.match }
}

function listErrors(options: ListOptions, match: string, version: string): FieldError[] {
  const errors: FieldError[] = []
  const refuse = (why: string) => errors.push(forbiddenField('resourceVersionMatch', why))
  if (options.sendInitialEvents !== undefined) {
    errors.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'))
  }
  if (match === '') return errors
  if (version === '') refuse('resourceVersionMatch is forbidden unless resourceVersion is provided')
  if (options.continueToken) refuse('resourceVersionMatch is forbidden when continue is provided')
  if (match !== 'Exact' && match !== 'NotOlderThan') {
    errors.push(notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']))
  }
  if (match === 'Exact' && version === '0') {
    refuse('resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
  }
  return errors
}

function watchErrors(options: ListOptions, match: string): FieldError[] {
  const errors: FieldError[] = []
  const refuse = (why: string) => errors.push(forbiddenField('resourceVersionMatch', why))
  if (options.sendInitialEvents !== undefined) {
    if (match !== 'NotOlderThan') refuse('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan')
    if (options.continueToken) refuse('resourceVersionMatch is forbidden when continue is provided')
  } else if (match !== '') refuse('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided')
  return errors
}

/** @throws BadRequest */
export function parseResourceVersion(text: string): Revision | undefined {
  if (text === '') return undefined
  const revision = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(revision)) return revision
  throw badRequest(`invalid resource version: ${versionProblem(text).field}: ${versionProblem(text).message}`)
}

/** k8s: a watch says the same as an invalid field. */
function parseWatchVersion(text: string): Revision | undefined {
  try {
    return parseResourceVersion(text)
  } catch {
    throw invalidObject({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [versionProblem(text)])
  }
}

const versionProblem = (text: string) =>
  invalid('resourceVersion', text, `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`)

export function parseCount(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
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
  }
}
