// One of several processes leads: whoever holds a Lease. The holder renews it, the others wait until it has not been renewed for its
// whole duration by their own clocks (clocks of different machines are never compared). A leader that cannot renew in time stops its
// work before anybody else may begin, then competes again. A clean end gives the lease back, so that the next one need not wait.
import { Lease } from '../api/kinds/lease.ts'
import { isAlreadyExists, isConflict, isNotFound } from '../api/meta/errors.ts'
import type { DeepReadonly } from '../api/meta/object.ts'
import { formatMicroTime } from '../api/meta/time.ts'
import { type Clock, delay } from '../base/clock.ts'
import { type Ctx, child } from '../base/ctx.ts'
import type { Client } from './client.ts'

export interface ElectionOptions {
  /** The Lease competed for. */
  name: string
  namespace?: string
  /** Differs between competitors: host name and something random. */
  identity: string
  leaseDurationMs?: number
  renewDeadlineMs?: number
  retryPeriodMs?: number
}

type Timings = Required<Omit<ElectionOptions, 'name' | 'identity'>> & ElectionOptions

/** What a competitor knows: the lease as last read, and when it last saw it change. */
export interface Observed {
  lease: DeepReadonly<Lease>
  changedAtMs: number
}

/** Runs `lead` whenever this process is the leader, until the ctx is aborted; resolves after `lead` has stopped. */
export async function runElected(
  ctx: Ctx,
  client: Client,
  clock: Clock,
  options: ElectionOptions,
  lead: (ctx: Ctx) => Promise<void>,
): Promise<void> {
  const election: Timings = {
    namespace: 'kube-system',
    leaseDurationMs: 15_000,
    renewDeadlineMs: 10_000,
    retryPeriodMs: 2_000,
    ...options,
  }
  const electionCtx = child(ctx, { lease: options.name })
  while (!ctx.signal.aborted) {
    const lease = await acquire(electionCtx, client, clock, election)
    if (!lease) return
    electionCtx.log.info({ identity: options.identity }, 'became leader')
    await leadWhileHolding(electionCtx, client, clock, election, lease, lead)
  }
}

/** Waits until the lease is ours; undefined when aborted. */
async function acquire(
  ctx: Ctx,
  client: Client,
  clock: Clock,
  election: Timings,
): Promise<DeepReadonly<Lease> | undefined> {
  let observed: Observed | undefined
  while (!ctx.signal.aborted) {
    try {
      const lease = await readLease(ctx, client, election)
      if (!observed || observed.lease.metadata.resourceVersion !== lease?.metadata.resourceVersion) {
        observed = lease && { lease, changedAtMs: clock.now() }
      }
      if (mayTake(observed, election.identity, clock.now())) return await take(ctx, client, clock, election, lease)
    } catch (err) {
      if (ctx.signal.aborted) return undefined
      // Somebody was quicker: look again next time.
      if (!isConflict(err) && !isAlreadyExists(err)) ctx.log.debug({ err }, 'cannot compete for the lease')
    }
    await delay(clock, election.retryPeriodMs * (1 + 0.2 * Math.random()), ctx.signal).catch(() => {})
  }
  return undefined
}

async function leadWhileHolding(
  ctx: Ctx,
  client: Client,
  clock: Clock,
  election: Timings,
  acquired: DeepReadonly<Lease>,
  lead: (ctx: Ctx) => Promise<void>,
): Promise<void> {
  const stop = new AbortController()
  const leadCtx = child(ctx, {}, stop.signal)
  const ended = Promise.withResolvers<void>()
  const work = lead(leadCtx).finally(() => ended.resolve())
  work.catch(() => {})
  const renewals = new AbortController()
  void ended.promise.then(() => renewals.abort())
  const last = await renew(child(ctx, {}, renewals.signal), client, clock, election, acquired)
  stop.abort(new Error('no longer the leader'))
  try {
    await work
  } catch (err) {
    if (!leadCtx.signal.aborted) throw err
  } finally {
    if (last) await release(ctx, client, clock, election, last)
  }
}

/** Renews until aborted, or until the lease could not be renewed in time. Returns the lease if it is still ours. */
async function renew(
  ctx: Ctx,
  client: Client,
  clock: Clock,
  election: Timings,
  acquired: DeepReadonly<Lease>,
): Promise<DeepReadonly<Lease> | undefined> {
  let lease = acquired
  let renewedAtMs = clock.now()
  while (true) {
    await delay(clock, election.retryPeriodMs, ctx.signal).catch(() => {})
    if (ctx.signal.aborted) return lease
    const deadline = new AbortController()
    const timer = clock.after(renewedAtMs + election.renewDeadlineMs - clock.now(), () =>
      deadline.abort(new Error('renew deadline passed')),
    )
    try {
      const startedMs = clock.now()
      lease = await client.update(child(ctx, {}, deadline.signal), Lease, leaseHeld(lease, election, startedMs))
      renewedAtMs = startedMs
    } catch (err) {
      if (ctx.signal.aborted) return lease
      const live = isConflict(err) ? await readLease(ctx, client, election).catch(() => undefined) : undefined
      const taken = isNotFound(err) || (live !== undefined && live.spec.holderIdentity !== election.identity)
      if (taken || clock.now() - renewedAtMs >= election.renewDeadlineMs) {
        ctx.log.warn({ err }, 'lost the lease')
        return undefined
      }
      if (live) lease = live
    } finally {
      timer.cancel()
    }
  }
}

async function release(ctx: Ctx, client: Client, clock: Clock, election: Timings, lease: DeepReadonly<Lease>) {
  // Our own ctx has ended or is about to: this last write gets a bounded time of its own.
  const stop = new AbortController()
  const timer = clock.after(election.retryPeriodMs, () => stop.abort(new Error('no time left')))
  try {
    const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: formatMicroTime(clock.now()) }
    await client.update({ signal: stop.signal, log: ctx.log }, Lease, { ...lease, spec })
  } catch (err) {
    ctx.log.debug({ err }, 'cannot give the lease back')
  } finally {
    timer.cancel()
  }
}

/** Whether the lease is free: absent, given back, our own, or not renewed for its duration since we first saw it so. */
export function mayTake(observed: Observed | undefined, identity: string, nowMs: number): boolean {
  if (!observed) return true
  const { holderIdentity, leaseDurationSeconds = 0 } = observed.lease.spec
  if (!holderIdentity || holderIdentity === identity) return true
  return nowMs - observed.changedAtMs > leaseDurationSeconds * 1000
}

async function take(ctx: Ctx, client: Client, clock: Clock, election: Timings, lease: DeepReadonly<Lease> | undefined) {
  const { name, namespace, identity } = election
  const nowMs = clock.now()
  const spec = {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(election.leaseDurationMs / 1000),
    acquireTime: formatMicroTime(nowMs),
    renewTime: formatMicroTime(nowMs),
    leaseTransitions: 0,
  }
  if (!lease) return await client.create(ctx, Lease, { metadata: { name, namespace }, spec })
  const held = lease.spec.holderIdentity === identity
  const leaseTransitions = (lease.spec.leaseTransitions ?? 0) + (held ? 0 : 1)
  const acquireTime = held ? (lease.spec.acquireTime ?? spec.acquireTime) : spec.acquireTime
  return await client.update(ctx, Lease, { ...lease, spec: { ...lease.spec, ...spec, acquireTime, leaseTransitions } })
}

function leaseHeld(lease: DeepReadonly<Lease>, election: Timings, nowMs: number): DeepReadonly<Lease> {
  const leaseDurationSeconds = Math.ceil(election.leaseDurationMs / 1000)
  return { ...lease, spec: { ...lease.spec, leaseDurationSeconds, renewTime: formatMicroTime(nowMs) } }
}

async function readLease(ctx: Ctx, client: Client, { name, namespace }: Timings) {
  try {
    return await client.get(ctx, Lease, name, namespace)
  } catch (err) {
    if (isNotFound(err)) return undefined
    throw err
  }
}
