// Where a list that is read in pieces goes on: the revision it shows and the key it got to. The token only holds what lies below
// the listed prefix, so that it can't be used to read anything else. An inconsistent token (revision -1) goes on at the newest state.
import { badRequest, StatusError } from '../../api/meta/errors.ts'
import { parseJson } from '../../api/schema/json-text.ts'
import type { Status } from '../../api/types/meta.v1.ts'
import type { Revision } from '../storage/store.ts'

export interface ContinueAt {
  /** Undefined: the newest, after a token expired. */
  readonly revision: Revision | undefined
  readonly after: string
}

const INCONSISTENT = -1
const VERSION = 'meta.k8s.io/v1'

export function encodeContinue(prefix: string, { revision, after }: ContinueAt): string {
  const token = { v: VERSION, rv: revision ?? INCONSISTENT, start: `${after.slice(prefix.length)}\0` }
  return Buffer.from(JSON.stringify(token)).toString('base64url')
}

/** @throws BadRequest for anything this server did not make */
export function decodeContinue(prefix: string, token: string): ContinueAt {
  const { v = '', rv = 0, start = '' } = tokenValue(token)
  if (v !== VERSION) throw notValid(`server does not recognize this encoded version ${v}`)
  if (rv === 0) throw notValid(`incorrect encoded start resourceVersion (version ${VERSION})`)
  if (start === '') throw notValid(`encoded start key empty (version ${VERSION})`)
  // Below the prefix and nowhere else.
  const key = start.startsWith('/') ? start.slice(1) : start
  if (key.split('/').some((part) => part === '' || part === '.' || part === '..')) throw notValid(start)
  return { revision: rv < 0 ? undefined : rv, after: prefix + key.replace(/\0$/, '') }
}

const notValid = (why: string) => badRequest(`invalid continue token: continue key is not valid: ${why}`)

interface TokenValue {
  v?: string
  rv?: number
  start?: string
}

function tokenValue(token: string): TokenValue {
  const bad = /[^A-Za-z0-9_-]/.exec(token)?.index ?? (token.length % 4 === 1 ? token.length - 1 : -1)
  if (bad >= 0) throw notValid(`illegal base64 data at input byte ${bad}`)
  let value: unknown
  try {
    value = parseJson(Buffer.from(token, 'base64url').toString()).value ?? {}
  } catch (err) {
    throw notValid((err as Error).message)
  }
  const mistyped = (given: unknown, into: string) =>
    notValid(`json: cannot unmarshal ${Array.isArray(given) ? 'array' : typeof given} into Go ${into}`)
  if (typeof value !== 'object' || Array.isArray(value)) throw mistyped(value, 'value of type storage.continueToken')
  const { v, rv, start } = value as Record<string, unknown>
  for (const [name, given] of Object.entries({ v, start })) {
    if (given !== undefined && typeof given !== 'string') {
      throw mistyped(given, `struct field continueToken.${name} of type string`)
    }
  }
  if (rv !== undefined && !Number.isSafeInteger(rv)) throw mistyped(rv, 'struct field continueToken.rv of type int64')
  return value as TokenValue
}

/** k8s: 410 with a token to go on with at the newest state, for clients that can live with the inconsistency. */
export class ContinueExpired extends StatusError {
  readonly #token: string

  constructor(token: string) {
    super(
      410,
      'Expired',
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
        'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
        'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
        'deleted between the time the first chunk was returned and now may show up in the list.',
    )
    this.#token = token
  }

  override toStatus(): Status {
    return { ...super.toStatus(), metadata: { continue: this.#token } }
  }
}
