// Calls the API server's request handler directly: the whole request path (authorisation, admission) without HTTP and without
// JSON. Objects in answers are the server's own and shared: not to be changed.
import { StatusError } from '../api/meta/errors.ts'
import type { Status } from '../api/types/meta.v1.ts'
import type { ApiResponse, RequestHandler, UserInfo, WatchEvent } from '../api/wire.ts'
import type { Ctx } from '../base/ctx.ts'
import { readLines } from './lines.ts'
import type { Transport, TransportRequest } from './transport.ts'

const MAX_LINE_BYTES = 64 * 1024 * 1024

export interface InProcessOptions {
  /** Who is calling; authorised like any other user. */
  user: UserInfo
  /** Names the field manager of writes that give none: `skiff-controllers/1.0`. */
  userAgent?: string
}

export function inProcessTransport(
  handler: RequestHandler,
  { user, userAgent = 'skiff' }: InProcessOptions,
): Transport {
  const baseHeaders = { accept: 'application/json', 'user-agent': userAgent }

  async function call(ctx: Ctx, request: TransportRequest): Promise<ApiResponse> {
    ctx.signal.throwIfAborted()
    const response = await handler({
      method: request.method,
      path: request.path,
      query: request.query ?? new URLSearchParams(),
      headers: {
        ...baseHeaders,
        ...(request.body ? { 'content-type': 'application/json' } : {}),
        ...request.headers,
      },
      ...(request.body ? { body: request.body } : {}),
      user,
      signal: ctx.signal,
    })
    if (response.status >= 400) throw await statusOf(response, ctx.signal)
    return response
  }

  return {
    async request(ctx, request) {
      return decodedBody(await call(ctx, request), ctx.signal)
    },

    async *watch(ctx, request) {
      const { body } = await call(ctx, request)
      if (body.kind === 'stream') {
        // What another server sends is passed on as it comes.
        const lines = readLines(untilAborted(body.stream, ctx.signal), MAX_LINE_BYTES)
        for await (const line of lines) yield JSON.parse(line) as WatchEvent<object>
        return
      }
      if (body.kind !== 'watch') throw new Error(`the server answered a watch with ${body.kind}`)
      for await (const frame of untilAborted(body.events, ctx.signal)) yield frame.event as WatchEvent<object>
    },

    async *stream(ctx, request) {
      const { body } = await call(ctx, request)
      if (body.kind === 'bytes') yield body.bytes
      else if (body.kind === 'stream') yield* untilAborted(body.stream, ctx.signal)
      else throw new Error(`the server answered a stream with ${body.kind}`)
    },

    close() {},
  }
}

async function decodedBody(response: ApiResponse, signal: AbortSignal): Promise<unknown> {
  const { body } = response
  switch (body.kind) {
    case 'none':
      return undefined
    case 'object':
      return body.object
    case 'list':
      return { ...body.head, items: body.items.map((item) => item.object) }
    case 'bytes':
      return decode(body.bytes, response.headers['content-type'])
    case 'stream': {
      const chunks: Uint8Array[] = []
      for await (const chunk of untilAborted(body.stream, signal)) chunks.push(chunk)
      return decode(Buffer.concat(chunks), response.headers['content-type'])
    }
    case 'watch':
      throw new Error('the server answered a request with a watch')
  }
}

function decode(bytes: Uint8Array, contentType = ''): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  return contentType.startsWith('application/json') ? JSON.parse(text) : text
}

async function statusOf(response: ApiResponse, signal: AbortSignal): Promise<StatusError> {
  const { status, body } = response
  const told = body.kind === 'watch' ? undefined : await decodedBody(response, signal)
  if (typeof told === 'object' && (told as Partial<Status> | null)?.kind === 'Status') {
    return StatusError.from(told as Partial<Status>)
  }
  return new StatusError(status, 'Unknown', typeof told === 'string' ? told : `the server answered with ${status}`)
}

/** Passes on what `source` gives; an abort ends the wait at once, whether the source heeds it or not. */
async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]()
  // One slot instead of Promise.race: a race per event would pile up reactions on a promise that lives as long as the watch.
  let rejectNext: (reason: unknown) => void = () => {}
  const onAbort = () => rejectNext(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    while (true) {
      signal.throwIfAborted()
      const next = await new Promise<IteratorResult<T>>((resolve, reject) => {
        rejectNext = reject
        iterator.next().then(resolve, reject)
      })
      if (next.done) break
      yield next.value
    }
    signal.throwIfAborted()
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Not awaited: a source that is stuck in next() would hold its reader for ever.
    iterator.return?.().then(undefined, () => {})
  }
}
