// What a request asks for, read from its method, path and query alone: the attributes that authorisation, admission, metrics and
// routing all work from. Pure; whether the resource exists is somebody else's question.
import type { ApiRequest } from '../api/wire.ts'

export interface RequestInfo {
  /** False for /version, /healthz, discovery and the like. */
  readonly isResource: boolean
  /** get, list, watch, create, update, patch, delete, deletecollection; the lower-case method for what isn't a resource. */
  readonly verb: string
  readonly path: string
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  /** What follows the subresource, with its leading slash: the path behind a proxy. */
  readonly rest: string
  /** What a list, watch or deletecollection is narrowed to; empty for other verbs. */
  readonly fieldSelector: string
  readonly labelSelector: string
}

const RESOURCE_VERBS: Record<ApiRequest['method'], string> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
  OPTIONS: 'options',
}
/** k8s: below a namespace's own path only these are subresources; anything else is a resource inside the namespace. */
const NAMESPACE_SUBRESOURCES: ReadonlySet<string> = new Set(['status', 'finalize'])

export function parseRequestInfo(method: ApiRequest['method'], path: string, query: URLSearchParams): RequestInfo {
  const parts = path.split('/').filter((part) => part !== '')
  const nonResource: RequestInfo = {
    isResource: false,
    verb: method.toLowerCase(),
    path,
    group: '',
    version: '',
    resource: '',
    subresource: '',
    namespace: '',
    name: '',
    rest: '',
    fieldSelector: '',
    labelSelector: '',
  }
  let group = ''
  let at: number
  if (parts[0] === 'api' && parts.length > 2) at = 1
  else if (parts[0] === 'apis' && parts.length > 3) {
    group = parts[1]!
    at = 2
  } else return nonResource
  const version = parts[at++]!

  let verb = RESOURCE_VERBS[method]
  // k8s: the deprecated /watch/ prefix is still understood.
  const watchPrefix = parts[at] === 'watch' && parts.length > at + 1
  if (watchPrefix) at++

  let namespace = ''
  let rest = parts.slice(at).map(decodeSegment)
  if (rest[0] === 'namespaces' && rest.length > 1) {
    namespace = rest[1]!
    if (rest.length > 2 && !(rest.length === 3 && NAMESPACE_SUBRESOURCES.has(rest[2]!))) rest = rest.slice(2)
  }
  const [resource = '', name = '', subresource = ''] = rest
  let target = name
  if (name === '') {
    if (verb === 'get') verb = 'list'
    else if (verb === 'delete') verb = 'deletecollection'
  }
  if (watchPrefix || (verb === 'list' && isTrue(query.get('watch')))) verb = 'watch'
  const many = verb === 'list' || verb === 'watch' || verb === 'deletecollection'
  const fieldSelector = (many && query.get('fieldSelector')) || ''
  if (many && target === '' && fieldSelector !== '') target = exactName(fieldSelector)
  return {
    isResource: true,
    verb,
    path,
    group,
    version,
    resource,
    subresource,
    namespace,
    name: target,
    rest: restOf(path, parts, at, resource, name, subresource),
    fieldSelector,
    labelSelector: (many && query.get('labelSelector')) || '',
  }
}

/** k8s: a parameter is true unless it is absent, `0` or `false` in any case (Python's clients say `True` and `False`). */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== '0' && value.toLowerCase() !== 'false'
}

/** The name that `metadata.name=…` pins a list to: it counts as the request's name for authorisation. */
function exactName(fieldSelector: string): string {
  for (const term of fieldSelector.split(',')) {
    const [, name] = /^metadata\.name==?([^=!]+)$/.exec(term) ?? []
    if (name) return name
  }
  return ''
}

function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/** The raw text behind /<resource>/<name>/<subresource>: proxied paths keep their escapes and their trailing slash. */
function restOf(path: string, parts: string[], at: number, resource: string, name: string, subresource: string) {
  if (subresource === '') return ''
  const behind = parts.slice(at)
  const tail = behind[0] === 'namespaces' && resource !== 'namespaces' ? behind.slice(2) : behind
  const rest = tail.slice(name === '' ? 2 : 3)
  if (rest.length > 0) return `/${rest.join('/')}${path.endsWith('/') ? '/' : ''}`
  return path.endsWith('/') ? '/' : ''
}
