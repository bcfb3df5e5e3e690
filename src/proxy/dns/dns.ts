// Cluster DNS inside the agent: names of the cluster straight from the index of Services, all others through the forwarder. What the
// index knows is answered whether the API is there or not.
import type { Clock } from '../../base/clock.ts'
import { aborted, type Ctx, child } from '../../base/ctx.ts'
import type { Cache } from '../../client/cache.ts'
import { AnswerCache } from './cache.ts'
import { DnsCounters } from './counters.ts'
import { askedBy, createForwarder, type Forwarder } from './forward.ts'
import { withoutOurselves } from './host-upstreams.ts'
import { inNetworks } from './ip.ts'
import { encodeReply, replyLimit } from './message-writer.ts'
import { type Answer, answer, type Zone } from './records.ts'
import { type Endpoint, type Handler, listen } from './server.ts'
import { followServices, ServiceIndex } from './service-index.ts'
import type { Upstream } from './upstream.ts'
import { CLASS_IN, parseQuery, type Query, RCODE, TYPE } from './wire.ts'

export interface DnsOptions {
  cache: Cache
  /** UDP and TCP on each of them. */
  listen: readonly Endpoint[]
  /** Where other names are asked, in order of preference; see host-upstreams.ts. */
  upstreams: () => readonly Upstream[]
  /** `cluster.local` */
  clusterDomain: string
  /** One or two networks, separated by a comma: `10.96.0.0/12`. */
  serviceCIDR: string
  clock: Clock
  counters?: DnsCounters
  /** Told once everything listens; the ports are real where 0 was asked for. */
  onListening?: (bound: readonly Endpoint[]) => void
}

/** Serves until the ctx is aborted; rejects when an address can't be listened on. */
export async function runDns(parent: Ctx, options: DnsOptions): Promise<void> {
  const ctx = child(parent, { component: 'dns' })
  const { cache, clock, counters = new DnsCounters() } = options
  const zone: Zone = {
    domain: options.clusterDomain.toLowerCase().replace(/\.$/, ''),
    isServiceAddress: inNetworks(options.serviceCIDR.split(',').map((cidr) => cidr.trim())),
  }
  const index = new ServiceIndex()
  const unfollow = followServices(cache, index)
  let bound: readonly Endpoint[] = options.listen
  const forwarder = createForwarder({
    upstreams: () => withoutOurselves(options.upstreams(), bound, zone.isServiceAddress),
    cache: new AnswerCache(clock),
    clock,
    counters,
    signal: ctx.signal,
  })
  const state = { synced: false }
  const handle = guarded(ctx, makeHandler({ index, zone, forwarder, counters, isSynced: () => state.synced }))
  try {
    const listening = await listen(options.listen, handle)
    try {
      bound = listening.bound
      ctx.log.info({ addresses: bound.map(({ address, port }) => `${address}:${port}`) }, 'dns listening')
      options.onListening?.(bound)
      await cache.synced(ctx.signal)
      state.synced = true
      await aborted(ctx.signal)
    } finally {
      await listening.close()
    }
  } catch (err) {
    if (!ctx.signal.aborted) throw err
  } finally {
    unfollow()
  }
}

/** One question that we fail at must not end the service for all others. */
function guarded(ctx: Ctx, handle: Handler): Handler {
  const dropped = (err: unknown): undefined => {
    ctx.log.error({ err }, 'dns question not answered')
  }
  return (message, overUdp) => {
    try {
      const reply = handle(message, overUdp)
      return reply instanceof Promise ? reply.catch(dropped) : reply
    } catch (err) {
      return dropped(err)
    }
  }
}

interface HandlerParts {
  index: ServiceIndex
  zone: Zone
  forwarder: Forwarder
  counters: DnsCounters
  /** Before that, "no such name" would be a lie. */
  isSynced: () => boolean
}

type Result = Buffer | undefined | Promise<Buffer | undefined>

export function makeHandler({ index, zone, forwarder, counters, isSynced }: HandlerParts): Handler {
  let turn = 0

  const failure = (query: Query, rcode: number) =>
    encodeReply(query, { rcode, authoritative: false, answers: [] }, replyLimit(query, true))

  function ours(query: Query, overUdp: boolean): Result {
    const { question } = query
    turn = (turn + 1) % 0x7fffffff
    const found = answer(index, zone, question.name, question.type, turn)
    if (!found) return undefined
    if (!isSynced() && found.answers.length === 0) return failure(query, RCODE.SERVFAIL)
    const limit = replyLimit(query, overUdp)
    const followed = found.follow !== undefined && (question.type === TYPE.A || question.type === TYPE.AAAA)
    return followed ? follow(query, found, limit) : encodeReply(query, found, limit)
  }

  /** k8s: the addresses behind an ExternalName come along with it. */
  async function follow(query: Query, found: Answer, limit: number): Promise<Buffer> {
    const question = questionFor(found.follow!, query.question.type)
    const received = question && (await forwarder.resolve({ ...askedBy(query), question }))
    if (!received) return failure(query, RCODE.SERVFAIL)
    const answers = [...found.answers, ...received.response.addresses]
    return encodeReply(query, { ...found, answers }, limit)
  }

  function others(query: Query, overUdp: boolean): Result {
    const reply = forwarder.reply(query, overUdp)
    const orFailure = (bytes: Buffer | undefined) => bytes ?? failure(query, RCODE.SERVFAIL)
    return reply instanceof Promise ? reply.then(orFailure) : orFailure(reply)
  }

  return (message: Buffer, overUdp: boolean): Result => {
    const parsed = parseQuery(message)
    if (!parsed.ok) return parsed.reply
    const { query } = parsed
    const { question } = query
    const counted = (name: string, bytes: Buffer | undefined) => {
      if (bytes) counters.response(name, bytes[3]! & 0xf)
      return bytes
    }
    const finish = (name: string, reply: Result): Result => {
      counters.request(name, overUdp, question.type)
      return reply instanceof Promise ? reply.then((bytes) => counted(name, bytes)) : counted(name, reply)
    }
    if ((query.edns?.version ?? 0) > 0) return finish('.', failure(query, RCODE.BADVERS))
    if (question.class !== CLASS_IN || question.type === TYPE.AXFR) return finish('.', failure(query, RCODE.REFUSED))
    const own = ours(query, overUdp)
    return own ? finish(zone.domain, own) : finish('.', others(query, overUdp))
  }
}

/** A question of our own making: the name in wire form, type and class. */
function questionFor(name: string, type: number) {
  const labels = name.split('.')
  if (name.length > 253 || labels.some((label) => label.length === 0 || label.length > 63)) return undefined
  const bytes = Buffer.concat([
    ...labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]),
    Buffer.from([0, type >> 8, type & 0xff, 0, CLASS_IN]),
  ])
  return { name, type, class: CLASS_IN, bytes }
}
