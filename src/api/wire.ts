// A request to the API and its answer, without HTTP: what the HTTP front end, the in-process client and the HTTPS client all speak.
import type { DeepReadonly, KubeObject } from './meta/object.ts'

export interface UserInfo {
  name: string
  uid?: string
  groups: readonly string[]
  extra?: Readonly<Record<string, readonly string[]>>
}

export interface ApiRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'
  /** Without the query. */
  path: string
  query: URLSearchParams
  /** Lower-case names. */
  headers: Readonly<Record<string, string | undefined>>
  /** Raw bytes from HTTP; an object from the in-process client (never changed by the server: it clones what it keeps). */
  body?: Uint8Array | object
  /** Already authenticated (in-process, or by the front end). */
  user: UserInfo
  /** Of the peer that sent it; undefined in-process. */
  remoteAddress?: string | undefined
  /** Calls back once the answer has left, or can not any more; without it that is when the answer is there. */
  whenSent?: ((done: () => void) => void) | undefined
  /** Aborted when the client goes away. */
  signal: AbortSignal
}

/** One line of a watch: `object` is the type-specific object, or a Status for ERROR. */
export interface WatchEvent<T = KubeObject> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  object: T
}

/** The answer. Bodies are given in the form that costs least; whoever needs bytes asks `encodeBody`. */
export interface ApiResponse {
  status: number
  headers: Record<string, string>
  body:
    | { kind: 'none' }
    /** A JSON value; `json` are its bytes when they exist already. Shared: not to be changed. */
    | { kind: 'object'; object: DeepReadonly<object>; json?: Uint8Array }
    /** A list whose items' bytes exist already. `head` has everything but the items. */
    | {
        kind: 'list'
        head: object
        items: readonly { readonly object: DeepReadonly<object>; readonly json: Uint8Array }[]
      }
    /** A watch: ends when the iterator ends; the consumer calls `return()` when it goes away. */
    | { kind: 'watch'; events: AsyncIterable<WatchFrame> }
    | { kind: 'bytes'; bytes: Uint8Array }
    | { kind: 'stream'; stream: AsyncIterable<Uint8Array> }
}

export interface WatchFrame {
  readonly event: DeepReadonly<WatchEvent<object>>
  /** The event's JSON bytes with the line feed, made once for all watchers that want this encoding. */
  readonly line: () => Uint8Array
}

/** The whole of the API server as one function: authorise, admit, handle. Errors come back as a Status body, never thrown. */
export type RequestHandler = (request: ApiRequest) => Promise<ApiResponse>
