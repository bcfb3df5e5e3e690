// Answers of upstreams, remembered as long as their records say: positive and negative ones, a bounded number, the least recently used
// going first. An expired answer is kept for another hour, to be given when no upstream answers.
import type { Clock } from '../../base/clock.ts'
import { RCODE, type Response, rewritten } from './wire.ts'

const MAX_ENTRIES = 4_096
/** Answers larger than this aren't worth their memory. */
const MAX_ENTRY_BYTES = 4_096
const STALE_MS = 3_600_000
// the bounds of CoreDNS's cache plug-in, in seconds
const MIN_TTL = 5
const MAX_TTL = 3_600
const MAX_NEGATIVE_TTL = 1_800
/** What a stale answer's records say. */
const STALE_TTL = 5

export interface CachedAnswer {
  readonly message: Buffer
  readonly response: Response
}
interface Entry extends CachedAnswer {
  storedMs: number
  expiresMs: number
}

export type Hit = CachedAnswer & { readonly ageSeconds: number; readonly stale: boolean }

export class AnswerCache {
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): Hit | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    const nowMs = this.#clock.now()
    if (nowMs >= entry.expiresMs + STALE_MS) return undefined
    this.#entries.set(key, entry)
    return {
      message: entry.message,
      response: entry.response,
      ageSeconds: Math.max(0, Math.floor((nowMs - entry.storedMs) / 1000)),
      stale: nowMs >= entry.expiresMs,
    }
  }

  /** Keeps the answer if it may be kept. */
  put(key: string, answer: CachedAnswer): void {
    const ttl = secondsToKeep(answer.response)
    if (ttl === 0 || answer.message.length > MAX_ENTRY_BYTES) return
    const storedMs = this.#clock.now()
    this.#entries.delete(key)
    this.#entries.set(key, { ...answer, storedMs, expiresMs: storedMs + ttl * 1000 })
    if (this.#entries.size > MAX_ENTRIES) {
      const [oldest] = this.#entries.keys()
      this.#entries.delete(oldest!)
    }
  }
}

function secondsToKeep({ rcode, answerTtl, negativeTtl }: Response): number {
  const clamp = (ttl: number, max: number) => Math.min(Math.max(ttl, MIN_TTL), max)
  if (rcode === RCODE.NOERROR && answerTtl !== undefined) return answerTtl === 0 ? 0 : clamp(answerTtl, MAX_TTL)
  if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return 0
  // without an SOA nothing says how long the absence lasts
  return negativeTtl === undefined ? 0 : clamp(negativeTtl, MAX_NEGATIVE_TTL)
}

/** The remembered answer for a new query: its id, its spelling of the name, and what is left of each time-to-live. */
export function replyFromCache(hit: Hit, id: number, question: Buffer): Buffer {
  const left = (ttl: number) => (hit.stale ? Math.min(ttl, STALE_TTL) : Math.max(ttl - hit.ageSeconds, 0))
  return rewritten(hit.message, id, question, hit.response.ttlOffsets, left)
}
