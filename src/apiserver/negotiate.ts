// Which form of an answer a client asked for: the media type, and whether it wants the object itself, a Table of it or only its
// metadata. Reads the Accept header; the encoding of the chosen media type is the HTTP front end's work.
import { notAcceptable } from '../api/meta/errors.ts'
import { PROTOBUF_MEDIA_TYPE } from '../api/schema/protobuf.ts'

export type View = 'object' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList'

export interface Negotiated {
  readonly mediaType: string
  readonly view: View
}

interface Clause {
  type: string
  params: Record<string, string>
  quality: number
}

const JSON_TYPE = 'application/json'
export const PLAIN: Negotiated = { mediaType: JSON_TYPE, view: 'object' }
const METADATA_GROUP = 'meta.k8s.io'

/** Nothing to choose: the object itself in JSON. */
export const isPlain = (accept: string | undefined) => !accept || accept === JSON_TYPE || accept === '*/*'

/**
 * @param views the transformations that make sense for this answer
 * @param mediaTypes what the server can encode, the preferred one first
 * @throws NotAcceptable when nothing the client listed can be had
 */
export function negotiate(
  accept: string | undefined,
  views: readonly View[],
  mediaTypes: readonly string[] = [JSON_TYPE],
): Negotiated {
  if (accept === undefined || isPlain(accept)) return PLAIN
  for (const { type, params } of parseAccept(accept)) {
    const mediaType = mediaTypes.find((offered) => matches(type, offered))
    if (!mediaType) continue
    const { as } = params
    if (as === undefined) return { mediaType, view: 'object' }
    // Views are made in JSON and YAML only; clients that would rather have protobuf list JSON as well.
    if (mediaType === PROTOBUF_MEDIA_TYPE || params['g'] !== METADATA_GROUP || params['v'] !== 'v1') continue
    const view = views.find((v) => v === as)
    if (view) return { mediaType, view }
  }
  throw notAcceptable([...mediaTypes])
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
    .filter((clause) => clause.type !== '' && clause.quality > 0)
    .sort((a, b) => b.quality - a.quality)
}
