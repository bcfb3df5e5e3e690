// Names outside the cluster: asked of the host's nameservers and remembered. The same question that is under way already is not asked
// twice. While upstreams are silent, what was known before is given instead.
import type { Clock } from '../../base/clock.ts'
import { type AnswerCache, replyFromCache } from './cache.ts'
import type { DnsCounters } from './counters.ts'
import { replyLimit, truncatedReply } from './message-writer.ts'
import { type Asked, exchange, type Received, type Upstream } from './upstream.ts'
import { type Query, RCODE } from './wire.ts'

/** Questions under way at once; more are refused. */
const MAX_UNDER_WAY = 1_000
const ATTEMPTS = 2
/** How long a client waits for a fresh answer when there is a stale one. */
const STALE_PATIENCE_MS = 1_800
/** An upstream that failed is asked last for this long. */
const DISTRUST_MS = 10_000

export interface Forwarder {
  /** The full answer, before it is fitted to the client; undefined when nobody could say. */
  resolve(asked: Asked): Promise<Received | undefined>
  /** The bytes for this client, or undefined when nobody could say. At once when the answer is known. */
  reply(query: Query, overUdp: boolean): Buffer | undefined | Promise<Buffer | undefined>
}

export interface ForwardOptions {
  /** In order of preference; asked again for each question. */
  upstreams: () => readonly Upstream[]
  cache: AnswerCache
  clock: Clock
  counters: DnsCounters
  signal: AbortSignal
}

const keyOf = ({ question, checkingDisabled, edns, dnssecOk }: Asked) =>
  `${question.type} ${question.class} ${Number(checkingDisabled)}${Number(edns)}${Number(dnssecOk)} ${question.name}`

export const askedBy = (query: Query): Asked => ({
  question: query.question,
  checkingDisabled: (query.flags & 0x10) !== 0,
  edns: query.edns !== undefined,
  dnssecOk: query.edns?.dnssecOk ?? false,
})

export function createForwarder({ upstreams, cache, clock, counters, signal }: ForwardOptions): Forwarder {
  const underWay = new Map<string, Promise<Received | undefined>>()
  const distrustedUntilMs = new Map<string, number>()
  const nameOf = ({ address, port }: Upstream) => `${address} ${port}`
  const isDistrusted = (upstream: Upstream) => (distrustedUntilMs.get(nameOf(upstream)) ?? 0) > clock.now()

  async function ask(asked: Asked): Promise<Received | undefined> {
    const all = upstreams()
    const order = [...all.filter((u) => !isDistrusted(u)), ...all.filter(isDistrusted)]
    let last: Received | undefined
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      for (const upstream of order) {
        if (signal.aborted) return undefined
        counters.forwarded(upstream.address)
        try {
          const received = await exchange(upstream, asked, clock, signal)
          distrustedUntilMs.delete(nameOf(upstream))
          last = received
          // another upstream may know better than one that fails or refuses
          if (received.response.rcode === RCODE.NOERROR || received.response.rcode === RCODE.NXDOMAIN) return received
        } catch {
          counters.forwardFailed(upstream.address)
          distrustedUntilMs.set(nameOf(upstream), clock.now() + DISTRUST_MS)
        }
      }
      if (last) return last
    }
    return undefined
  }

  /** Asks, remembers, and lets everyone with the same question wait for the same answer. */
  function fresh(key: string, asked: Asked): Promise<Received | undefined> {
    const known = underWay.get(key)
    if (known) return known
    if (underWay.size >= MAX_UNDER_WAY) return Promise.resolve(undefined)
    const own = { ...asked, question: { ...asked.question, bytes: Buffer.from(asked.question.bytes) } }
    const answer = ask(own)
      .then((received) => {
        if (received) cache.put(key, received)
        return received
      })
      .finally(() => underWay.delete(key))
    underWay.set(key, answer)
    return answer
  }

  function patience<T>(answer: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve) => {
      const timer = clock.after(STALE_PATIENCE_MS, () => resolve(undefined))
      void answer.then((value) => {
        timer.cancel()
        resolve(value)
      })
    })
  }

  const fit = (query: Query, bytes: Buffer, overUdp: boolean) =>
    bytes.length <= replyLimit(query, overUdp) ? bytes : truncatedReply(query)

  return {
    async resolve(asked) {
      const key = keyOf(asked)
      const hit = cache.get(key)
      if (hit && !hit.stale) return hit
      const received = await fresh(key, asked)
      return received ?? hit
    },

    reply(query, overUdp) {
      const asked = askedBy(query)
      const key = keyOf(asked)
      const hit = cache.get(key)
      const fromHit = () => hit && fit(query, replyFromCache(hit, query.id, query.question.bytes), overUdp)
      counters.cached(hit !== undefined && !hit.stale)
      if (hit && !hit.stale) return fromHit()
      const answer = fresh(key, asked)
      const allSilent = upstreams().every(isDistrusted)
      if (hit && allSilent) return fromHit()
      return (hit ? patience(answer) : answer).then((received) => {
        if (!received || (hit && received.response.rcode === RCODE.SERVFAIL)) return fromHit()
        const now = { ...received, ageSeconds: 0, stale: false }
        return fit(query, replyFromCache(now, query.id, query.question.bytes), overUdp)
      })
    },
  }
}
