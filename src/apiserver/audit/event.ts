// An audit.k8s.io/v1 Event: what one request was, in one of its stages. Pure.
import type { UserInfo } from '../../api/wire.ts'
import type { Level, Stage } from './policy.ts'

export interface AuditUser {
  readonly username: string
  readonly uid?: string
  readonly groups?: readonly string[]
  readonly extra?: UserInfo['extra']
}

/** The fields stand in the order in which they are written. */
export interface AuditEvent {
  readonly kind: 'Event'
  readonly apiVersion: 'audit.k8s.io/v1'
  readonly level: Level
  readonly auditID: string
  readonly stage: Stage
  readonly requestURI: string
  readonly verb: string
  readonly user: AuditUser
  readonly impersonatedUser?: AuditUser
  readonly sourceIPs?: readonly string[]
  readonly userAgent?: string
  readonly objectRef?: Readonly<Record<string, string>>
  readonly responseStatus?: object
  readonly requestObject?: unknown
  readonly responseObject?: unknown
  readonly requestReceivedTimestamp: string
  readonly stageTimestamp: string
  readonly annotations?: Readonly<Record<string, string>>
}

export const auditUser = ({ name, uid, groups, extra }: UserInfo): AuditUser => ({
  username: name,
  ...(uid ? { uid } : {}),
  ...(groups.length > 0 ? { groups } : {}),
  ...(extra && Object.keys(extra).length > 0 ? { extra } : {}),
})

/** k8s: times of audit events have microseconds. */
export const microTime = (atMs: number) => new Date(atMs).toISOString().replace(/Z$/, '000Z')

const MAX_USER_AGENT = 1024

export const shortUserAgent = (text: string) =>
  text.length > MAX_USER_AGENT ? `${text.slice(0, MAX_USER_AGENT)}...TRUNCATED` : text

const IP = /^[0-9a-fA-F.:]+$/

/** Whoever stood between, as far as they say so, and the peer itself at the end, once. */
export function sourceIps(headers: Readonly<Record<string, string | undefined>>, peer: string | undefined): string[] {
  const told = (headers['x-forwarded-for'] ?? '').split(',').map((text) => text.trim())
  const real = headers['x-real-ip']?.trim() ?? ''
  const found = told.filter((text) => IP.test(text)).slice(0, 20)
  if (found.length === 0 && IP.test(real)) found.push(real)
  const last = peer?.replace(/^::ffff:/, '')
  if (last && found.at(-1) !== last) found.push(last)
  return found
}

type Fields = Record<string, unknown>

/** The object or list without the managed fields of any object in it; shares everything else. */
export function withoutManagedFields(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const fields = value as Fields
  if (Array.isArray(fields['items'])) return { ...fields, items: fields['items'].map(withoutManagedFields) }
  if (Array.isArray(fields['rows'])) {
    const rows = (fields['rows'] as Fields[]).map((row) => ({ ...row, object: withoutManagedFields(row['object']) }))
    return { ...fields, rows }
  }
  const metadata = fields['metadata'] as Fields | undefined
  if (!metadata || !('managedFields' in metadata)) return value
  const { managedFields: _, ...rest } = metadata
  return { ...fields, metadata: rest }
}
