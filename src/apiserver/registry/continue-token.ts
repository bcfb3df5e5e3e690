// Where a list that is read in pieces goes on: the revision it shows and the key it got to. The token only holds what lies below
// the listed prefix, so that it can't be used to read anything else. An inconsistent token (revision -1) goes on at the newest state.
import { badRequest, StatusError } from '../../api/meta/errors.ts'
import type { Status } from '../../api/types/meta.v1.ts'
import type { Revision } from '../storage/store.ts'

export interface ContinueAt {
  /** Undefined: the newest, after a token expired. */
  readonly revision: Revision | undefined
  readonly after: string
}

const INCONSISTENT = -1

export function encodeContinue(prefix: string, { revision, after }: ContinueAt): string {
  const token = { v: 'meta.k8s.io/v1', rv: revision ?? INCONSISTENT, start: `${after.slice(prefix.length)}\0` }
  return Buffer.from(JSON.stringify(token)).toString('base64url')
}

/** @throws BadRequest for anything this server did not make */
export function decodeContinue(prefix: string, token: string): ContinueAt {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(token, 'base64url').toString())
  } catch {
    throw badRequest('continue key is not valid: illegal base64 data or malformed token')
  }
  const { v, rv, start } = (value ?? {}) as { v?: unknown; rv?: unknown; start?: unknown }
  if (v !== 'meta.k8s.io/v1')
    throw badRequest(
      `continue key is not valid: server does not recognize this encoded version ${JSON.stringify(v ?? '')}`,
    )
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv === 0) {
    throw badRequest('continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)')
  }
  if (typeof start !== 'string' || start === '' || start.startsWith('/') || start.split('/').includes('..')) {
    throw badRequest('continue key is not valid: encoded start key empty or outside of the list')
  }
  return { revision: rv < 0 ? undefined : rv, after: prefix + start.replace(/\0$/, '') }
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
