// Off by default. Bounds how fast events are written: by everybody together, by namespace, by user, by source and object; as configured.
import { Event } from '../../api/kinds/event.ts'
import { EventsEvent } from '../../api/kinds/events-event.ts'
import { StatusError } from '../../api/meta/errors.ts'
import type { DeepReadonly } from '../../api/meta/object.ts'
import type { Clock } from '../../base/clock.ts'
import type { AdmissionPlugin, AdmissionRequest } from './admission.ts'
import { isKind } from './lookup.ts'

export type LimitType = 'Server' | 'Namespace' | 'User' | 'SourceAndObject'
export interface EventLimit {
  readonly type: LimitType
  /** Events a second, and how many at once after a quiet time. */
  readonly qps: number
  readonly burst: number
  /** How many namespaces, users or objects are remembered. */
  readonly cacheSize?: number | undefined
}

const CACHE_SIZE = 4096

interface Bucket {
  tokens: number
  atMs: number
}

/** Token buckets by key; of too many, the one that was used least recently is forgotten. */
class Buckets {
  readonly #limit: EventLimit
  readonly #buckets = new Map<string, Bucket>()

  constructor(limit: EventLimit) {
    this.#limit = limit
  }

  accepts(key: string, nowMs: number): boolean {
    const { qps, burst, cacheSize = CACHE_SIZE } = this.#limit
    const bucket = this.#buckets.get(key) ?? { tokens: burst, atMs: nowMs }
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * qps)
    bucket.atMs = nowMs
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > cacheSize) this.#buckets.delete(this.#buckets.keys().next().value!)
    if (bucket.tokens < 1) return false
    bucket.tokens--
    return true
  }
}

export function eventRateLimit(clock: Clock, limits: readonly EventLimit[] = []): AdmissionPlugin {
  const enforced = limits.map((limit) => ({ type: limit.type, buckets: new Buckets(limit) }))
  return {
    name: 'EventRateLimit',
    concerns: (kind) => isKind(kind, Event) || isKind(kind, EventsEvent),
    validate(request) {
      const { kind, operation, subresource, dryRun, object } = request
      if (!isKind(kind, Event) && !isKind(kind, EventsEvent)) return
      if (dryRun || subresource !== '' || !object || (operation !== 'CREATE' && operation !== 'UPDATE')) return
      const nowMs = clock.now()
      const reached = enforced.flatMap(({ type, buckets }) => {
        const key = keyOf(type, request)
        return buckets.accepts(key, nowMs) ? [] : [`Too many requests: limit reached on type ${type} for key ${key}`]
      })
      if (reached.length === 0) return
      const text = reached.length === 1 ? reached[0] : `[${reached.join(', ')}]`
      throw new StatusError(429, 'TooManyRequests', `Too many requests: ${text}`)
    },
  }
}

function keyOf(type: LimitType, { namespace, user, object }: AdmissionRequest): string {
  if (type === 'Server') return ''
  if (type === 'Namespace') return namespace
  if (type === 'User') return user.name
  const { source, involvedObject: about } = object as unknown as DeepReadonly<Event>
  const parts = [
    source?.component,
    source?.host,
    about?.kind,
    about?.namespace,
    about?.name,
    about?.uid,
    about?.apiVersion,
  ]
  return parts.map((part) => part ?? '').join('')
}
