// Writes Event objects: a repetition raises the count of the event that is there, many similar ones are combined, and each object
// may cause only so many. Events are written one after the other in the background; while the API is away they wait, within bounds.
import { Event } from '../api/kinds/event.ts'
import { isNotFound, StatusError } from '../api/meta/errors.ts'
import type { DeepReadonly, KubeObject } from '../api/meta/object.ts'
import { formatTime } from '../api/meta/time.ts'
import type { ObjectReference } from '../api/types/core.v1.ts'
import { type Clock, delay } from '../base/clock.ts'
import type { Ctx } from '../base/ctx.ts'
import { Supervisor } from '../base/supervise.ts'
import { backOffMs } from './back-off.ts'
import type { Client } from './client.ts'
import type { EventRecorder } from './events.ts'
import { RecentMap } from './recent-map.ts'

export interface RecorderOptions {
  /** As in `kubectl describe`'s From column: `kubelet`, `deployment-controller`. */
  component: string
  /** The node that reports, for components that run on one. */
  host?: string
}

/** An event as it was asked for, before counting. */
export interface Sighting {
  involvedObject: ObjectReference
  type: string
  reason: string
  message: string
}

// k8s: the standard recorder's bounds.
const BURST = 25
const REFILL_MS = 5 * 60_000
const SIMILAR_LIMIT = 10
const SIMILAR_WINDOW_MS = 10 * 60_000
const REMEMBERED = 4096
const QUEUE_LIMIT = 1000
const ATTEMPTS = 12
const RETRY = { firstMs: 500, maxMs: 10_000 }

export interface BackgroundRecorder extends EventRecorder {
  /** A recorder that reports in another component's name, with the same queue. */
  as(component: string): EventRecorder
  /** Resolves when everything that was recorded has been written or given up. */
  settled(): Promise<void>
}

export function createEventRecorder(
  ctx: Ctx,
  client: Client,
  clock: Clock,
  options: RecorderOptions,
): BackgroundRecorder {
  const correlator = new EventCorrelator(clock)
  const supervisor = new Supervisor(ctx)
  const queue: Event[] = []
  let writing = false
  let lastStamp = 0n

  /** k8s: event names end in the time in nanoseconds, in hex; here always growing, so that names differ. */
  function stamp(): string {
    const now = BigInt(clock.now()) * 1_000_000n
    lastStamp = now > lastStamp ? now : lastStamp + 1n
    return lastStamp.toString(16)
  }

  function record(component: string, ...[about, type, reason, message, extra]: Parameters<EventRecorder['event']>) {
    const sighting = {
      involvedObject: referenceTo(about, extra?.fieldPath),
      type,
      reason,
      message: message.slice(0, 1024),
    }
    const counted = correlator.observe(component, sighting)
    if (!counted || queue.length >= QUEUE_LIMIT) {
      ctx.log.debug({ reason, object: about.metadata.name }, 'event dropped')
      return
    }
    const namespace = about.metadata.namespace ?? 'default'
    queue.push(eventOf(counted, { component, host: options.host }, namespace, `${about.metadata.name}.${stamp()}`))
    if (writing) return
    writing = true
    supervisor.start('event recorder', writeAll)
  }

  async function writeAll(): Promise<void> {
    try {
      for (let event = queue.shift(); event && !ctx.signal.aborted; event = queue.shift()) await write(event)
    } finally {
      writing = false
    }
  }

  async function write(event: Event): Promise<void> {
    for (let failures = 0; failures < ATTEMPTS; failures++) {
      try {
        const name = await put(event)
        correlator.written(event, name)
        return
      } catch (err) {
        // What the server refuses (a namespace that is going away, a full quota) it will refuse again.
        if (err instanceof StatusError && err.code < 500) {
          ctx.log.debug({ err, reason: event.reason }, 'event refused')
          return
        }
        if (ctx.signal.aborted) return
        await delay(clock, backOffMs(RETRY, failures), ctx.signal).catch(() => {})
      }
    }
    ctx.log.debug({ reason: event.reason }, 'event given up')
  }

  /** Returns the name under which the event now stands. */
  async function put(event: Event): Promise<string> {
    const known = (event.count ?? 1) > 1 ? correlator.nameOf(event) : undefined
    if (known) {
      const { count, lastTimestamp, message } = event
      const target = { name: known, namespace: event.metadata.namespace }
      try {
        await client.patch(ctx, Event, target, { type: 'strategic', body: { count, lastTimestamp, message } })
        return known
      } catch (err) {
        // It expired: begin a new one.
        if (!isNotFound(err)) throw err
      }
    }
    const created = await client.create(ctx, Event, event)
    return created.metadata.name
  }

  return {
    event: (...args) => record(options.component, ...args),
    as: (component) => ({ event: (...args) => record(component, ...args) }),
    settled: () => supervisor.settled(),
  }
}

/** A sighting with its count: how often it was seen since `firstMs`. */
export interface Counted extends Sighting {
  count: number
  firstMs: number
  lastMs: number
}

/** Decides what becomes of each sighting: counted, combined with similar ones, or (undefined) too many. */
export class EventCorrelator {
  readonly #clock: Clock
  readonly #budgets = new RecentMap<{ tokens: number; atMs: number }>(REMEMBERED)
  readonly #similar = new RecentMap<{ messages: Set<string>; lastMs: number }>(REMEMBERED)
  readonly #counts = new RecentMap<{ count: number; firstMs: number; name: string | undefined }>(REMEMBERED)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  observe(component: string, sighting: Sighting): Counted | undefined {
    const nowMs = this.#clock.now()
    const combined = this.#combine(component, sighting, nowMs)
    if (!this.#spend(component, sighting, nowMs)) return undefined
    const key = countKey(component, combined.sighting, combined.similar)
    const known = this.#counts.get(key) ?? { count: 0, firstMs: nowMs, name: undefined }
    known.count++
    this.#counts.set(key, known)
    return { ...combined.sighting, count: known.count, firstMs: known.firstMs, lastMs: nowMs }
  }

  /** The name of the event that an earlier sighting of the same made. */
  nameOf(event: Event): string | undefined {
    return this.#countOf(event)?.name
  }

  written(event: Event, name: string): void {
    const known = this.#countOf(event)
    if (known) known.name = name
  }

  #countOf(event: Event) {
    const sighting = event as Required<Sighting>
    const similar = sighting.message.startsWith(COMBINED)
    return this.#counts.get(countKey(event.source?.component ?? '', sighting, similar))
  }

  #combine(component: string, sighting: Sighting, nowMs: number): { sighting: Sighting; similar: boolean } {
    const key = countKey(component, sighting, true)
    let group = this.#similar.get(key)
    if (!group || nowMs - group.lastMs > SIMILAR_WINDOW_MS) group = { messages: new Set(), lastMs: nowMs }
    group.messages.add(sighting.message)
    group.lastMs = nowMs
    this.#similar.set(key, group)
    if (group.messages.size < SIMILAR_LIMIT) return { sighting, similar: false }
    // The set has done its duty: it only has to stay full.
    if (group.messages.size > SIMILAR_LIMIT) group.messages.delete(sighting.message)
    return { sighting: { ...sighting, message: `${COMBINED}${sighting.message}` }, similar: true }
  }

  #spend(component: string, { involvedObject }: Sighting, nowMs: number): boolean {
    const key = [component, ...identity(involvedObject)].join('\0')
    const budget = this.#budgets.get(key) ?? { tokens: BURST, atMs: nowMs }
    budget.tokens = Math.min(BURST, budget.tokens + (nowMs - budget.atMs) / REFILL_MS)
    budget.atMs = nowMs
    this.#budgets.set(key, budget)
    if (budget.tokens < 1) return false
    budget.tokens--
    return true
  }
}

const COMBINED = '(combined from similar events): '

const identity = (ref: ObjectReference) => [ref.kind, ref.namespace, ref.name, ref.uid, ref.apiVersion]

/** Events that are the same but for their time; with `similar`, but for their message too. */
function countKey(component: string, { involvedObject, type, reason, message }: Sighting, similar: boolean): string {
  const path = similar ? '' : involvedObject.fieldPath
  return [component, ...identity(involvedObject), path, type, reason, similar ? COMBINED : message].join('\0')
}

export function referenceTo(about: DeepReadonly<KubeObject>, fieldPath?: string): ObjectReference {
  const { name, namespace, uid, resourceVersion } = about.metadata
  return {
    kind: about.kind,
    ...(namespace ? { namespace } : {}),
    name,
    uid,
    apiVersion: about.apiVersion,
    ...(resourceVersion ? { resourceVersion } : {}),
    ...(fieldPath ? { fieldPath } : {}),
  }
}

function eventOf(
  counted: Counted,
  source: { component: string; host?: string },
  namespace: string,
  name: string,
): Event {
  const { involvedObject, type, reason, message, count, firstMs, lastMs } = counted
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace } as Event['metadata'],
    involvedObject,
    reason,
    message,
    source: { component: source.component, ...(source.host ? { host: source.host } : {}) },
    firstTimestamp: formatTime(firstMs),
    lastTimestamp: formatTime(lastMs),
    count,
    type,
    reportingComponent: source.component,
    reportingInstance: source.host ?? '',
  }
}
