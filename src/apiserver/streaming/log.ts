// GET of a pod's log: the node's agent has it, the server passes it on as it comes.

import type { IncomingMessage } from 'node:http'
import type { Pod } from '../../api/kinds/pod.ts'
import {
  badRequest,
  type FieldError,
  forbiddenField,
  internal,
  invalid,
  invalidObject,
  notSupported,
  StatusError,
} from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { ApiResponse } from '../../api/wire.ts'
import type { Action } from '../handler.ts'
import { type Call, refOf } from '../registry/call.ts'
import { read } from '../registry/get.ts'
import { isInteger, unparsed } from '../registry/list-options.ts'
import type { NodeConnections } from './node-connection.ts'
import { logPath } from './pod-target.ts'

/** How much of a node's error text is passed on. */
const MAX_ERROR_BYTES = 50_000

export function podLog(nodes: NodeConnections): Action {
  return async (registry, call) => {
    checkOptions(call)
    const pod = (await read(registry, call)).object as DeepReadonly<Pod>
    const path = logPath(pod, call.query)
    // k8s: a pod without a node has no log yet; that is an empty one.
    if (!pod.spec.nodeName) return text({ kind: 'bytes', bytes: new Uint8Array() })
    const target = await nodes.locate(pod.spec.nodeName)
    const answer = await nodes.fetch(target, { method: 'GET', path }, call.signal)
    if ((answer.statusCode ?? 500) >= 300) throw await refusal(call, answer)
    return text({ kind: 'stream', stream: answer })
  }
}

const text = (body: ApiResponse['body']): ApiResponse => ({
  status: 200,
  headers: { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' },
  body,
})

/** @throws BadRequest for what is no number, Invalid for what makes no sense */
export function checkOptions({ query, info }: Pick<Call, 'query' | 'info'>): void {
  const errors: FieldError[] = []
  const number = (name: string, least: 0 | 1) => {
    const text = query.get(name)
    if (text === null) return undefined
    if (!isInteger(text)) throw badRequest(unparsed('ParseInt', text))
    const why = least === 0 ? 'must be greater than or equal to 0' : 'must be greater than 0'
    if (Number(text) < least) errors.push(invalid(name, Number(text), why))
    return Number(text)
  }
  const lines = number('tailLines', 0)
  number('limitBytes', 1)
  if (query.has('sinceSeconds') && query.has('sinceTime')) {
    errors.push(forbiddenField('', 'at most one of `sinceTime` or `sinceSeconds` may be specified'))
  } else number('sinceSeconds', 1)
  const stream = query.get('stream') || 'All'
  if (!STREAMS.includes(stream)) errors.push(notSupported('stream', stream, STREAMS))
  else if (stream !== 'All' && lines !== undefined) {
    errors.push(forbiddenField('', '`tailLines` and specific `stream` are mutually exclusive for now'))
  }
  if (errors.length > 0) throw invalidObject({ group: '', kind: 'PodLogOptions' }, info.name, errors)
}

const STREAMS = ['All', 'Stderr', 'Stdout']

/** What the agent said, as an error of the API. */
export async function refusal(call: Call, answer: IncomingMessage): Promise<StatusError> {
  const code = answer.statusCode ?? 500
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer) {
    chunks.push(chunk as Buffer)
    size += (chunk as Buffer).length
    if (size > MAX_ERROR_BYTES) break
  }
  const said = Buffer.concat(chunks).subarray(0, MAX_ERROR_BYTES).toString().trim()
  if (code === 500) return internal(said)
  if (code === 400) return badRequest(said)
  const ref = refOf(call.kind)
  const message = `the server could not find the requested resource ( ${ref.resource} ${call.info.name})`
  const details = {
    name: call.info.name,
    kind: ref.resource,
    causes: [{ reason: 'UnexpectedServerResponse', message: said }],
  }
  if (code === 404) return new StatusError(404, 'NotFound', said || message, details)
  return new StatusError(
    code,
    'InternalError',
    said || `an error on the server has prevented the request from succeeding`,
    details,
  )
}
