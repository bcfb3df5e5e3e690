// GET of a pod's log: the node's agent has it, the server passes it on as it comes.

import type { IncomingMessage } from 'node:http'
import type { Pod } from '../../api/kinds/pod.ts'
import { badRequest, internal, StatusError } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { ApiResponse } from '../../api/wire.ts'
import type { Action } from '../handler.ts'
import { type Call, refOf } from '../registry/call.ts'
import { read } from '../registry/get.ts'
import { parseCount } from '../registry/list-options.ts'
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

function checkOptions({ query }: Call): void {
  for (const name of ['tailLines', 'sinceSeconds', 'limitBytes']) parseCount(query, name)
  if (query.has('sinceSeconds') && query.has('sinceTime')) {
    throw badRequest('at most one of `sinceTime` or `sinceSeconds` may be specified')
  }
}

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
