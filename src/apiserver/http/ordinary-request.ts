// The requests that most are: a plain path, and no body or one of a length and type that need no looking at. They are taken as they come,
// without the HTTP library's routing and reading, which cost as much as the answer to a small one.
import type { RawRequest } from './api-request.ts'

const METHODS: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])
const LONGEST_PATH = 8192
const PLAIN_TYPE = /^application\/[a-z.+-]+$/

/** Whether the library would do no more with a request than hand it on. */
export function isOrdinary(raw: RawRequest, maxBodyBytes: number): boolean {
  const { url = '', method, headers } = raw
  if (!METHODS.has(method) || !isPlainPath(url)) return false
  if (!bodyFollows(raw)) return true
  const length = headers['content-length']
  if (length === undefined || headers['transfer-encoding'] !== undefined || !(Number(length) <= maxBodyBytes))
    return false
  const type = headers['content-type']
  return type === undefined || PLAIN_TYPE.test(type)
}

const SLASH = 47

/** A path that begins with a slash, of bearable length and without escapes; whatever the query. */
function isPlainPath(url: string): boolean {
  const query = url.indexOf('?')
  const end = query < 0 ? url.length : query
  const mark = url.indexOf('%')
  return url.charCodeAt(0) === SLASH && end <= LONGEST_PATH && (mark < 0 || mark > end)
}

/** Whether a request has more than its head that anybody would read. */
export function bodyFollows({ method, headers, stream, readableEnded }: RawRequest): boolean {
  if (method === 'GET' || method === 'HEAD' || readableEnded) return false
  return stream ? !stream.endAfterHeaders : 'content-length' in headers || 'transfer-encoding' in headers
}

/** The whole body; undefined when the client goes away before its end. One that comes in one piece is not copied. */
export function readBody(raw: RawRequest): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = []
    raw.on('data', (piece: Buffer) => pieces.push(piece))
    raw.once('end', () => resolve(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)))
    raw.once('close', () => resolve(undefined))
    raw.once('error', () => resolve(undefined))
  })
}
