// Whom the impersonation headers name. Reads what was sent and judges nothing.
import { sentHeaders, unescapedKey } from './sent-headers.ts'

export interface WantedUser {
  readonly name: string
  readonly uid: string
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
}

type Headers = Readonly<Record<string, string | undefined>>
const PREFIX = 'impersonate-'
const EXTRA = 'impersonate-extra-'

/** For those in a hurry: is there anything to read at all? */
export function hasImpersonation(headers: Headers): boolean {
  for (const name in headers) if (name.startsWith(PREFIX)) return true
  return false
}

/**
 * Undefined when nobody is named. @param rawHeaders names and values in turns; without them, a comma separates what was sent as several
 * headers.
 */
export function impersonationHeaders(headers: Headers, rawHeaders?: readonly string[]): WantedUser | undefined {
  if (!hasImpersonation(headers)) return undefined
  const values = rawHeaders ? sentHeaders(rawHeaders, PREFIX) : split(headers)
  const extra: Record<string, string[]> = {}
  for (const [header, sent] of values) {
    if (!header.startsWith(EXTRA)) continue
    const key = unescapedKey(header.slice(EXTRA.length))
    extra[key] = [...(Object.hasOwn(extra, key) ? extra[key]! : []), ...sent]
  }
  const name = values.get('impersonate-user')?.[0] ?? ''
  const uid = values.get('impersonate-uid')?.[0] ?? ''
  const groups = values.get('impersonate-group') ?? []
  if (name === '' && uid === '' && groups.length === 0 && Object.keys(extra).length === 0) return undefined
  return { name, uid, groups, extra }
}

function split(headers: Headers): Map<string, string[]> {
  const values = new Map<string, string[]>()
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(PREFIX) || value === undefined) continue
    const single = name === 'impersonate-user' || name === 'impersonate-uid'
    values.set(name, single ? [value] : value.split(',').map((part) => part.trim()))
  }
  return values
}
