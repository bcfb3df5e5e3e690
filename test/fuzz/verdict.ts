// What every answer is held to, whatever was asked: no fault of the server, a well-formed Status where something was refused, an
// encoding that works, and nothing written for what was refused or only tried.
import { PROTOBUF_MEDIA_TYPE } from '../../src/api/schema/protobuf.ts'
import type { ApiResponse } from '../../src/api/wire.ts'
import { encodeBody, JSON_TYPE, standardEncoders } from '../../src/apiserver/http/encode.ts'
import type { Json } from './fixtures.ts'
import type { Asked } from './request.ts'
import type { Attempt } from './world.ts'

/** Answers above 499 that are meant: what is asked for lies elsewhere, is over, or is to be asked for again. */
function isMeant(code: number, { reason, message }: Json): boolean {
  switch (code) {
    case 500: // k8s: a hook or a converter that fails
      return /^Internal error occurred: failed calling webhook |^conversion webhook for |^unable to upgrade/.test(
        message,
      )
    case 502: // k8s: the node or pod behind a proxy
      return true
    case 503:
      return reason === 'ServiceUnavailable'
    case 504: // a revision that has not happened yet
      return reason === 'Timeout'
  }
  return false
}

/** Refused because of what is tried after, not before, something was written. k8s: the budget is claimed before the pod is deleted. */
export const mayWrite = ({ path }: Asked) => path.endsWith('/eviction')

/** A group that another server would serve. k8s: it is said in plain text that it can't be reached. */
const AGGREGATED = '/apis/metrics.k8s.io/'

/** @returns what is wrong with the answer; undefined when nothing is. Empty bodies and bodies that were read are left out. */
export async function problemOf(asked: Asked, response: ApiResponse, attempt: Attempt): Promise<string | undefined> {
  const { status, headers, body } = response
  if (!Number.isInteger(status) || status < 200 || status > 599) return `no status: ${status}`
  for (const [name, value] of Object.entries(headers)) {
    if (/[^\t\x20-\x7e\x80-\xff]/.test(String(value))) return `header ${name} can't be sent: ${JSON.stringify(value)}`
  }
  const refused = status >= 400
  // k8s: options in the body of a delete stand for those in the query.
  const tried = /(^|&)dryRun=All(&|$)/.test(asked.search) && !(asked.method === 'DELETE' && asked.body?.length)
  if ((refused || tried) && attempt.written.length > 0 && !mayWrite(asked)) {
    return `${refused ? 'refused' : 'only tried'}, and yet written: ${attempt.written.join(', ')} (${status})`
  }
  if (body.kind === 'object' && status >= 400) {
    const shape = statusProblem(status, body.object)
    if (shape) return shape
    if (status >= 500 && !isMeant(status, body.object)) return `${status}: ${JSON.stringify(body.object)}`
  } else if (status >= 500 && !asked.path.startsWith(AGGREGATED)) return `${status} without a Status`
  if (body.kind === 'object' || body.kind === 'list') {
    const type = headers['content-type'] ?? JSON_TYPE
    try {
      const bytes = await encodeBody(body, type, standardEncoders)
      if (type.startsWith(JSON_TYPE)) JSON.parse(Buffer.from(bytes).toString())
      if (type === PROTOBUF_MEDIA_TYPE && Buffer.from(bytes).subarray(0, 3).toString() !== 'k8s')
        return 'not in its envelope'
    } catch (err) {
      return `can't be sent as ${type}: ${(err as Error).stack}`
    }
  }
  return undefined
}

function statusProblem(status: number, given: Json): string | undefined {
  const { kind, apiVersion, status: outcome, code, reason, message } = given
  const right =
    kind === 'Status' &&
    apiVersion === 'v1' &&
    outcome === 'Failure' &&
    code === status &&
    typeof message === 'string' &&
    (reason === undefined || typeof reason === 'string')
  return right ? undefined : `no proper Status: ${JSON.stringify(given).slice(0, 500)} for ${status}`
}

const WATCHED = [Object, Array, String, Number, Function, Map, Set, Promise, RegExp].map(
  ({ prototype }) => prototype as object,
)
const ORIGINAL = WATCHED.map((prototype) => Reflect.ownKeys(prototype).length)

/** Whether somebody could write to what all objects share. */
export function isPolluted(): boolean {
  return WATCHED.some((prototype, i) => Reflect.ownKeys(prototype).length !== ORIGINAL[i])
}
