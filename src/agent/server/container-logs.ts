// `/containerLogs/{ns}/{pod}/{container}`: which container's log, in the kubelet's words where there is none, and its bytes.
import type { Ctx } from '../../base/ctx.ts'
import type { LogLine, RuntimeService } from '../cri/runtime.ts'
import { HttpError } from './http-error.ts'
import type { PodLookup } from './lookup.ts'

export interface LogQuery {
  follow: boolean
  previous: boolean
  timestamps: boolean
  tailLines: number | undefined
  limitBytes: number | undefined
  sinceMs: number | undefined
  stream: 'stdout' | 'stderr' | undefined
}

/** @throws HttpError 400 for values that make no sense. */
export function parseLogQuery(query: URLSearchParams, nowMs: number): LogQuery {
  const flag = (name: string) => ['true', '1'].includes(query.get(name) ?? '')
  const number = (name: string, least: number) => {
    const text = query.get(name)
    if (text === null || text === '') return undefined
    const value = Number(text)
    if (!Number.isSafeInteger(value) || value < least)
      throw new HttpError(
        400,
        `invalid value ${JSON.stringify(text)} for ${name}: must be a whole number of at least ${least}`,
      )
    return value
  }
  const sinceSeconds = number('sinceSeconds', 1)
  const sinceTime = query.get('sinceTime')
  if (sinceSeconds !== undefined && sinceTime)
    throw new HttpError(400, 'at most one of sinceTime or sinceSeconds may be specified')
  const sinceTimeMs = sinceTime ? Date.parse(sinceTime) : undefined
  if (Number.isNaN(sinceTimeMs)) throw new HttpError(400, `invalid value ${JSON.stringify(sinceTime)} for sinceTime`)
  const stream = query.get('stream')
  if (stream && !['All', 'Stdout', 'Stderr'].includes(stream))
    throw new HttpError(400, `invalid value ${JSON.stringify(stream)} for stream`)
  const tailLines = number('tailLines', 0)
  if (tailLines !== undefined && (stream === 'Stdout' || stream === 'Stderr'))
    throw new HttpError(400, '`tailLines` and specific `stream` are mutually exclusive for now')
  return {
    follow: flag('follow'),
    previous: flag('previous'),
    timestamps: flag('timestamps'),
    tailLines,
    limitBytes: number('limitBytes', 1),
    sinceMs: sinceSeconds !== undefined ? nowMs - sinceSeconds * 1000 : sinceTimeMs,
    stream: stream === 'Stdout' ? 'stdout' : stream === 'Stderr' ? 'stderr' : undefined,
  }
}

/** The runtime's id of the container whose log is asked for. k8s: these sentences are what `kubectl logs` prints. */
export function findLog(
  pods: PodLookup,
  namespace: string,
  name: string,
  container: string,
  previous: boolean,
): string {
  const pod = pods.find(namespace, name)
  if (!pod) throw new HttpError(404, `pod ${JSON.stringify(`${namespace}/${name}`)} does not exist`)
  const served = pod.containers.get(container)
  if (!served)
    throw new HttpError(404, `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(name)}`)
  const quoted = `container ${JSON.stringify(container)} in pod ${JSON.stringify(name)}`
  if (previous) {
    if (!served.previousId) throw new HttpError(400, `previous terminated ${quoted} not found`)
    return served.previousId
  }
  const id = served.currentId ?? served.previousId
  if (id) return id
  switch (served.waitingReason) {
    case undefined:
      throw new HttpError(400, `${quoted} is waiting to start - no logs yet`)
    case 'ErrImagePull':
      throw new HttpError(400, `${quoted} is waiting to start: image can't be pulled`)
    case 'ImagePullBackOff':
      throw new HttpError(400, `${quoted} is waiting to start: trying and failing to pull image`)
    default:
      throw new HttpError(400, `${quoted} is waiting to start: ${served.waitingReason}`)
  }
}

/** The log's bytes. A line that the engine keeps in pieces gets its timestamp once. */
export async function* logBytes(
  ctx: Ctx,
  runtime: RuntimeService,
  containerId: string,
  query: LogQuery,
): AsyncGenerator<Uint8Array> {
  let left = query.limitBytes ?? Number.POSITIVE_INFINITY
  const lines = runtime.logs(ctx, containerId, {
    follow: query.follow,
    ...(query.tailLines === undefined ? {} : { tail: query.tailLines }),
    ...(query.sinceMs === undefined ? {} : { sinceMs: query.sinceMs }),
  })
  const inLine = { stdout: false, stderr: false }
  for await (const line of lines) {
    if (query.stream && line.stream !== query.stream) continue
    const bytes = query.timestamps && !inLine[line.stream] ? stamped(line) : line.bytes
    inLine[line.stream] = line.bytes.at(-1) !== 0x0a
    yield bytes.length > left ? bytes.subarray(0, left) : bytes
    left -= bytes.length
    if (left <= 0) return
  }
}

const stamped = (line: LogLine) => Buffer.concat([Buffer.from(`${line.timestamp} `), line.bytes])
