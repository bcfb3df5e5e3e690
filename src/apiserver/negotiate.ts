// Which form of an answer a client asked for: the media type, and whether it wants the object itself, a Table of it or only its
// metadata. Reads the Accept header; the encoding of the chosen media type is the HTTP front end's work.
import { notAcceptable, StatusError } from '../api/meta/errors.ts'
import { PROTOBUF_MEDIA_TYPE } from '../api/schema/protobuf.ts'

export type View = 'object' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList'

export interface Negotiated {
  readonly mediaType: string
  readonly view: View
  /** Of the view: older clients ask for meta.k8s.io/v1beta1, which has the same fields. */
  readonly viewVersion?: 'v1beta1'
}

/** What an endpoint can answer with. */
export interface Offer {
  /** What the server can encode, the preferred one first. */
  readonly mediaTypes: readonly string[]
  /** One object, a list, events one by one, or something that has no other form than its own. */
  readonly answer: 'object' | 'list' | 'watch' | 'plain'
  /** k8s: built-in resources look at the media types alone first, and refuse in other words. */
  readonly builtin: boolean
  /** The Go name of what is answered, for messages. */
  readonly typeName: string
}

interface Clause {
  type: string
  params: Record<string, string>
  quality: number
}

const JSON_TYPE = 'application/json'
const YAML_TYPE = 'application/yaml'
export const PLAIN: Negotiated = { mediaType: JSON_TYPE, view: 'object' }
const METADATA_GROUP = 'meta.k8s.io'
const STREAM = ';stream=watch'

/** Nothing to choose: the object itself in JSON. */
export const isPlain = (accept: string | undefined) => !accept || accept === JSON_TYPE || accept === '*/*'

/** @throws NotAcceptable when nothing the client listed can be had */
export function negotiate(accept: string | undefined, offer: Offer): Negotiated {
  if (accept === undefined || isPlain(accept)) return PLAIN
  const mediaTypes = inOrder(offer.mediaTypes)
  const clauses = parseAccept(accept)
  if (offer.builtin) requireKnownType(clauses, mediaTypes, offer)
  const streaming = offer.answer === 'watch'
  const refuse = () => notAcceptable(streaming ? streamed(mediaTypes) : mediaTypes)
  for (const { type, params } of clauses) {
    const mediaType = mediaTypes.find((offered) => matches(type, offered))
    if (!mediaType) continue
    const { stream, as, g, v } = params
    if (stream && (stream !== 'watch' || mediaType === YAML_TYPE)) continue
    if (as === undefined && g === undefined && v === undefined) {
      if (streaming && mediaType === YAML_TYPE) throw refuse()
      return { mediaType, view: 'object' }
    }
    const view = viewFor(as, mediaType, offer)
    if (g !== METADATA_GROUP || (v !== 'v1' && v !== 'v1beta1') || !view) continue
    if (streaming && mediaType === YAML_TYPE) throw refuse()
    return { mediaType, view, ...(v === 'v1beta1' ? { viewVersion: v } : {}) }
  }
  throw notAcceptable(mediaTypes)
}

/** What an error is told in: the form asked for where that says one, else JSON. */
export function errorMediaType(accept: string | undefined, mediaTypes: readonly string[]): string {
  if (accept === undefined || isPlain(accept)) return JSON_TYPE
  for (const { type, params } of parseAccept(accept)) {
    const mediaType = mediaTypes.find((offered) => matches(type, offered))
    if (mediaType && params['as'] === undefined && params['v'] === undefined && params['g'] === undefined)
      return mediaType
  }
  return JSON_TYPE
}

/** @throws NotAcceptable for a view of something that the answer isn't */
function viewFor(as: string | undefined, mediaType: string, { answer, typeName }: Offer): View | undefined {
  if (answer === 'plain') return undefined
  switch (as) {
    case 'Table':
      // k8s: its cells are of any type, which protobuf can't say.
      return mediaType === PROTOBUF_MEDIA_TYPE ? undefined : as
    case 'PartialObjectMetadata':
      if (answer === 'list') throw wrongView(`you requested ${as}, but the requested object is a list (${typeName})`)
      return as
    case 'PartialObjectMetadataList':
      if (answer !== 'list')
        throw wrongView(`you requested ${as}, but the requested object is not a list (${typeName})`)
      return as
  }
  return undefined
}

const wrongView = (message: string) => new StatusError(406, 'NotAcceptable', message)

/** JSON, then YAML, then protobuf, as in messages. */
const inOrder = (mediaTypes: readonly string[]) =>
  [JSON_TYPE, YAML_TYPE, PROTOBUF_MEDIA_TYPE].filter((type) => mediaTypes.includes(type))

const streamed = (mediaTypes: readonly string[]) =>
  mediaTypes.filter((type) => type !== YAML_TYPE).map((type) => type + STREAM)

function requireKnownType(clauses: readonly Clause[], mediaTypes: readonly string[], { answer }: Offer): void {
  if (clauses.some(({ type }) => type === '*/*' || mediaTypes.includes(type))) return
  const available = answer === 'list' || answer === 'watch' ? [...mediaTypes, ...streamed(mediaTypes)] : mediaTypes
  throw new StatusError(
    406,
    'NotAcceptable',
    `406: Not Acceptable\n\nAvailable representations: ${available.join(', ')}`,
    {},
  )
}

const matches = (asked: string, offered: string) =>
  asked === '*/*' || asked === offered || (asked.endsWith('/*') && offered.startsWith(asked.slice(0, -1)))

/** Clauses by falling quality; equal ones keep the client's order. */
export function parseAccept(accept: string): Clause[] {
  return accept
    .split(',')
    .map((text) => {
      const [type = '', ...rest] = text.split(';').map((part) => part.trim())
      const params: Record<string, string> = {}
      for (const param of rest) {
        const eq = param.indexOf('=')
        if (eq > 0) params[param.slice(0, eq).toLowerCase()] = param.slice(eq + 1).replace(/^"|"$/g, '')
      }
      const quality = Number(params['q'] ?? 1)
      return { type: type.toLowerCase(), params, quality: Number.isNaN(quality) ? 1 : quality }
    })
    .filter((clause) => clause.type !== '')
    .sort((a, b) => b.quality - a.quality)
}
