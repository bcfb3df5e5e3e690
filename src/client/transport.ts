// What carries requests to the API: in-process-transport.ts calls the server's handler, https-transport.ts goes over the network.
import type { WatchEvent } from '../api/wire.ts'
import type { Ctx } from '../base/ctx.ts'

export interface TransportRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Without the query. */
  path: string
  query?: URLSearchParams
  /** Lower-case names. A body without a content type is JSON. */
  headers?: Readonly<Record<string, string>>
  body?: object | undefined
}

export interface Transport {
  /**
   * One request and its whole answer: the decoded JSON, text where the answer is not JSON, undefined where it is empty. Throws the
   * server's Status as StatusError, the ctx's reason when aborted, anything else as the transport's own error. Never retries what the
   * server may have seen.
   */
  request(ctx: Ctx, request: TransportRequest): Promise<unknown>
  /**
   * A watch's events, ERROR included, in order. Ends when the server ends it; throws as `request` does. Leaving the loop ends
   * the watch on the server.
   */
  watch(ctx: Ctx, request: TransportRequest): AsyncIterable<WatchEvent<object>>
  /** An answer of any length as it arrives (logs). */
  stream(ctx: Ctx, request: TransportRequest): AsyncIterable<Uint8Array>
  /** Lets go of connections; requests under way fail. Idempotent. */
  close(): void
}
